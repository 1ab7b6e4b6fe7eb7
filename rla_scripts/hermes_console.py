"""What ``hermes exec`` prints while its jobs run, and when they are through."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rla.batch.events import last_lines
from rla.core.wording import counted, span
from rla_scripts.output import printable

if TYPE_CHECKING:
    from rla.batch.events import BatchReport
    from rla.batch.job_run import JobRun
    from rla.batch.outcome import Outcome
    from rla.hermes.execution import Plan

SHOWN = 20
STATE = 11
"""How wide the longest state is."""


class Console:
    """Hears what becomes of a batch, and prints a line for each thing."""

    def __init__(self, plan: Plan) -> None:
        """Nothing is printed yet."""
        self._plan = plan
        self._ended = 0

    def begin(self) -> None:
        """What is about to run."""
        plan = self._plan
        at_once = f"{plan.slots.count} at a time" if plan.slots.count > 1 else "one at a time"
        name = printable(plan.workload.batch)
        _say(f"hermes: {counted(plan.total, 'job')}, {at_once}, batch {name}, in {_short(plan.tree.root)}")

    def started(self, run: JobRun, pid: int) -> None:
        """A job has begun."""
        again = f" (run {run.attempt})" if run.attempt > 1 else ""
        _say(f"{'started':<{STATE}} {run.identifier} [{pid}] {printable(run.item.label)}{again}")

    def adopted(self, run: JobRun, pid: int) -> None:
        """A job that goes on since an earlier call was taken over."""
        _say(f"{'goes on':<{STATE}} {run.identifier} [{pid}] {printable(run.item.label)}")

    def ended(self, run: JobRun, outcome: Outcome, *, again: bool) -> None:
        """A job has ended."""
        self._ended += not again
        seconds = max(0.0, outcome.result.ended - run.created.timestamp())
        rest = "; it is run again" if again else ""
        count = f"[{self._ended:>{len(str(self._plan.total))}}/{self._plan.total}]"
        _say(f"{outcome.state:<{STATE}} {run.identifier} {count} after {span(seconds)}{rest}")
        for line in last_lines(outcome.error or ""):
            _say(f"{'':<{STATE}} {printable(line)}")

    def noted(self, text: str) -> None:
        """Something else happened."""
        _say(f"hermes: {printable(text)}")

    def printed(self, data: bytes, *, error: bool) -> None:
        """A job whose output is shown has printed something."""
        stream = sys.stderr if error else sys.stdout
        with contextlib.suppress(OSError):
            stream.flush()
            stream.buffer.write(data)
            stream.buffer.flush()

    def end(self, report: BatchReport) -> None:
        """What became of the batch; the last lines name what failed."""
        parts = [f"{count} {state}" for state, count in sorted(report.ends.items())]
        parts += [f"{report.skipped} done before"] if report.skipped else []
        parts += [f"{report.left} not started"] if report.left else []
        _say(f"hermes: {', '.join(parts) or 'nothing was to be run'}")
        for failure in report.failures[:SHOWN]:
            _say(f"  {printable(str(failure))}")
            if failure.directory is not None:
                _say(f"    {_short(failure.directory)}")
        if report.failed > SHOWN:
            _say(f"  ... and {report.failed - SHOWN} more: hermes status -n {printable(self._plan.workload.batch)}")
        if self._plan.is_hidden:
            _say(f"hermes: no command finds this database by itself: set RLA_DATA_ROOT={_short(self._plan.root.root)}")


def _say(text: str) -> None:
    """A line with the time; a terminal that is gone changes nothing."""
    with contextlib.suppress(OSError):
        click.echo(f"{time.strftime('%H:%M:%S')} {text}", err=True)


def _short(path: Path) -> str:
    """A path as the user would type it."""
    relative = os.path.relpath(path)
    return printable(relative if not relative.startswith("..") else path)
