"""One copied leaf: made beside its target, verified, and only then given its name."""

from __future__ import annotations

import contextlib
import errno
import os
import posixpath
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from rla.core.layout import KINDS, STAGE_BESIDE
from rla.fsio.copy_tree import CopyReport, KeepLink, SyncedDisks, copy_tree, sync_tree
from rla.fsio.safe_move import Spot, drop_empty_parents, is_there, move, opened, parent_of
from rla.fsio.safe_remove import remove_tree
from rla.fsio.tree_walk import open_directory
from rla.manage.leaf import Leaf, Standing, identity_file, is_bare, standing
from rla.manage.trash import check_ours


@dataclass(frozen=True)
class Twin:
    """A leaf, and the copy that is to be made of it."""

    source: Leaf
    target: Leaf
    stage: Spot


def twin(source: Leaf, target: Leaf, op: str, slot: str) -> Twin:
    """A leaf and its copy; the copy is made at the top of the target's tree, so that one rename gives its name."""
    top = target.root.tree(target.kind, archived=target.archived)
    return Twin(source, target, Spot(top, f"{STAGE_BESIDE}/{op}/{slot}"))


def copy_to_stage(pair: Twin, progress: Callable[[int], None]) -> CopyReport:
    """Copy a leaf, and verify the copy. A leaf that is not there is not copied.

    Raises:
        OSError: It is not this run's, or could not be copied.
    """
    if not check_ours(pair.source) or is_bare(pair.source.spot, pair.source.kind):
        return CopyReport()
    with parent_of(pair.stage, make=True) as parent:
        os.mkdir(pair.stage.name, dir_fd=parent)
    with opened(pair.source.spot) as old, opened(pair.stage) as new:
        keep_link = links_within(pair.source)
        return copy_tree(open_directory(".", old), open_directory(".", new), keep_link, progress=progress)


def sync_stage(pair: Twin, at_once: SyncedDisks | None) -> None:
    """Wait until the disk has a copy.

    Args:
        pair: The leaf and its copy.
        at_once: Sync whole disks, each but once; None to sync file by file.

    Raises:
        OSError: It does not have it.
    """
    if is_there(pair.stage):
        with opened(pair.stage) as directory:
            if at_once is None or not at_once.sync(directory):
                sync_tree(open_directory(".", directory))


def publish(pairs: Iterable[Twin]) -> list[Spot]:
    """Give the copies of one run their names, in the order in which they come.

    Returns:
        What has changed, to be made durable.

    Raises:
        OSError: A name is taken.
    """
    changed = []
    for pair in pairs:
        if is_there(pair.stage):
            move(pair.stage, pair.target.spot)
            changed += [pair.target.spot, pair.stage]
    return changed


def discard(pair: Twin) -> None:
    """Remove a copy that is not to be, staged or published, and the empty directories above it.

    Raises:
        OSError: It could not be removed.
    """
    if standing(pair.target) is Standing.OURS:
        remove_leaf(pair.target.spot, pair.target.kind)
    drop_empty_parents(pair.target.spot)
    discard_stage(pair)


def discard_stage(pair: Twin) -> None:
    """Remove what is left of a staged copy.

    Raises:
        OSError: It could not be removed.
    """
    remove_leaf(pair.stage, pair.target.kind)
    drop_empty_parents(pair.stage)


def remove_leaf(spot: Spot, kind: str) -> int:
    """Remove a directory for good, what tells whose it is at the very end; one that is gone is fine.

    Returns:
        How many bytes are free now.

    Raises:
        OSError: It could not be removed.
    """
    with contextlib.suppress(FileNotFoundError), parent_of(spot) as parent:
        return remove_tree(parent, spot.name, last=identity_file(kind))
    return 0


def check_free(leaf: Leaf) -> None:
    """Make sure that nothing has a copy's name.

    Raises:
        OSError: Something has.
    """
    if is_there(leaf.spot):
        raise OSError(errno.EEXIST, os.strerror(errno.EEXIST), str(leaf.spot.path))


def links_within(leaf: Leaf) -> KeepLink:
    """Which symbolic links of a leaf are copied: relative ones that stay within the run, whatever their kind."""
    tops = [f"{kind}/{leaf.path}" for kind in KINDS]

    def keep(directory: str, text: str) -> bool:
        if posixpath.isabs(text):
            return False
        target = posixpath.normpath(posixpath.join(leaf.kind, leaf.path, directory, text))
        return any(target == top or target.startswith(f"{top}/") for top in tops)

    return keep
