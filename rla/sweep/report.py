"""What became of a grid."""

from __future__ import annotations

import html
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rla.batch.events import BatchReport, Failure, failures_html
from rla.errors import JobsFailedError

_SHOWN: Final = 20


@dataclass(frozen=True, repr=False)
class GridReport:
    """What became of the variants of one call.

    Attributes:
        batch: The batch they belong to: ``rla ls --batch``.
        data_root: The database that knows them.
        report: What became of each.
    """

    batch: str
    data_root: Path
    report: BatchReport

    @property
    def counts(self) -> dict[str, int]:
        """How many variants ended in which state."""
        return dict(self.report.ends)

    @property
    def skipped(self) -> int:
        """How many had finished in an earlier call."""
        return self.report.skipped

    @property
    def not_started(self) -> int:
        """How many were left when it was stopped."""
        return self.report.left

    @property
    def failures(self) -> list[Failure]:
        """The variants that did not succeed, each with its last lines and its directory."""
        return list(self.report.failures)

    @property
    def succeeded(self) -> bool:
        """Whether nothing is left to do."""
        return self.report.succeeded

    def check(self) -> None:
        """Do nothing when every variant has succeeded.

        Raises:
            JobsFailedError: One has not.
        """
        if not self.succeeded:
            raise JobsFailedError(str(self), [str(failure) for failure in self.failures], report=self)

    def lines(self) -> Iterator[str]:
        """The counts, then each failure with its last lines and its directory."""
        yield self._summary
        for failure in self.failures[:_SHOWN]:
            yield f"  {failure.label}: {failure.state}"
            yield from (f"    {line}" for line in failure.details())
        if self.report.failed > _SHOWN:
            yield f"  ... and {self.report.failed - _SHOWN} more"

    def __str__(self) -> str:
        """All of it."""
        return "\n".join(self.lines())

    def __repr__(self) -> str:
        """One line."""
        return f"<{self._summary}>"

    def _repr_html_(self) -> str:
        """For notebooks."""
        return f"<p>{html.escape(self._summary)}</p>{failures_html(self.failures)}"

    @property
    def _summary(self) -> str:
        parts = [f"{count} {state}" for state, count in sorted(self.report.ends.items())]
        parts += [f"{self.skipped} finished before"] if self.skipped else []
        parts += [f"{self.not_started} not started"] if self.not_started else []
        return f"grid {self.batch}: {', '.join(parts) or 'there was nothing to run'}"
