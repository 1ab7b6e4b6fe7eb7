"""What runs jobs. A subclass stands for one place where they may run."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod

from rla.fsio.file_lock import FileLock
from rla.jobs.job import Job, JobResult


class StartedJob(ABC):
    """A job that was handed over; it waits until it is released.

    Attributes:
        pid: Its process, which is the first of its own process group.
    """

    pid: int

    @abstractmethod
    def release(self) -> None:
        """Let it begin. Before that, it never begins if this process dies."""

    @abstractmethod
    def abandon(self) -> None:
        """Let it end without having begun."""

    @abstractmethod
    def poll(self) -> JobResult | None:
        """How it ended, or None as long as it goes on. Never waits."""

    @abstractmethod
    def signal(self, number: int) -> None:
        """Send a signal to the job and all that it has started."""

    @property
    @abstractmethod
    def sentinel(self) -> int | None:
        """A descriptor that becomes readable when it ends, or None where there is no such thing."""


class Executor(ABC):
    """Runs jobs."""

    @abstractmethod
    def start(self, job: Job, lock: FileLock) -> StartedJob:
        """Hand a job over.

        Args:
            job: What to run.
            lock: A lock that this process holds. The job holds it from now on, until it ends or dies, and
                this process lets its own handle go.

        Raises:
            OSError: It could not be handed over.
        """


def open_sentinel(pid: int) -> int | None:
    """A descriptor that becomes readable when a process ends, or None where there is no such thing."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None
