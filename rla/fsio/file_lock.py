"""A lock that the kernel drops when its holder dies, however it dies."""

from __future__ import annotations

import os
from pathlib import Path
from types import ModuleType

fcntl: ModuleType | None
try:
    import fcntl
except ImportError:  # Windows: nobody holds such locks there, and liveness falls back to the heartbeat
    fcntl = None


class FileLock:
    """An exclusive ``flock`` on a file that exists. Never waits.

    Only the process that took it holds it: a forked child must call :meth:`abandon`, else the
    lock outlives its owner.
    """

    def __init__(self, path: Path) -> None:
        """Name the file; nothing is opened yet."""
        self._path = path
        self._descriptor: int | None = None

    def acquire(self) -> bool:
        """Take the lock; False when another process has it, or the file system has no locks.

        Raises:
            OSError: The file cannot be opened.
        """
        if fcntl is None:
            return False
        descriptor = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """Let the lock go."""
        self.abandon()

    def abandon(self) -> None:
        """Close this process's handle; elsewhere the lock stays as it is."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def is_locked(path: Path) -> bool:
    """Whether some process holds the lock of a file; False when that cannot be known."""
    lock = FileLock(path)
    try:
        taken = lock.acquire()
    except OSError:
        return False
    lock.release()
    return not taken and fcntl is not None
