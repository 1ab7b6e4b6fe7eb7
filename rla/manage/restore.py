"""Undo a delete or a migration, as long as the trash has not been emptied."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rla.errors import StoreError
from rla.manage.migrate import turned_round
from rla.manage.operation import Progress, check_index_is_writable, explained, operation
from rla.manage.put_back import leaves_in_trash, read_plan, roll_forward
from rla.manage.record import DELETE, MIGRATE, RESTORE, TRANSFER, Item, Record, new_record, write_record
from rla.manage.recover import recover_alone
from rla.manage.report import Report
from rla.manage.rows import places_here, rows_by_uid
from rla.manage.trash import operations
from rla.runs.database import Database


@dataclass(frozen=True)
class Operation:
    """Something that was done and can be undone.

    Attributes:
        id: By which it is named; ids sort by time.
        action: ``delete`` or ``migrate``.
        when: In seconds since the epoch.
        runs: How many runs it could still bring back.
        bytes: How much they hold.
    """

    id: str
    action: str
    when: float
    runs: int
    bytes: int


def list_operations(database: Database) -> list[Operation]:
    """What can be undone, the newest first; what was undone stands there with no runs until ``gc``."""
    found: dict[str, Operation] = {}
    for home in database.everywhere():
        for op in operations(home.root):
            try:
                plan = read_plan(home.root, op)
            except (OSError, ValueError):
                continue
            action = MIGRATE if plan.action == TRANSFER else plan.action
            before = found.get(op)  # one operation may have changed the runs of several roots
            runs = len(plan.runs) + (before.runs if before else 0)
            size = sum(item.bytes for item in plan.runs) + (before.bytes if before else 0)
            found[op] = Operation(op, action, plan.when, runs, size)
    return [found[op] for op in sorted(found, reverse=True)]


def restore(
    database: Database,
    operation_id: str | None = None,
    uids: Sequence[str] | None = None,
    *,
    progress: Progress | None = None,
) -> Report:
    """Undo an operation: its runs are where they were, with their rows. Undoing it again changes nothing.

    A run that was moved to another data root comes back from the trash; its copy there stays.

    Args:
        database: The data root.
        operation_id: Which operation, or the last one, also if that was undone already.
        uids: Only these of its runs.
        progress: Called with the number of runs that were tried, and of all.

    Raises:
        StoreError: There is no such operation, or the disk or the index cannot be written.
    """
    known = {home.root_id: operations(home.root) for home in database.everywhere()}
    op = operation_id or max((op for ops in known.values() for op in ops), default=None)
    report = Report(RESTORE)
    if op is None:
        return report
    homes = [database.at(root_id) for root_id, ops in known.items() if op in ops] or [database]
    for home in homes:
        report.add(_restore_in(home, op, uids, progress))
    return report


def _restore_in(database: Database, op: str, uids: Sequence[str] | None, progress: Progress | None) -> Report:
    with operation(database), explained(database.root):
        recover_alone(database)
        plan = _plan(database, op)
        wanted = None if uids is None else set(uids)
        chosen = [item for item in plan.runs if wanted is None or item.uid in wanted]
        report = Report(RESTORE)
        record = _way_back(database, plan, chosen, report)
        if not record.runs:
            return report
        check_index_is_writable(database)
        write_record(database.root, record)
        done = roll_forward(database, record, progress)
        done.failed += report.failed
        if plan.action == TRANSFER:
            done.notes += [(uid, f"its copy in {plan.root} stays") for uid in done.done]
        return done


def _plan(database: Database, op: str) -> Record:
    try:
        if op not in operations(database.root):
            raise StoreError(f"the trash of {database.root.root} knows no operation {op!r}; it may have been emptied")
        return read_plan(database.root, op)
    except ValueError as error:
        raise StoreError(f"the plan of the operation {op} cannot be read: {error}") from error


def _way_back(database: Database, plan: Record, items: list[Item], report: Report) -> Record:
    """The operation that undoes another one."""
    if plan.action == MIGRATE:
        return new_record(MIGRATE, [turned_round(item) for item in items], of=plan.op)
    rows = rows_by_uid(database, [item.uid for item in items])
    chosen = []
    for item in items:
        trouble = _trouble(database, plan, item, rows.get(item.uid))
        if trouble is None:
            chosen.append(item)
        else:
            report.failed.append((item.uid, trouble))
    return new_record(RESTORE, chosen, of=plan.op, rows=plan.rows)


def _trouble(database: Database, plan: Record, item: Item, row: dict[str, object] | None) -> str | None:
    """Why a run cannot come back; parts that were freed go to where the run lies now."""
    if item.copies and not leaves_in_trash(database.root, plan.op, item):
        return "nothing of it is in the trash"
    if not item.copies:
        return "it had no directories when it was deleted"
    if plan.action != DELETE:
        return None
    here = places_here(database, row) if row is not None else []
    paths = {place.archived: place.path for place in here} if not isinstance(here, str) else {}
    if plan.rows:
        live = paths.get(False)
        moved = live is not None and live not in {copy.path for copy in item.copies}
        return f"the run is there already, at {live}" if moved else None
    for copy in item.copies:
        if copy.archived not in paths:
            return "the run that it belongs to is not there any more"
        copy.path = paths[copy.archived]
    return None
