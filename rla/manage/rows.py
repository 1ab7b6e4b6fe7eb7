"""The rows of the runs that a command is about to change, and the places it may change."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from rla.core.layout import KINDS, RootPaths
from rla.errors import StoreError
from rla.fsio.safe_move import opened
from rla.fsio.tree_walk import open_directory, tree_bytes
from rla.manage.leaf import is_run_place, is_uid, leaves
from rla.manage.record import Copy, Item
from rla.runs import spool
from rla.runs.database import Database
from rla.runs.root import index_location, is_shared_by_files
from rla.store.run_row import Place
from rla.store.schema import runs

_CHUNK: Final = 500
_COLUMNS: Final = (
    *("uid", "task", "name", "state", "time_step", "started", "heartbeat", "created", "ip", "tracked", "places"),
)

Row = dict[str, Any]


def rows_by_uid(database: Database, uids: Sequence[str]) -> dict[str, Row]:
    """The rows of some runs; those that are not in the index are left out."""
    found = {}
    for start in range(0, len(uids), _CHUNK):
        chunk = list(uids[start : start + _CHUNK])
        for row in database.table.rows(columns=_COLUMNS, where=[runs.c.uid.in_(chunk)]):
            found[row["uid"]] = row
    return found


def places_here(database: Database, row: Row) -> list[Place] | str:
    """The places of a run below this root, or why it has none that could be changed.

    A row without any place has none to change either, and that is no trouble.
    """
    here = [place for place in row["places"] if place.root_id == database.root_id]
    if not is_uid(row["uid"]):
        return f"{row['uid']!r} is no uid of rla"
    if row["places"] and not here:
        return f"its files are not in this data root but in {_elsewhere(database, row)}"
    bad = next((place.path for place in here if not is_run_place(place.path)), None)
    return here if bad is None else f"its row holds {bad!r}, which is no run's place: run `rla reindex`"


def item_of(row: Row, places: Iterable[Place], kinds: Sequence[str] = KINDS) -> Item:
    """A run as an operation knows it."""
    copies: list[Copy] = []
    for place in places:
        before = sum(copy.archived == place.archived for copy in copies)
        slot = f"{row['uid']}.{before}" if before else row["uid"]
        copies.append(Copy(path=place.path, archived=place.archived, kinds=list(kinds), slot=slot))
    return Item(uid=row["uid"], task=row["task"], name=row["name"], copies=copies)


def places_of(database: Database, items: Iterable[Item]) -> list[Place]:
    """The places of the copies of an operation; a run without any stands for itself."""
    found = []
    for item in items:
        copies = [Place(item.uid, database.root_id, copy.path, copy.archived) for copy in item.copies]
        found += copies or [Place(item.uid, database.root_id, "")]
    return found


def copy_bytes(root: RootPaths, uid: str, copy: Copy, counted: set[tuple[int, int]] | None = None) -> int:
    """The disk space of one copy of a run; what cannot be read counts nothing."""
    return sum(kind_bytes(root, uid, copy, kind, counted) for kind in copy.kinds)


def kind_bytes(root: RootPaths, uid: str, copy: Copy, kind: str, counted: set[tuple[int, int]] | None = None) -> int:
    """The disk space of one kind of a copy."""
    (leaf,) = leaves(root, uid, copy.path, [kind], archived=copy.archived)
    try:
        with opened(leaf.spot) as directory:
            return tree_bytes(open_directory(".", directory), counted)
    except OSError:
        return 0


def forget_in_spool(database: Database, uid: str) -> None:
    """Where machines meet in the files only, a run that is gone must not be announced any more."""
    if _shared_by_files(database):
        (database.root.spool / uid).unlink(missing_ok=True)


def announce_in_spool(database: Database, uid: str, path: str) -> None:
    """Tell the other machines that read these files of a run's place."""
    if _shared_by_files(database):
        spool.leave_entry(database.root, uid, path)


def has_own_index(database: Database) -> bool:
    """Whether the index belongs to this root alone, as it does without an ``INDEX_URL``."""
    return str(index_location(database.root, None)) == database.table.index.name


def _shared_by_files(database: Database) -> bool:
    return has_own_index(database) and is_shared_by_files(database.root, None)


def _elsewhere(database: Database, row: Row) -> str:
    try:
        known = {root["root_id"]: f"{root['host']}:{root['note']}" for root in database.table.roots()}
    except StoreError:
        known = {}
    return ", ".join(sorted({known.get(place.root_id, f"root {place.root_id}") for place in row["places"]}))
