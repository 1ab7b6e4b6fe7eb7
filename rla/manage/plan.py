"""Plan a change of stored runs, show it, and then do exactly that to no other runs.

A plan holds the uids that a selection gave, once and for all. When it is carried out each run is
looked at again, under the operation lock: the list may shrink, and what shrank is reported.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from rla.core.layout import KINDS, LOG, JobTreePaths, RootPaths
from rla.core.states import LOST, OPEN
from rla.core.wording import counted, size_text
from rla.errors import ConfigError
from rla.manage import archive, delete, migrate, transfer
from rla.manage.operation import Progress, check_index_is_writable, explained, operation
from rla.manage.record import ARCHIVE, DELETE, MIGRATE, TRANSFER, Item, new_id, new_record, write_record
from rla.manage.recover import recover_alone
from rla.manage.report import Report
from rla.manage.rows import Row, copy_bytes, rows_by_uid
from rla.runs.database import Database

_SHOWN: Final = 20
_JOB: Final = "it is a job of hermes or of a grid: its script and its tree are its place"
_GONE: Final = "it is not in the index any more"
Judge = Callable[[Row], Item | str]


@dataclass(frozen=True)
class PlannedPlace:
    """A copy of a run that the plan touches."""

    path: str
    archived: bool
    bytes: int


@dataclass(frozen=True)
class PlannedRun:
    """A run of a plan, as it stood when the plan was made."""

    uid: str
    task: str = ""
    name: str = ""
    places: tuple[PlannedPlace, ...] = ()
    state: str = ""
    time_step: int | None = None
    started: float | None = None
    root_id: str = ""

    @property
    def bytes(self) -> int:
        """The disk space of what the plan touches of it."""
        return sum(place.bytes for place in self.places)


@dataclass
class Plan:
    """What a command is going to do.

    Attributes:
        action: ``delete``, ``archive`` or ``migrate``.
        runs: What it is done to.
        refused: What it is not done to, and why.
        bytes: The disk space of all that is touched.
        options: What else the command was told.
    """

    action: str
    runs: list[PlannedRun] = field(default_factory=list)
    refused: list[tuple[PlannedRun, str]] = field(default_factory=list)
    bytes: int = 0
    options: dict[str, Any] = field(default_factory=dict)

    def lines(self) -> list[str]:
        """A preview: how many, how large, the newest and the oldest, and the first twenty."""
        runs = sorted(self.runs, key=lambda run: run.started or 0.0, reverse=True)
        told = [f"{self.action} {counted(len(runs), 'run')}, {size_text(self.bytes)}"]
        if runs:
            told += [f"newest: {_describe(runs[0])}", f"oldest: {_describe(runs[-1])}"]
            told += [f"  {_describe(run)}" for run in runs[:_SHOWN]]
        if len(runs) > _SHOWN:
            told.append(f"  ... and {len(runs) - _SHOWN} more")
        told += [f"left alone: {run.uid} {run.name}: {reason}" for run, reason in self.refused[:_SHOWN]]
        if len(self.refused) > _SHOWN:
            told.append(f"  ... and {len(self.refused) - _SHOWN} more are left alone")
        return told


def plan_delete(
    database: Database,
    uids: Sequence[str],
    *,
    kinds: Sequence[str] | None = None,
    archived: bool = False,
    force: bool = False,
) -> Plan:
    """Plan to delete runs, or to free some of their kinds.

    Args:
        database: The data root.
        uids: The runs.
        kinds: Only these kinds of data; the runs stay.
        archived: Archived copies, too.
        force: Also runs that seem to be recorded still by the process table or their heartbeat. A run
            whose lock is held is never deleted.

    Raises:
        ConfigError: There is no such kind, or the log is to go alone.
    """
    _check_kinds(kinds)
    options = {"kinds": tuple(kinds) if kinds is not None else None, "archived": archived, "force": force}
    return _plan(database, DELETE, uids, options)


def plan_archive(database: Database, uids: Sequence[str]) -> Plan:
    """Plan to copy runs below ``arc``; those that are there already are among the refused."""
    return _plan(database, ARCHIVE, uids, {})


def plan_migrate(
    database: Database, uids: Sequence[str], *, task: str | None = None, data_root: Path | None = None
) -> Plan:
    """Plan to move runs to another task, to another data root, or both.

    Raises:
        ConfigError: Neither is given, the task has no name, or the data root is this one.
    """
    if task is None and data_root is None:
        raise ConfigError("say where to move the runs: to a task, to a data root, or both")
    if task is not None and not task.strip():
        raise ConfigError("a task needs a name")
    return _plan(database, MIGRATE, uids, {"task": task, "data_root": data_root})


def execute(database: Database, plan: Plan, *, progress: Progress | None = None) -> Report:
    """Carry out a plan. Every run of it happens whole or not at all, and none hides the others.

    Args:
        database: The data root.
        plan: What to do.
        progress: Called with how much is done, and of how much: runs when they are moved, bytes when
            they are copied.

    Returns:
        What became of each run.

    Raises:
        StoreBusyError: Another command changes runs for longer than we may wait.
        StoreError: The disk or the index could not be written. What was begun is finished by the
            next command.
    """
    report, op = Report(plan.action), new_id()
    homes = {run.root_id for run in plan.runs} or {database.root_id}
    for home in database.everywhere():
        if home.root_id in homes:
            runs = [run for run in plan.runs if run.root_id == home.root_id]
            report.add(_execute_in(home, replace(plan, runs=runs), op, progress))
    return report


def _execute_in(database: Database, plan: Plan, op: str, progress: Progress | None) -> Report:
    """Carry out the part of a plan that concerns the runs of one root."""
    with operation(database), explained(database.root):
        recover_alone(database)
        target = _target(database, plan)
        judge = _judge(database, plan, target)
        report = Report(plan.action)
        items = _look_again(database, plan, judge, report)
        if not items:
            return report
        check_index_is_writable(database)
        record = new_record(_action(plan), items, op=op, **_record_options(plan, target))
        write_record(database.root, record)
        if target is not None:
            done = transfer.run(database, target, record, progress)
        else:
            roll = {DELETE: delete.roll_forward, ARCHIVE: archive.run, MIGRATE: migrate.roll_forward}[plan.action]
            done = roll(database, record, progress)
        done.failed += report.failed
        done.gone += report.gone
        return done


def _plan(database: Database, action: str, uids: Sequence[str], options: dict[str, Any]) -> Plan:
    plan = Plan(action, options=options)
    rows = rows_by_uid(database, list(dict.fromkeys(uids)))
    judges: dict[str, Judge] = {}
    for uid in dict.fromkeys(uids):
        row = rows.get(uid)
        home = database if row is None else database.home_of(row)
        if home.root_id not in judges:
            judges[home.root_id] = _judge(home, plan, _target(home, plan, look_only=True))
        item = _GONE if row is None else judges[home.root_id](row)
        if isinstance(item, str):
            plan.refused.append((_planned(row or {"uid": uid}, (), home), item))
        else:
            assert row is not None
            plan.runs.append(_planned(row, _places(home, item), home))
    plan.bytes = sum(run.bytes for run in plan.runs)
    return plan


def _look_again(database: Database, plan: Plan, judge: Judge, report: Report) -> list[Item]:
    rows = rows_by_uid(database, [run.uid for run in plan.runs])
    items = []
    for run in plan.runs:
        row = rows.get(run.uid)
        if row is None:
            report.gone.append(run.uid)
            continue
        item = judge(row)
        if item == archive.ALREADY:
            report.gone.append(run.uid)
        elif isinstance(item, str):
            report.failed.append((run.uid, item))
        else:
            item.bytes = run.bytes
            items.append(item)
    return items


def _judge(database: Database, plan: Plan, target: Database | None) -> Judge:
    options = plan.options
    if plan.action == DELETE:
        return lambda row: delete.judge(database, row, **options)
    if plan.action == ARCHIVE:
        return lambda row: archive.judge(database, row)
    if isinstance(database.root, JobTreePaths):
        return lambda _row: _JOB
    task, data_root = options["task"], options["data_root"]
    if data_root is None:
        names = migrate.Names(database.root, database.table, task)
        return lambda row: migrate.judge(database, row, names)
    given: dict[str, migrate.Names] = {}

    def names_in(task: str) -> migrate.Names:
        table = target.table if target is not None else None
        return given.setdefault(task, migrate.Names(RootPaths(data_root), table, task))

    return lambda row: transfer.judge(database, target, row, names_in(task or row["task"]))


def _target(database: Database, plan: Plan, *, look_only: bool = False) -> Database | None:
    data_root = plan.options.get("data_root")
    if data_root is None:
        return None
    return (transfer.look_at_target if look_only else transfer.open_target)(database, data_root)


def _action(plan: Plan) -> str:
    return TRANSFER if plan.options.get("data_root") is not None else plan.action


def _record_options(plan: Plan, target: Database | None) -> dict[str, Any]:
    if target is not None:
        return {"root": str(target.root.root.absolute()), "root_id": target.root_id}
    if plan.action == DELETE:
        return {"rows": plan.options["kinds"] is None, "force": plan.options["force"]}
    return {}


def _check_kinds(kinds: Iterable[str] | None) -> None:
    if kinds is None:
        return
    allowed = [kind for kind in KINDS if kind != LOG]
    wrong = [kind for kind in kinds if kind not in allowed]
    if LOG in wrong:
        raise ConfigError("the log makes a run a run and cannot be freed alone: delete the run", allowed=allowed)
    if wrong or not list(kinds):
        raise ConfigError(
            f"no kind is named {', '.join(map(repr, wrong))}; there are {', '.join(allowed)}", allowed=allowed
        )


def _places(database: Database, item: Item) -> tuple[PlannedPlace, ...]:
    return tuple(
        PlannedPlace(copy.path, copy.archived, copy_bytes(database.root, item.uid, copy)) for copy in item.copies
    )


def _planned(row: Row, places: tuple[PlannedPlace, ...], home: Database) -> PlannedRun:
    state = row.get("state", "")
    return PlannedRun(
        uid=row["uid"],
        task=row.get("task", ""),
        name=row.get("name", ""),
        places=places,
        state=LOST if state in OPEN and places else state,
        time_step=row.get("time_step"),
        started=row.get("started"),
        root_id=home.root_id,
    )


def _describe(run: PlannedRun) -> str:
    started = "" if run.started is None else time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(run.started))
    step = "" if run.time_step is None else f", step {run.time_step}"
    return f"{run.uid} {started} {run.task}/{run.name} ({run.state}{step}, {size_text(run.bytes)})"
