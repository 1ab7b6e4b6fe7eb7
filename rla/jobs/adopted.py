"""A job that another process started and left: its lock tells whether it goes on, its exit code how it ended."""

from __future__ import annotations

import contextlib
from pathlib import Path

from rla.fsio.file_lock import is_locked
from rla.jobs.executor import StartedJob
from rla.jobs.family import send
from rla.jobs.job import JobResult, end_of


class AdoptedJob(StartedJob):
    """A job that goes on without the process that started it."""

    def __init__(self, pid: int, lock: Path, exit_code: Path) -> None:
        """Take it over.

        Args:
            pid: Its process, the first of its group.
            lock: The file whose lock it holds.
            exit_code: The file that gets its exit code.
        """
        self.pid = pid
        self._lock = lock
        self._exit_code = exit_code
        self._result: JobResult | None = None

    @property
    def sentinel(self) -> int | None:
        """There is none: it is nobody's child."""
        return None

    def release(self) -> None:
        """It has begun."""

    def abandon(self) -> None:
        """It has begun."""

    def poll(self) -> JobResult | None:
        """How it ended, or None as long as its lock is held."""
        if self._result is None and not is_locked(self._lock):
            self._result = end_of(self._exit_code)
        return self._result

    def signal(self, number: int) -> None:
        """Send a signal to its group, as long as it lives."""
        if self.pid > 1 and is_locked(self._lock):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                send(self.pid, number)
