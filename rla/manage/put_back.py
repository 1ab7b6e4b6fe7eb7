"""Bring runs back from the trash, under a journal of its own."""

from __future__ import annotations

import errno

from rla.core.layout import LOG, PLAN_FILE, RootPaths
from rla.fsio.atomic_write import atomic_write, remove_temporaries
from rla.fsio.safe_move import Spot
from rla.manage import migrate
from rla.manage.leaf import Leaf, Standing, standing
from rla.manage.operation import Progress
from rla.manage.record import MIGRATE, RESTORE, Copy, Item, Record, decode, encode, journal_of
from rla.manage.report import Report
from rla.manage.roll import each_run
from rla.manage.rows import announce_in_spool
from rla.manage.trash import check_in_trash, drop_empty_trash, in_trash, leaves_of, take_out_copy
from rla.runs.database import Database
from rla.store.rebuild import read_row
from rla.store.run_row import Place


def roll_forward(database: Database, record: Record, progress: Progress | None = None) -> Report:
    """Bring back what the journal says, from wherever it was broken off.

    Raises:
        OSError: Something could neither be finished nor put back.
        StoreError: The rows could not be brought back.
    """
    if record.action == MIGRATE:
        report = migrate.roll_forward(database, record, progress)
    else:
        report = _out_of_trash(database, record, progress)
    report.action = RESTORE
    _shorten_plan(database.root, record)
    drop_empty_trash(database.root, record.of)
    journal_of(database.root).drop(record.op)
    return report


def read_plan(root: RootPaths, op: str) -> Record:
    """What an operation did, as it stands in the trash.

    Raises:
        OSError: The trash knows no such operation.
        ValueError: Its plan cannot be read.
    """
    return decode((root.trash / op / PLAN_FILE).read_bytes())


def _out_of_trash(database: Database, record: Record, progress: Progress | None) -> Report:
    root, report = database.root, Report(RESTORE, record.op)

    def act(item: Item) -> list[Spot]:
        _check(root, record, item)
        return [spot for copy in item.copies for spot in take_out_copy(root, record.of, item, copy)]

    done = each_run(root, record, report, act, lambda _item: [], progress)
    if record.rows:
        _bring_rows_back(database, done)
    return report


def _check(root: RootPaths, record: Record, item: Item) -> None:
    """A run comes back with its log, or to it.

    Raises:
        OSError: There is none, or the trash holds something else under its name.
    """
    for copy in item.copies:
        check_in_trash(root, record.of, item, copy)
        log = Leaf(root, item.uid, copy.path, LOG, copy.archived)
        in_place = standing(log)
        if in_place is Standing.ABSENT and not (record.rows and in_trash(log, record.of, copy.slot)):
            raise OSError(errno.ENOENT, "its log directory is neither in the trash nor in its place")
        if in_place is Standing.FOREIGN:
            raise OSError(errno.EEXIST, "its place is taken", str(log.spot.path))
        if record.rows and in_place is Standing.OURS and in_trash(log, record.of, copy.slot):
            raise OSError(errno.EEXIST, "a run with its uid is in its place", str(log.spot.path))


def _bring_rows_back(database: Database, items: list[Item]) -> None:
    """The live copy last: of two copies its row counts."""
    rows = []
    for archived in (True, False):
        for item in items:
            for copy in item.copies:
                if copy.archived is archived:
                    rows.append((_row(database.root, item, copy), _place(database, item, copy)))
                    if not archived:
                        announce_in_spool(database, item.uid, copy.path)
    database.table.upsert_many(rows)


def _row(root: RootPaths, item: Item, copy: Copy) -> dict[str, object]:
    try:
        return read_row(root.copy(copy.path, archived=copy.archived))
    except ValueError as error:  # it was damaged when it was deleted, and still is
        day = "/".join(copy.path.split("/")[1:4])
        return {"uid": item.uid, "task": item.task, "name": item.name, "created": day, "damaged": str(error)}


def _place(database: Database, item: Item, copy: Copy) -> Place:
    return Place(item.uid, database.root_id, copy.path, copy.archived)


def _shorten_plan(root: RootPaths, record: Record) -> None:
    """What is back is no longer to be brought back."""
    directory = root.trash / record.of
    remove_temporaries(directory)
    try:
        plan = read_plan(root, record.of)
    except FileNotFoundError:
        return
    back = {item.uid for item in record.runs}
    left = [item for item in plan.runs if item.uid not in back]
    if len(left) < len(plan.runs):
        plan.runs = left
        atomic_write(directory / PLAN_FILE, encode(plan))


def leaves_in_trash(root: RootPaths, op: str, item: Item) -> list[Spot]:
    """What the trash of an operation still holds of a run."""
    found = [in_trash(leaf, op, copy.slot) for copy in item.copies for leaf in leaves_of(root, item, copy)]
    return [spot for spot in found if spot is not None]
