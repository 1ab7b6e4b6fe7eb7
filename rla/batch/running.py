"""A job of a batch while it runs."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from rla.batch.events import Listener
from rla.batch.job_run import JobRun
from rla.batch.outcome import Outcome, outcome_of
from rla.batch.slots import Slot
from rla.core import states
from rla.jobs.executor import StartedJob

_GRACE: Final = 10.0
"""Seconds that a job whose time is up has to end by itself."""
_YOUNG: Final = 1.0
"""Seconds within which the shell of a job may not yet have made the command: it would take the word for its own."""
_CHUNK: Final = 1 << 16
_LARGEST: Final = 1 << 22


@dataclass
class Running:
    """A job that goes on.

    Attributes:
        run: Its run.
        job: What runs.
        slot: Its place, or None for one more than there are places.
        limit: How long it may run, in seconds.
        deadline: When its time is up, on the monotonic clock.
        asked: Whether it was asked to end.
        timed_out: Whether its time was up.
        shown: How much of its output was shown, by file.
        begun: When it was started, on the monotonic clock.
        ask_again: When a job that was asked in its first moment is asked once more.
    """

    run: JobRun
    job: StartedJob
    slot: Slot | None = None
    limit: float | None = None
    deadline: float | None = None
    asked: bool = False
    timed_out: bool = False
    shown: dict[Path, int] = field(default_factory=dict)
    begun: float = field(default_factory=time.monotonic)
    ask_again: float | None = None

    def ask(self) -> None:
        """Ask it to end."""
        self.asked = True
        self.job.signal(signal.SIGTERM)
        now = time.monotonic()
        self.ask_again = now + _YOUNG / 2 if now - self.begun < _YOUNG else None

    def kill(self) -> None:
        """Let it end now."""
        self.asked = True
        self.job.signal(signal.SIGKILL)

    def watch_time(self) -> None:
        """End it when its time is up: first ask, then no more."""
        if self.ask_again is not None and time.monotonic() >= self.ask_again:
            self.ask()
        if self.deadline is not None and time.monotonic() >= self.deadline:
            self.job.signal(signal.SIGKILL if self.timed_out else signal.SIGTERM)
            self.deadline = time.monotonic() + _GRACE
            self.timed_out = True

    def outcome(self) -> Outcome | None:
        """How it ended, or None as long as it goes on."""
        result = self.job.poll()
        if result is None:
            return None
        stderr = self.run.paths.stderr
        return outcome_of(result, asked=self.asked, timed_out=self.timed_out, stderr=stderr, limit=self.limit)

    def show(self, listener: Listener) -> bool:
        """Pass on what it has printed since the last look, a few megabytes at most; whether there was anything."""
        before = sum(self.shown.values())
        for file, error in ((self.run.paths.stdout, False), (self.run.paths.stderr, True)):
            for chunk in _since(file, self.shown.get(file, 0)):
                self.shown[file] = self.shown.get(file, 0) + len(chunk)
                listener.printed(chunk, error=error)
        return sum(self.shown.values()) > before


def is_lost(outcome: Outcome) -> bool:
    """Whether nobody knows how a run ended."""
    return outcome.state == states.KILLED and outcome.result.exit_code is None


def _since(file: Path, position: int) -> list[bytes]:
    """What a file holds from a position on, a few megabytes at most."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return []
    chunks, total = [], 0
    try:
        while total < _LARGEST and (chunk := os.pread(descriptor, _CHUNK, position + total)):
            chunks.append(chunk)
            total += len(chunk)
    except OSError:
        pass
    finally:
        os.close(descriptor)
    return chunks
