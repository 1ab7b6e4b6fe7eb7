"""What a grid tells while it runs: a line on stderr for each variant that ends, and all of it at the end.

A grid that is run from a script is work that somebody waits for; ``quiet`` lets it tell nothing.
"""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

from rla.batch.events import last_lines
from rla.core.wording import span

if TYPE_CHECKING:
    from rla.batch.job_run import JobRun
    from rla.batch.outcome import Outcome
    from rla.sweep.report import GridReport


class Console:
    """Hears what becomes of variants."""

    def __init__(self, total: int, *, quiet: bool) -> None:
        """Nothing is told yet; the output of variants that are to be shown is shown even if ``quiet``."""
        self._total = total
        self._quiet = quiet
        self._ended = 0

    def started(self, run: JobRun, pid: int) -> None:
        """A variant has begun: its end is news enough."""

    def adopted(self, run: JobRun, pid: int) -> None:
        """A variant goes on since an earlier call."""
        self._say(f"goes on   {run.item.label} (process {pid})")

    def ended(self, run: JobRun, outcome: Outcome, *, again: bool) -> None:
        """A variant has ended."""
        self._ended += not again
        seconds = max(0.0, outcome.result.ended - run.created.timestamp())
        rest = ", and is run again" if again else ""
        number = f"[{self._ended:>{len(str(self._total))}}/{self._total}]"
        self._say(f"{number} {outcome.state:<8} {run.item.label} after {span(seconds)}{rest}")
        for line in last_lines(outcome.error or ""):
            self._say(f"    {line}")

    def noted(self, text: str) -> None:
        """Something else happened."""
        self._say(text)

    def printed(self, data: bytes, *, error: bool) -> None:
        """A variant whose output is shown has printed something."""
        stream = sys.stderr if error else sys.stdout
        with contextlib.suppress(OSError, ValueError):  # a terminal that is gone
            stream.write(data.decode("utf-8", "replace"))
            stream.flush()

    def end(self, report: GridReport) -> None:
        """All is over."""
        for line in report.lines():
            self._say(line)

    def _say(self, text: str) -> None:
        if not self._quiet:
            shown = "".join(char if char.isprintable() else "?" for char in text)
            with contextlib.suppress(OSError, ValueError):
                sys.stderr.write(f"{shown}\n")
