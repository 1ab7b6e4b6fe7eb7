"""A job that another process started and left: its process tells whether it goes on, its exit code how it ended."""

from __future__ import annotations

import contextlib
import os
import select
from pathlib import Path

from rla.fsio.file_lock import is_locked
from rla.jobs.executor import StartedJob, open_sentinel
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
        self._sentinel = open_sentinel(pid)
        if not is_locked(lock):  # it has ended just now, and its number may be another's
            self._end()

    @property
    def sentinel(self) -> int | None:
        """It works for what is nobody's child, too."""
        return self._sentinel

    def release(self) -> None:
        """It has begun."""

    def abandon(self) -> None:
        """It has begun."""

    def poll(self) -> JobResult | None:
        """How it ended, or None as long as it goes on."""
        if self._result is None and not self._goes_on:
            self._end()
        return self._result

    def signal(self, number: int) -> None:
        """Send a signal to all that it has started, as long as it lives."""
        if self.pid > 1 and self._result is None and self._goes_on:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                send(self.pid, number)

    @property
    def _goes_on(self) -> bool:
        """By its process where the system has handles on them: the lock's file may be moved away for a while."""
        if self._sentinel is None:
            return is_locked(self._lock)
        ended = select.poll()
        ended.register(self._sentinel, select.POLLIN)
        return not ended.poll(0)

    def _end(self) -> None:
        self._result = end_of(self._exit_code)
        if self._sentinel is not None:
            os.close(self._sentinel)
            self._sentinel = None
