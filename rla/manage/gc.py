"""Empty the trash, and remove backed-up code and cached curves that no run uses any more."""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from rla.core.layout import CURVES, DOOMED_FILE, KINDS, PLAN_FILE, TRASH_BESIDE, RootPaths, user_cache_dir
from rla.fsio.atomic_write import remove_temporaries, sync_directory
from rla.fsio.safe_move import Spot, drop_empty_parents, opened
from rla.fsio.tree_walk import disk_bytes
from rla.manage.leaf import Leaf, owner_at
from rla.manage.operation import Progress, explained, operation
from rla.manage.record import journal_of
from rla.manage.recover import recover_alone
from rla.manage.report import Report
from rla.manage.roll import reason
from rla.manage.staging import remove_leaf
from rla.manage.trash import drop_empty_trash, operations, slots
from rla.runs.curve_cache import drop_cached
from rla.runs.database import Database

GC: Final = "gc"
_DAY: Final = 24 * 3600.0
"""Seconds for which an entry without links may be one that a backup is about to link, and a temporary file be used."""
_STAMP: Final = re.compile(r"\d{8}-\d{6}")
_FOLDER: Final = re.compile(r"[0-9a-f]{2}")


def collect(
    database: Database, *, older_than: timedelta, all_curves: bool = False, progress: Progress | None = None
) -> Report:
    """Remove for good what was put into the trash before some time ago.

    Each operation is marked first; from then on it cannot be undone, and a gc that is killed is
    finished by the next one. Of the code store the entries go that no run links any more, and of the
    cache of curves what was read of files that are gone.

    Args:
        database: The data root.
        older_than: How long deleted runs are kept.
        all_curves: Empty the cache of curves: each is read from its file again when it is next drawn.
        progress: Called with the number of operations that were emptied, and of all.

    Returns:
        The operations under ``done``, and the bytes that are free now.

    Raises:
        StoreError: The disk cannot be written.
    """
    report = Report(GC)
    for home in database.everywhere():
        report.add(_collect_in(home, older_than, progress))
        report.bytes += _collect_curves(home.root, every=all_curves)
    return report


def _collect_in(database: Database, older_than: timedelta, progress: Progress | None) -> Report:
    root, report = database.root, Report(GC)
    with operation(database), explained(root):
        recover_alone(database)
        chosen = _chosen(root, older_than.total_seconds())
        for number, op in enumerate(chosen, 1):
            _doom(root, op)
            _empty(root, op, report)
            if progress is not None:
                progress(number, len(chosen))
        report.bytes += _collect_code(root)
        for directory in (root.state_dir, root.trees, root.batches, root.unsettled):
            remove_temporaries(directory, _DAY)
    return report


def _chosen(root: RootPaths, age: float) -> list[str]:
    """What was being emptied, what is old, and what no plan knows: its disk was not there, or a gc was killed."""
    doomed, planned = operations(root, doomed=True), operations(root)
    known = {*doomed, *planned, *journal_of(root).pending()}
    old = [op for op in planned if _age(op) >= age]
    lost = []
    for op in sorted({*_beside(root), *_names(Spot(root.state_dir, root.trash.name))} - known):
        drop_empty_trash(root, op)
        if _age(op) >= age and any(trash_leaves(root, op)):
            lost.append(op)
    return [*doomed, *old, *lost]


def trash_leaves(root: RootPaths, op: str) -> Iterator[tuple[Leaf, Spot]]:
    """Everything in the trash of an operation that has the name of a run."""
    for archived in (False, True):
        for kind in KINDS:
            for example in slots(Leaf(root, "", "", kind, archived), op, "x"):
                parent = Spot(example.top, example.place.rpartition("/")[0])
                for name in _names(parent):
                    uid = name.partition(".")[0]
                    yield Leaf(root, uid, "", kind, archived), Spot(parent.top, f"{parent.place}/{name}")


def _doom(root: RootPaths, op: str) -> None:
    """From here on the operation cannot be undone, since a part of it may be gone."""
    directory = root.trash / op
    with contextlib.suppress(FileNotFoundError):
        (directory / PLAN_FILE).rename(directory / DOOMED_FILE)
        sync_directory(directory)


def _empty(root: RootPaths, op: str, report: Report) -> None:
    failures = len(report.failed)
    for leaf, spot in trash_leaves(root, op):
        try:
            owner = owner_at(spot, leaf.kind)
            if owner not in {leaf.uid, "", None}:
                report.failed.append((op, f"{spot.path} does not carry the uid of its name, and is left"))
                continue
            report.bytes += remove_leaf(spot, leaf.kind)
        except OSError as error:
            report.failed.append((op, reason(error)))
    if len(report.failed) == failures:
        _forget(root, op, report)


def _forget(root: RootPaths, op: str, report: Report) -> None:
    """The plan of an emptied operation goes when nothing else is left of it; else the next gc looks again."""
    drop_empty_trash(root, op)
    directory = root.trash / op
    remove_temporaries(directory)
    left = [name for name in _names(Spot(root.trash, op)) if name != DOOMED_FILE]
    if not left:
        with contextlib.suppress(FileNotFoundError):
            (directory / DOOMED_FILE).unlink()
        drop_empty_trash(root, op)
    if directory.exists():
        report.failed.append((op, f"not all of {directory} could be removed"))
    else:
        report.done.append(op)


def _beside(root: RootPaths) -> list[str]:
    """Operations whose trash lies on another disk, which may not have been there when they were emptied."""
    tops = [
        root.base(archived=True),
        *(root.tree(kind, archived=archived) for archived in (False, True) for kind in KINDS),
    ]
    return sorted({op for top in tops for op in _names(Spot(top, TRASH_BESIDE)) if _STAMP.match(op)})


def _age(op: str) -> float:
    """Seconds since an operation began; its id tells."""
    try:
        return time.time() - time.mktime(time.strptime(op[:15], "%Y%m%d-%H%M%S"))
    except (ValueError, OverflowError):
        return 0.0


def _names(spot: Spot) -> list[str]:
    try:
        with opened(spot) as directory:
            return sorted(os.listdir(directory))  # noqa: PTH208 - of a descriptor
    except OSError:
        return []


def _collect_code(root: RootPaths) -> int:
    """A backup that links an entry just now either has its link already or finds the entry missing, and makes it."""
    freed = 0
    limit = time.time() - _DAY
    for folder in _names(Spot(root.state_dir, root.code_store.name)):
        if _FOLDER.fullmatch(folder):
            with contextlib.suppress(OSError), opened(Spot(root.code_store, folder)) as directory:
                names = os.listdir(directory)  # noqa: PTH208 - of a descriptor
                freed += sum(_remove_unused(name, directory, limit) for name in names)
            drop_empty_parents(Spot(root.code_store, f"{folder}/x"))
    return freed


def _collect_curves(root: RootPaths, *, every: bool) -> int:
    """In the root's own cache, and in this user's, which serves where a root cannot be written."""
    users = user_cache_dir()
    own = drop_cached(root.state_dir, root.curve_cache, every=every)
    return own + drop_cached(users, users / CURVES, below=root.root.absolute(), every=every)


def _remove_unused(name: str, directory: int, limit: float) -> int:
    with contextlib.suppress(OSError):
        found = os.stat(name, dir_fd=directory, follow_symlinks=False)
        if found.st_nlink == 1 and found.st_ctime < limit:
            os.unlink(name, dir_fd=directory)
            return disk_bytes(found)
    return 0
