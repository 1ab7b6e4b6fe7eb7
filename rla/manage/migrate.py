"""Move runs to another task of the same data root; they keep their uid.

The task stands in two places on disk: in the path, and in ``run.json``. So this is the one command
that writes ``run.json`` again: in one step, under the journal, with the old content kept in the
plan for ``restore``. Archived copies in this root move along, since the task is the run's, not the
copy's.
"""

from __future__ import annotations

import errno
import json
from collections import defaultdict
from typing import Any, Final

from rla.core.index_name import shorten, task_directory
from rla.core.layout import KINDS, LOG, MANIFEST_FILE, PLAN_FILE, RootPaths
from rla.core.manifest import Manifest
from rla.fsio.safe_move import Spot, drop_empty_parents, is_there, move, opened, read_file, replace_file
from rla.manage.leaf import Leaf, Standing, leaves, read_manifest, standing
from rla.manage.operation import Progress, refusal
from rla.manage.record import MIGRATE, Copy, Item, Record, journal_of
from rla.manage.report import Report
from rla.manage.roll import alone, each_run, reason
from rla.manage.rows import Row, announce_in_spool, item_of, places_here, places_of
from rla.manage.trash import check_ours, drop_empty, leaves_of
from rla.runs.database import Database
from rla.store.rebuild import read_row
from rla.store.run_row import Place
from rla.store.run_table import RunTable

_NAMES: Final = 1000
_LARGEST: Final = 2**26
_Key = tuple[str, str, str]


class Names:
    """Free places and sequence numbers in a task; what was given once is not given again."""

    def __init__(self, root: RootPaths, table: RunTable | None, task: str) -> None:
        """Look at a task of a data root; a root that is still to be made has no table."""
        self.task = task
        self._root = root
        self._table = table
        self._places: set[str] = set()
        self._numbers: defaultdict[_Key, set[int]] = defaultdict(set)

    def place(self, path: str, *, archived: bool) -> str:
        """A place for a run that lies at another one now, under the same name if that is free.

        Raises:
            OSError: There is none.
        """
        _, year, month, day, name = path.split("/")
        for number in range(_NAMES):
            free = name if number == 0 else _with_number(name, number)
            found = "/".join((task_directory(self.task), year, month, day, free))
            if found not in self._places and not any(self._is_taken(found, each) for each in {False, archived}):
                self._places.add(found)
                return found
        raise FileExistsError(f"the task {self.task!r} has no free name for {name!r}")

    def seq(self, record: Manifest) -> int:
        """The run's own sequence number, or the next one where another run has its index name."""
        key = (record.created, record.ip, record.tracked)
        used = self._numbers[key]
        for row in self._table.find(record.created, columns=["task", "ip", "tracked", "seq"]) if self._table else ():
            same = (row["task"], row["ip"], row["tracked"]) == (self.task, record.ip, record.tracked)
            if same and row["uid"] != record.uid:
                used.add(row["seq"])
        seq = record.seq if record.seq not in used else max(used) + 1
        used.add(seq)
        return seq

    def _is_taken(self, path: str, archived: bool) -> bool:
        return any(is_there(leaf.spot) for leaf in leaves(self._root, "", path, KINDS, archived=archived))


def judge(database: Database, row: Row, names: Names) -> Item | str:
    """What moving a run to another task would touch, or why it must not be moved."""
    here = places_here(database, row)
    if isinstance(here, str):
        return here
    if not here:
        return "it has no directory in this data root"
    if row["task"] == names.task:
        return f"it is in the task {names.task!r} already"
    for place in here:
        alive = None if place.archived else refusal(database.root, place.path, row, force=False)
        if alive is not None:
            return alive
    item = item_of(row, here)
    try:
        give_names(database.root, item, names)
    except (OSError, ValueError) as error:
        return reason(error) if isinstance(error, OSError) else str(error)
    return item


def give_names(root: RootPaths, item: Item, names: Names) -> None:
    """Choose where each copy of a run goes, and its ``run.json`` there.

    Raises:
        OSError: There is no ``run.json``, or no free name.
        ValueError: It is damaged.
    """
    seq: int | None = None
    targets: dict[str, str] = {}
    for copy in item.copies:
        record, content = read_manifest(leaves(root, item.uid, copy.path, [LOG], archived=copy.archived)[0].spot)
        if record.uid != item.uid:
            message = f"run.json in {copy.path} is that of another run"
            raise ValueError(message)
        if copy.path not in targets:
            targets[copy.path] = names.place(copy.path, archived=True)
        seq = names.seq(record) if seq is None else seq
        copy.target = targets[copy.path]
        copy.before = content.decode()
        copy.manifest = _changed(content, task=names.task, seq=seq, name=copy.target.rpartition("/")[2])


def roll_forward(database: Database, record: Record, progress: Progress | None = None) -> Report:
    """Move what the journal says, from wherever it was broken off.

    Raises:
        OSError: Something could neither be finished nor put back.
        StoreError: The rows could not be changed.
    """
    root, report = database.root, Report(MIGRATE, record.op)

    def act(item: Item) -> list[Spot]:
        for copy in item.copies:
            _check(root, item, copy)
        return alone(root, item, lambda copy: _shift(root, item, copy, _there(copy)), force=record.force)

    def undo(item: Item) -> list[Spot]:
        changed = [spot for copy in item.copies for spot in _shift(root, item, _there(copy), copy)]
        for spot in changed:
            drop_empty_parents(spot)
        return changed

    done = each_run(root, record, report, act, undo, progress)
    _move_rows(database, done)
    drop_empty(root, record)
    journal = journal_of(root)
    if record.runs and not record.of:
        journal.keep(record.op, root.trash / record.op / PLAN_FILE)
    elif not record.of:
        journal.drop(record.op)
    return report


def _check(root: RootPaths, item: Item, copy: Copy) -> None:
    """A run moves when its log is where it was, or already where it is to be.

    Raises:
        OSError: It is neither, or something else lies in the run's place.
    """
    *_, here = [check_ours(leaf) for leaf in leaves_of(root, item, copy)]
    log = leaves_of(root, item, _there(copy))[-1]
    if not here and standing(log) is not Standing.OURS:
        raise OSError(errno.ENOENT, "its log directory is not there any more")


def turned_round(item: Item) -> Item:
    """A run's way back."""
    return Item(
        uid=item.uid, task=item.task, name=item.name, bytes=item.bytes, copies=[_there(copy) for copy in item.copies]
    )


def _there(copy: Copy) -> Copy:
    """The copy as it is after the move, on its way back."""
    return Copy(
        path=copy.target,
        target=copy.path,
        archived=copy.archived,
        kinds=copy.kinds,
        slot=copy.slot,
        manifest=copy.before,
        before=copy.manifest,
    )


def _shift(root: RootPaths, item: Item, copy: Copy, there: Copy) -> list[Spot]:
    """Move every kind that has not been moved, the log last, and then write what the log says of its task."""
    changed = []
    for source, target in zip(leaves_of(root, item, copy), leaves_of(root, item, there), strict=True):
        if standing(source) is Standing.OURS:
            move(source.spot, target.spot)
            changed += [target.spot, source.spot]
        if source.kind == LOG:
            _write_manifest(target, copy.manifest)
    return changed


def _write_manifest(leaf: Leaf, content: str) -> None:
    if standing(leaf) is Standing.OURS:
        with opened(leaf.spot) as directory:
            if read_file(directory, MANIFEST_FILE, _LARGEST) != content.encode():
                replace_file(directory, MANIFEST_FILE, content.encode())


def _move_rows(database: Database, items: list[Item]) -> None:
    """New places before the old ones go, so that no run is ever without one."""
    moved = []
    for item in items:
        for copy in sorted(item.copies, key=lambda copy: not copy.archived):
            place = Place(item.uid, database.root_id, copy.target, copy.archived)
            moved.append((read_row(database.root.copy(copy.target, archived=copy.archived)), place))
            if not copy.archived:
                announce_in_spool(database, item.uid, copy.target)
    database.table.upsert_many(moved)
    database.table.remove_places(places_of(database, items))


def _changed(content: bytes, **fields: Any) -> str:
    """The text of a manifest with other values for some fields; what a later version wrote stays in it."""
    return json.dumps({**json.loads(content), **fields}, indent=2, ensure_ascii=False) + "\n"


def _with_number(name: str, number: int) -> str:
    numbered = f"{name}~{number}"
    return shorten(numbered, exact=numbered)
