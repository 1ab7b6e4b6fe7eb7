"""How a run of a batch ended, in the words of the table."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rla.core import states
from rla.jobs.job import JobResult

_TAIL_BYTES: Final = 4000
_TAIL_LINES: Final = 20
_SIGKILL: Final = 9


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        state: One of :mod:`rla.core.states`.
        result: The job's own end.
        error: What is told of it, or None where nothing went wrong.
        troubles: What went wrong before or after the job.
    """

    state: str
    result: JobResult
    error: str | None = None
    troubles: tuple[str, ...] = ()

    @property
    def succeeded(self) -> bool:
        """Whether it need not be run again."""
        return self.state == states.FINISHED

    @property
    def may_be_retried(self) -> bool:
        """Whether it failed by itself: nobody has asked it to end."""
        return self.state in {states.FAILED, states.TIMEOUT, states.KILLED}


def outcome_of(result: JobResult, *, asked: bool, timed_out: bool, stderr: Path, limit: float | None) -> Outcome:
    """What a job's end makes of its run.

    Args:
        result: The end.
        asked: Whether it was asked to end.
        timed_out: Whether its time was up.
        stderr: What it printed to stderr.
        limit: How long it might run, in seconds.
    """
    if result.succeeded:
        return Outcome(states.FINISHED, result)
    state, reason = _reason(result, asked=asked, timed_out=timed_out, limit=limit)
    return Outcome(state, result, "\n".join(filter(None, (*tail(stderr), reason))))


def tail(file: Path, lines: int = _TAIL_LINES) -> Sequence[str]:
    """The last lines of a text file; none when it cannot be read."""
    try:
        with file.open("rb") as opened:
            opened.seek(max(0, opened.seek(0, os.SEEK_END) - _TAIL_BYTES))
            text = opened.read().decode("utf-8", "replace")
    except OSError:
        return []
    return [line.rstrip() for line in text.splitlines()[-lines:]]


def _reason(result: JobResult, *, asked: bool, timed_out: bool, limit: float | None) -> tuple[str, str]:
    if timed_out:
        return states.TIMEOUT, f"it did not end within {limit:g} s"
    if asked:
        return states.INTERRUPTED, f"it was asked to end: {result}"
    if result.exit_code is None:
        return (
            states.KILLED,
            "it ended without an exit code: it was killed together with its shell, or the machine stopped",
        )
    if result.signal == _SIGKILL:
        return states.KILLED, f"{result}: somebody killed it, or there was no memory left"
    if result.signal is not None:
        return states.KILLED, str(result)
    return states.FAILED, str(result)
