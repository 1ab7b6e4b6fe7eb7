"""The trash: a directory per operation, on the disk of what is in it.

``.rla/trash/<operation>/<tree>/<slot>``, or, where a tree lies on another disk than ``.rla``,
``<tree>/.rla-trash/<operation>/<slot>``. Things go in and out by renaming, never by copying. The
names are flat (a slot is a uid), because on a full disk there may be no room for many directories.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator

from rla.core.layout import ARCHIVED, DOOMED_FILE, KINDS, PLAN_FILE, TRASH_BESIDE, RootPaths
from rla.fsio.safe_move import Spot, drop_empty_parents, is_there, move
from rla.manage.leaf import Leaf, Standing, leaves, owner_at, standing
from rla.manage.record import Copy, Item, Record


def slots(leaf: Leaf, op: str, slot: str) -> Iterator[Spot]:
    """Where a leaf may lie in the trash, the usual place first."""
    yield Spot(leaf.root.trash, f"{op}/{leaf.tree}/{slot}")
    if leaf.archived:
        yield Spot(leaf.root.base(archived=True), f"{TRASH_BESIDE}/{op}/{leaf.kind}/{slot}")
    yield Spot(leaf.root.tree(leaf.kind, archived=leaf.archived), f"{TRASH_BESIDE}/{op}/{slot}")


def in_trash(leaf: Leaf, op: str, slot: str) -> Spot | None:
    """Where a leaf lies in the trash of an operation, or None."""
    return next((spot for spot in slots(leaf, op, slot) if _holds(spot)), None)


def put_in(leaf: Leaf, op: str, slot: str) -> Spot:
    """Move a leaf into the trash of its disk.

    Raises:
        OSError: It could not be moved; it is where it was.
    """
    refused: OSError | None = None
    for spot in slots(leaf, op, slot):
        try:
            move(leaf.spot, spot)
            return spot
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            refused = error
    assert refused is not None
    raise refused


def put_in_copy(root: RootPaths, op: str, item: Item, copy: Copy) -> list[Spot]:
    """Move a copy of a run into the trash, the log last. What is not there any more counts as moved.

    Returns:
        What has changed, to be made durable.

    Raises:
        OSError: A leaf is not the run's, or could not be moved.
    """
    there = [leaf for leaf in leaves_of(root, item, copy) if check_ours(leaf)]  # all of them, before any moves
    return [spot for leaf in there for spot in (put_in(leaf, op, copy.slot), leaf.spot)]


def take_out_copy(root: RootPaths, op: str, item: Item, copy: Copy) -> list[Spot]:
    """Move a copy of a run out of the trash to its place, the log last; all of it or nothing.

    Returns:
        What has changed, to be made durable.

    Raises:
        OSError: Its place is taken, or it could not be moved.
    """
    moved: list[tuple[Spot, Spot]] = []
    try:
        for leaf in leaves_of(root, item, copy):
            spot = in_trash(leaf, op, copy.slot)
            if spot is not None:
                move(spot, leaf.spot)
                moved.append((spot, leaf.spot))
    except OSError:
        for spot, place in reversed(moved):
            move(place, spot)
            drop_empty_parents(place)
        raise
    return [spot for pair in moved for spot in pair]


def check_ours(leaf: Leaf) -> bool:
    """Whether a leaf is there.

    Raises:
        OSError: Something is there, and it is not this run's.
    """
    found = standing(leaf)
    if found is Standing.FOREIGN:
        raise OSError(errno.EPERM, "it is not this run's: it does not carry its uid", str(leaf.spot.path))
    return found is Standing.OURS


def check_in_trash(root: RootPaths, op: str, item: Item, copy: Copy) -> None:
    """Make sure that what the trash has under the names of a copy is this run's.

    Raises:
        OSError: It is another run's.
    """
    for leaf in leaves_of(root, item, copy):
        spot = in_trash(leaf, op, copy.slot)
        if spot is not None and owner_at(spot, leaf.kind) not in {item.uid, ""}:
            raise OSError(errno.EPERM, "it is not this run's: it does not carry its uid", str(spot.path))


def leaves_of(root: RootPaths, item: Item, copy: Copy) -> list[Leaf]:
    """The leaves of a copy that an operation touches, the log last."""
    return leaves(root, item.uid, copy.path, copy.kinds, archived=copy.archived)


def drop_empty(root: RootPaths, record: Record) -> None:
    """Remove what is empty: the dates of what went away, and the trash of what came back."""
    spots = {
        (leaf.tree, leaf.path.rpartition("/")[0]): leaf.spot
        for item in record.runs
        for copy in item.copies
        for leaf in leaves_of(root, item, copy)
    }
    for spot in spots.values():
        drop_empty_parents(spot)
    drop_empty_trash(root, record.op)


def drop_empty_trash(root: RootPaths, op: str) -> None:
    """Remove the directories of an operation's trash that hold nothing."""
    for spot in filter(_holds, operation_spots(root, op)):
        for kind in (*KINDS, *(f"{ARCHIVED}/{kind}" for kind in KINDS)):
            drop_empty_parents(Spot(spot.top, f"{spot.place}/{kind}/x"))
        drop_empty_parents(Spot(spot.top, f"{spot.place}/x"))


def operation_spots(root: RootPaths, op: str) -> Iterator[Spot]:
    """Where the trash of an operation may lie: beside ``.rla``, and at the top of each tree."""
    yield Spot(root.trash, op)
    yield Spot(root.base(archived=True), f"{TRASH_BESIDE}/{op}")
    for archived in (False, True):
        for kind in KINDS:
            yield Spot(root.tree(kind, archived=archived), f"{TRASH_BESIDE}/{op}")


def operations(root: RootPaths, *, doomed: bool = False) -> list[str]:
    """The operations whose plan is kept, the oldest first; or those whose trash is being emptied."""
    name = DOOMED_FILE if doomed else PLAN_FILE
    with contextlib.suppress(OSError):
        return [op for op in sorted(os.listdir(root.trash)) if (root.trash / op / name).is_file()]  # noqa: PTH208
    return []


def _holds(spot: Spot) -> bool:
    try:
        return is_there(spot)
    except OSError as error:
        if error.errno == errno.ENOTDIR:
            return False
        raise
