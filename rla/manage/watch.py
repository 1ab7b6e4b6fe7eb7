"""The runs that are being recorded, and how fast they go."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, replace
from typing import Any, Final

from rla.core import states
from rla.core.selection import Selection
from rla.runs.csv_tail import last_row
from rla.runs.database import Database
from rla.runs.query import select_runs
from rla.runs.run import Run
from rla.writers.base import TIME_STEP, TIMESTAMP

_WINDOW: Final = 60.0
"""Seconds over which a rate is taken while runs are watched."""


@dataclass(frozen=True)
class Watched:
    """One running run.

    Attributes:
        run: The run as it stands.
        rate: Time steps per second, or None before there are two moments to compare.
        elapsed: Seconds since it started.
        quiet: Seconds since it last recorded, or None before it has.
    """

    run: Run
    rate: float | None
    elapsed: float | None
    quiet: float | None

    def as_dict(self) -> dict[str, Any]:
        """For programs."""
        run = self.run
        about = {"uid": run.uid, "task": run.task, "tracked": run.tracked, "time_step": run.time_step}
        return {**about, "rate": self.rate, "elapsed": self.elapsed, "quiet": self.quiet, "summary": run.summary}


class Watch:
    """Looks at the running runs of a selection again and again."""

    def __init__(self, database: Database, selection: Selection) -> None:
        """Nothing is read yet."""
        self._database = database
        self._selection = selection
        self._seen: dict[str, deque[tuple[float, int]]] = {}

    def look(self) -> list[Watched]:
        """The runs that are recorded now, newest first.

        Raises:
            SelectionError: The selection cannot be read.
            StoreError: The index cannot be read.
        """
        runs = self._running()
        self._seen = {run.uid: self._seen.get(run.uid, deque()) for run in runs}
        return [self._watched(run) for run in runs]

    def _running(self) -> list[Run]:
        """Without an expression of the user's the table itself leaves out the thousands that have ended."""
        selection = self._selection
        if selection.where is None:
            selection = replace(selection, where=f"state == '{states.RUNNING}'")
        chosen = select_runs(self._database, selection)
        places = [place for place, row in enumerate(chosen.rows) if row.state == states.RUNNING]
        return [run for place in places for run in chosen[place : place + 1] if run.state == states.RUNNING]

    def _watched(self, run: Run) -> Watched:
        now, started = time.time(), run.row["started"]
        newest = _newest(run)
        return Watched(
            run,
            rate=self._rate(run, newest),
            elapsed=None if started is None else max(0.0, now - started),
            quiet=None if newest is None else max(0.0, now - newest[0]),
        )

    def _rate(self, run: Run, newest: tuple[float, int] | None) -> float | None:
        """Over the last minute while it is watched, at first over the whole run."""
        seen = self._seen[run.uid]
        if newest is None:
            return None
        if not seen or seen[-1] != newest:
            seen.append(newest)
        while len(seen) > 2 and newest[0] - seen[1][0] >= _WINDOW:  # noqa: PLR2004 - two moments make a rate
            seen.popleft()
        since, step = seen[0] if len(seen) > 1 else (run.row["started"], 0)
        seconds = newest[0] - (since or newest[0])
        return (newest[1] - step) / seconds if seconds > 0 else None


def _newest(run: Run) -> tuple[float, int] | None:
    """When it last recorded, and at which time step; without a CSV its heartbeat tells."""
    if run.time_step is None:
        return None
    row = None if run.paths is None else last_row(run.paths.csv)
    try:
        return float((row or {})[TIMESTAMP]), int((row or {})[TIME_STEP])
    except (KeyError, ValueError):
        heartbeat = run.row["heartbeat"]
        return None if heartbeat is None else (heartbeat, run.time_step)
