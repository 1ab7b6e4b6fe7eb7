"""What the commands that change stored runs share from the plan on: show, ask, do, tell."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from rla.core.wording import counted, size_text
from rla_scripts.confirming import Deed, Manner, agreed, preview
from rla_scripts.output import SOME_FAILED, echo_json, printable
from rla_scripts.progress import Bar

if TYPE_CHECKING:
    from rla.manage.plan import Plan, PlannedRun
    from rla.manage.report import Report
    from rla.runs.database import Database


def carry_out(database: Database, plan: Plan, deed: Deed, manner: Manner, *, ask: bool = True) -> int:
    """Show a plan, ask, do it, and tell what became of each run.

    Args:
        database: Where the runs are.
        plan: What to do.
        deed: The words for it.
        manner: How.
        ask: Whether there is anything to ask about.

    Returns:
        The exit code.
    """
    from rla.manage.archive import ALREADY

    left = [(run, reason) for run, reason in plan.refused if reason != ALREADY]
    if manner.shows:
        preview(plan, deed, left, err=manner.as_json)
    already = len(plan.refused) - len(left)
    if already and not manner.as_json:
        click.echo(f"archived already: {counted(already, 'run')}")
    report = None
    if plan.runs and not manner.dry_run:
        if not agreed(deed.question(len(plan.runs)), yes=manner.yes or not ask):
            return 1
        report = _execute(database, plan, deed)
    if manner.as_json:
        echo_json({"plan": plan_dict(plan), "report": None if report is None else report_dict(report)})
    elif report is not None:
        tell(report, deed)
    return SOME_FAILED if not manner.dry_run and (left or (report and report.failed)) else 0


def tell(report: Report, deed: Deed) -> None:
    """What became of the runs of an operation."""
    undo = f"; `rla restore {report.operation}` undoes it" if deed.undoable and report.done else ""
    click.echo(f"{printable(deed.told(len(report.done), past=True))}, {size_text(report.bytes)}{undo}")
    if report.gone:
        click.echo(f"{counted(len(report.gone), 'run')}: somebody else was faster", err=True)
    for uid, text in report.notes:
        click.echo(f"note: {uid}: {printable(text)}", err=True)
    for uid, reason in report.failed:
        click.echo(f"failed: {uid}: {printable(reason)}", err=True)


def plan_dict(plan: Plan) -> dict[str, Any]:
    """A plan as JSON has it."""
    refused = [{**_run_dict(run), "reason": reason} for run, reason in plan.refused]
    return {**vars(plan), "runs": [_run_dict(run) for run in plan.runs], "refused": refused}


def report_dict(report: Report) -> dict[str, Any]:
    """A report as JSON has it."""
    failed = [{"uid": uid, "reason": reason} for uid, reason in report.failed]
    notes = [{"uid": uid, "note": note} for uid, note in report.notes]
    return {**vars(report), "failed": failed, "notes": notes}


@contextmanager
def interruption_told(
    database: Database, deed: Deed, bar: Bar | None, total: int, uids: Sequence[str] = ()
) -> Iterator[None]:
    """On Ctrl-C, say what was done; another Ctrl-C meanwhile changes nothing.

    Args:
        database: Where it is done.
        deed: What is done.
        bar: It has been told how many runs were tried.
        total: To how many runs it is to be done.
        uids: Which, where the table must tell.
    """
    from rla.manage.record import journal_of
    from rla.manage.restore import list_operations

    before = {operation.id: operation.runs for operation in list_operations(database)}
    pending = set(journal_of(database.root).pending())
    try:
        yield
    except KeyboardInterrupt:
        with _undisturbed():
            if set(journal_of(database.root).pending()) - pending:
                reached = f" at {bar.done} of {bar.total} runs" if bar is not None and bar.total else ""
                rest = "the next command that changes runs finishes it"
                click.echo(f"\ninterrupted{reached}: {printable(deed.told(total))} was begun; {rest}", err=True)
            else:
                after = {operation.id: operation.runs for operation in list_operations(database)}
                done = _done(database, deed, before, after, uids)
                click.echo(f"\ninterrupted: {printable(deed.told(done, past=True))} of {total}", err=True)
        raise


def _execute(database: Database, plan: Plan, deed: Deed) -> Report:
    from rla.manage.plan import execute

    copies = plan.action == "archive" or plan.options.get("data_root") is not None
    with Bar(plan.action, is_bytes=copies) as bar:
        uids = [run.uid for run in plan.runs]
        with interruption_told(database, deed, None if copies else bar, len(uids), uids):
            return execute(database, plan, progress=bar)


def _done(database: Database, deed: Deed, before: dict[str, int], after: dict[str, int], uids: Sequence[str]) -> int:
    """How many runs it was done to: what can be undone stands in the trash, what was archived in the table."""
    from rla.manage.rows import rows_by_uid

    if deed.undoable:
        return sum(runs for op, runs in after.items() if op not in before)
    if deed.verb == "archive":
        return sum(any(place.archived for place in row["places"]) for row in rows_by_uid(database, uids).values())
    return sum(before.values()) - sum(after.values())


def _run_dict(run: PlannedRun) -> dict[str, Any]:
    return {**asdict(run), "bytes": run.bytes}


@contextmanager
def _undisturbed() -> Iterator[None]:
    """No Ctrl-C, for as long as a line takes."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
