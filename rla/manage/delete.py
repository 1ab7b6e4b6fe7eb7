"""Delete runs: their directories into the trash, then their rows.

The order is: journal on disk, renames, renames on disk, rows in one transaction, journal to the
trash as the plan that ``restore`` reads. Whatever breaks off after the first step is finished by
the next command.
"""

from __future__ import annotations

from collections.abc import Sequence

from rla.core.layout import KINDS, PLAN_FILE
from rla.fsio.safe_move import Spot
from rla.manage.operation import Progress, refusal
from rla.manage.record import DELETE, Item, Record, journal_of
from rla.manage.report import Report
from rla.manage.roll import alone, each_run
from rla.manage.rows import Row, forget_in_spool, item_of, places_here, places_of
from rla.manage.trash import drop_empty, put_in_copy, take_out_copy
from rla.runs.database import Database


def judge(database: Database, row: Row, *, kinds: Sequence[str] | None, archived: bool, force: bool) -> Item | str:
    """What deleting a run would touch, or why it must not be deleted."""
    here = places_here(database, row)
    if isinstance(here, str):
        return here
    chosen = [place for place in here if archived or not place.archived]
    if here and not chosen:
        return "only its archived copy is left, which goes when it is asked for by name (--archived)"
    for place in chosen:
        alive = None if place.archived else refusal(database.root, place.path, row, force=force)
        if alive is not None:
            return alive
    return item_of(row, chosen, kinds or KINDS)


def roll_forward(database: Database, record: Record, progress: Progress | None = None) -> Report:
    """Delete what the journal says, from wherever it was broken off.

    Raises:
        OSError: Something could neither be finished nor put back.
        StoreError: The rows could not be removed.
    """
    root, report = database.root, Report(DELETE, record.op)

    def act(item: Item) -> list[Spot]:
        return alone(root, item, lambda copy: put_in_copy(root, record.op, item, copy), force=record.force)

    def undo(item: Item) -> list[Spot]:
        return [spot for copy in item.copies for spot in take_out_copy(root, record.op, item, copy)]

    done = each_run(root, record, report, act, undo, progress)
    if record.rows:
        for item in done:
            forget_in_spool(database, item.uid)
        database.table.remove_places(places_of(database, done))
    finish(database, record)
    return report


def finish(database: Database, record: Record) -> None:
    """End an operation: the dates it emptied go, its plan stays with the trash.

    Raises:
        OSError: The journal could not be moved.
    """
    drop_empty(database.root, record)
    journal = journal_of(database.root)
    if record.runs:
        journal.keep(record.op, database.root.trash / record.op / PLAN_FILE)
    else:
        journal.drop(record.op)
