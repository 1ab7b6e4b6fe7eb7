"""A lock that the kernel drops when its holder dies, however it dies."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path
from types import ModuleType

from rla.fsio.own_descriptor import open_own

fcntl: ModuleType | None
try:
    import fcntl
except ImportError:  # Windows: nobody holds such locks there, and liveness falls back to the heartbeat
    fcntl = None


class FileLock:
    """A ``flock`` on a file that exists.

    Only the process that took it holds it: a forked child must call :meth:`abandon`, else the
    lock outlives its owner.
    """

    def __init__(self, path: Path) -> None:
        """Name the file; nothing is opened yet."""
        self._path = path
        self._descriptor: int | None = None

    def acquire(self, *, shared: bool = False, patience: float = 0.0) -> bool:
        """Take the lock; False when another process has it, or the file system has no locks.

        Args:
            shared: Let others hold it shared too: enough to learn that nobody holds it alone.
            patience: Seconds to go on trying, for a holder that only looks.

        Raises:
            OSError: The file cannot be opened.
        """
        if fcntl is None:
            return False
        descriptor = _open(self._path)
        deadline = time.monotonic() + patience
        while not _try_lock(descriptor, shared=shared):
            if time.monotonic() >= deadline:
                os.close(descriptor)
                return False
            time.sleep(0.001)
        self._descriptor = descriptor
        return True

    @property
    def descriptor(self) -> int:
        """The open file of a lock that is held: a child that gets it holds the lock, too."""
        assert self._descriptor is not None
        return self._descriptor

    def release(self) -> None:
        """Let the lock go, also for children that were forked and still hold the handle."""
        if self._descriptor is not None and fcntl is not None:
            with contextlib.suppress(OSError):  # closing the handle is the better half of letting go
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        self.abandon()

    def abandon(self) -> None:
        """Close this process's handle; elsewhere the lock stays as it is."""
        descriptor, self._descriptor = self._descriptor, None  # first: an interrupted close is not done again
        if descriptor is not None:
            with contextlib.suppress(OSError):  # the program has closed all files, as daemons do
                os.close(descriptor)


def is_locked(path: Path, *, shared: bool = False) -> bool:
    """Whether some process holds the lock of a file; False when that cannot be known.

    Args:
        path: The file.
        shared: Also whether it is held shared, which those that only look do for an instant.
    """
    lock = FileLock(path)
    try:
        taken = lock.acquire(shared=not shared)
    except OSError:
        return False
    lock.release()
    return not taken and fcntl is not None


def _open(path: Path) -> int:
    """Network file systems want write access for an exclusive lock; readers may not have it."""
    try:
        return open_own(path, os.O_RDWR)
    except OSError:
        return open_own(path, os.O_RDONLY)


def _try_lock(descriptor: int, *, shared: bool) -> bool:
    assert fcntl is not None
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
