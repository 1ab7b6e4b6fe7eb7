"""What a batch tells while it goes on, and what it was when it is over."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from rla.core import states

if TYPE_CHECKING:
    from rla.batch.job_run import JobRun
    from rla.batch.outcome import Outcome

_KEPT: Final = 1000


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


@dataclass(frozen=True)
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

    def __str__(self) -> str:
        """One line."""
        last = self.error.splitlines()[-1] if self.error else self.state
        return f"{self.label}: {self.state}: {last}"


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
