"""What a batch tells while it goes on, and what it was when it is over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from rla.core import states
from rla.runs.html import table

if TYPE_CHECKING:
    from rla.batch.job_run import JobRun
    from rla.batch.outcome import Outcome

_KEPT: Final = 1000
_LAST_LINES: Final = 3


class Listener(Protocol):
    """Hears what becomes of a batch's jobs."""

    def started(self, run: JobRun, pid: int) -> None:
        """A job has begun."""

    def adopted(self, run: JobRun, pid: int) -> None:
        """A job that goes on since an earlier call was taken over."""

    def ended(self, run: JobRun, outcome: Outcome, *, again: bool) -> None:
        """A job has ended; ``again``: it is run once more."""

    def noted(self, text: str) -> None:
        """Something else happened."""

    def printed(self, data: bytes, *, error: bool) -> None:
        """A job whose output is shown has printed something."""


@dataclass(frozen=True, repr=False)
class Failure:
    """An item that did not succeed.

    Attributes:
        label: The item.
        state: How its last run ended.
        error: The last lines of its output, and why.
        directory: Where that run's files are, or None when there are none.
    """

    label: str
    state: str
    error: str
    directory: Path | None = None

    def details(self) -> Iterator[str]:
        """The last lines of what is told of it, and its directory."""
        yield from last_lines(self.error)
        yield from (str(directory) for directory in filter(None, [self.directory]))

    def __str__(self) -> str:
        """One line."""
        return f"{self.label}: {self.state}: {self.reason}"

    def __repr__(self) -> str:
        """One line, in a list of others."""
        return f"<{self}>"

    @property
    def reason(self) -> str:
        """The last line of what is told; an exit code says little without the line before it."""
        *before, last = last_lines(self.error) or [self.state]
        return f"{before[-1].strip()} ({last})" if before and last.startswith("exit code") else last


@dataclass
class BatchReport:
    """What became of a batch.

    Attributes:
        ends: How many items ended in which state.
        skipped: How many had succeeded before.
        left: How many were not started.
        failures: Those that did not succeed, the first thousand.
        interrupted: Whether somebody stopped it.
    """

    ends: Counter[str] = field(default_factory=Counter)
    skipped: int = 0
    left: int = 0
    failures: list[Failure] = field(default_factory=list)
    interrupted: bool = False

    @property
    def failed(self) -> int:
        """How many items did not succeed."""
        return self.ends.total() - self.ends[states.FINISHED]

    @property
    def succeeded(self) -> bool:
        """Whether nothing is left to do."""
        return not self.failed and not self.left

    def add(self, failure: Failure | None, state: str) -> None:
        """Note an item's end."""
        self.ends[state] += 1
        if failure is not None and len(self.failures) < _KEPT:
            self.failures.append(failure)


def last_lines(error: str) -> list[str]:
    """The last lines of what is told of a failure, without those that only underline."""
    return [line for line in error.splitlines() if line.strip(" ^~")][-_LAST_LINES:]


def failures_html(failures: Sequence[Failure]) -> str:
    """Failures as a table for a notebook; nothing where there are none."""
    rows = [(each.label, each.state, each.reason, each.directory) for each in failures]
    return f"\n{table(rows, ('what failed', 'state', 'why', 'where'))}" if rows else ""
