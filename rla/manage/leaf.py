"""One directory of one run: where it lies, and whose it is."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import Final

from rla.core import manifest
from rla.core.layout import ARCHIVED, KINDS, LOG, MANIFEST_FILE, JobTreePaths, RootPaths, RunPaths
from rla.core.manifest import Manifest
from rla.fsio.safe_move import Spot, opened, read_file

_LARGEST: Final = 2**26
_UID: Final = re.compile(rb'"uid"\s*:\s*"([0-9a-f]{16})"')
NO_DIRECTORY: Final = "/"
"""What :func:`owner_at` says of a file or a link in the place of a directory."""
_WHOLE_UID: Final = re.compile(r"[0-9a-f]{16}")
_IN_THE_WAY: Final = frozenset({errno.ENOTDIR, errno.ELOOP})
_DEPTHS: Final = frozenset({*RootPaths(Path()).depths, *JobTreePaths(Path()).depths})


class Standing(Enum):
    """What is at the place of a leaf."""

    ABSENT = auto()
    OURS = auto()
    FOREIGN = auto()


@dataclass(frozen=True)
class Leaf:
    """The directory of one kind of one copy of a run."""

    root: RootPaths
    uid: str
    path: str
    kind: str
    archived: bool = False

    @property
    def spot(self) -> Spot:
        """Where it lies."""
        return Spot(self.root.tree(self.kind, archived=self.archived), self.root.below(self.kind, self.path))

    @property
    def tree(self) -> str:
        """Its tree, relative to the root."""
        return f"{ARCHIVED}/{self.kind}" if self.archived else self.kind


def leaves(root: RootPaths, uid: str, path: str, kinds: Sequence[str], *, archived: bool) -> list[Leaf]:
    """The leaves of a copy; the log, which makes it a run, is the last. A job's log holds all the others."""
    if LOG in kinds and isinstance(root, JobTreePaths):
        kinds = (LOG,)
    ordered = sorted(kinds, key=lambda kind: (kind == LOG, kind))
    return [Leaf(root, uid, path, kind, archived) for kind in ordered]


def is_uid(uid: str) -> bool:
    """Whether a text can be the uid of a run, and so a name in the trash."""
    return _WHOLE_UID.fullmatch(uid) is not None


def is_run_place(path: str) -> bool:
    """Whether a path that a row holds can be the place of a run: rows are data, whoever wrote them."""
    parts = path.split("/")
    words = not any(part in {"", ".", ".."} or "\0" in part for part in parts)
    return words and len(parts) in _DEPTHS and not parts[0].startswith(".")


def standing(leaf: Leaf) -> Standing:
    """Whose directory lies at a leaf.

    Raises:
        OSError: That cannot be known: its disk is not mounted, or it may not be read.
    """
    found = owner_at(leaf.spot, leaf.kind)
    if found is None:
        return Standing.ABSENT
    if found == leaf.uid or (found == "" and leaf.kind == LOG and _is_named_by_others(leaf)):
        return Standing.OURS
    return Standing.FOREIGN if found or not is_bare(leaf.spot, leaf.kind) else Standing.OURS


def owner_at(spot: Spot, kind: str) -> str | None:
    """The uid that a directory carries: empty when it carries none, None when there is no directory.

    Raises:
        OSError: That cannot be known.
    """
    try:
        with opened(spot) as directory:
            return _owner(directory, kind)
    except FileNotFoundError:
        if spot.top.is_symlink() and not spot.top.exists():
            raise OSError(errno.ENODEV, "it is a link to a directory that is not mounted", str(spot.top)) from None
        return None
    except OSError as error:
        if error.errno in _IN_THE_WAY:
            return NO_DIRECTORY
        raise


def is_bare(spot: Spot, kind: str) -> bool:
    """Whether a directory holds nothing, or a marker that a kill left empty: then it is nobody's.

    Raises:
        OSError: That cannot be known.
    """
    try:
        with opened(spot) as directory:
            names = os.listdir(directory)  # noqa: PTH208 - of a descriptor
            marker = identity_file(kind)
            return not names or (names == [marker] and kind != LOG and read_file(directory, marker, _LARGEST) == b"")
    except OSError as error:
        if error.errno in _IN_THE_WAY:
            return False
        raise


def identity_file(kind: str) -> str:
    """The file that tells whose directory of a kind it is."""
    return MANIFEST_FILE if kind == LOG else RunPaths(Path(), "").marker(kind).name


def read_manifest(spot: Spot) -> tuple[Manifest, bytes]:
    """The manifest at a log leaf, decoded and as it stands.

    Raises:
        OSError: There is none, or it cannot be read.
        ValueError: It is damaged.
    """
    with opened(spot) as directory:
        content = read_file(directory, MANIFEST_FILE, _LARGEST)
    return manifest.decode(content, Manifest), content


def _owner(directory: int, kind: str) -> str:
    try:
        content = read_file(directory, identity_file(kind), _LARGEST)
    except OSError as error:
        if error.errno in {errno.ENOENT, errno.ELOOP, errno.EINVAL, errno.EISDIR, errno.ENXIO}:
            return ""
        raise
    if kind != LOG:
        return content.decode("utf-8", "replace").strip()
    try:
        return manifest.decode(content, Manifest).uid
    except ValueError:  # a damaged manifest may still hold its uid
        match = _UID.search(content)
        return match[1].decode() if match else ""


def _is_named_by_others(leaf: Leaf) -> bool:
    """A manifest that says nothing any more: do the markers beside it know whose it is?"""
    others = leaves(leaf.root, leaf.uid, leaf.path, [kind for kind in KINDS if kind != LOG], archived=leaf.archived)
    return any(owner_at(other.spot, other.kind) == leaf.uid for other in others)
