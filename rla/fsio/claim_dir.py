"""Take a directory name for oneself."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path
from typing import Final

from rla.fsio.atomic_write import sync_directory, temporary_beside
from rla.fsio.file_lock import FileLock

_RACES: Final = 10
"""How often another process may remove an empty parent between making it and using it."""
_TAKEN: Final = {errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR}
"""What a system answers when a directory is to get a name that something has."""
_PATIENCE: Final = 1.0
"""Seconds that a reader may hold the lock of a file to learn whether anybody does."""


def claim_dir(path: Path) -> None:
    """Make a directory that nobody else has; the kernel decides between two claimants.

    Missing parents are made and made durable; they may be shared, the leaf never is.

    Raises:
        FileExistsError: Somebody has that name already: take another.
        OSError: The directory could not be made.
    """
    for _ in range(_RACES):
        try:
            os.mkdir(path)  # noqa: PTH102 - the exclusive system call is the point
        except FileNotFoundError:
            make_dirs(path.parent)
        else:
            return
    os.mkdir(path)  # noqa: PTH102


def claim_with_lock(path: Path, file: str) -> FileLock:
    """Make a directory that nobody else has and that was never without one file, empty, whose lock is held.

    So whoever finds the file with no holder knows that the maker of the directory has died.

    Raises:
        FileExistsError: Something has that name already, other than an empty directory: take another.
        OSError: The directory could not be made, or there are no locks in it. Nothing is left of it.
    """
    temporary = temporary_beside(path)
    claim_dir(temporary)
    lock = FileLock(temporary / file)
    try:
        _make_locked(temporary / file, lock)
        temporary.rename(path)
    except BaseException as error:
        lock.release()
        with contextlib.suppress(OSError):
            (temporary / file).unlink(missing_ok=True)
            temporary.rmdir()
        if isinstance(error, OSError) and error.errno in _TAKEN:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from error
        raise
    return lock


def _make_locked(file: Path, lock: FileLock) -> None:
    file.touch()
    if not lock.acquire(patience=_PATIENCE):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK), str(file))


def make_dirs(path: Path) -> None:
    """Make a directory and its parents unless they are there, and make the new names durable."""
    missing = [path]
    while not missing[-1].parent.exists():
        missing.append(missing[-1].parent)
    for directory in reversed(missing):
        with contextlib.suppress(FileNotFoundError):  # its parent was just removed: the caller tries again
            _make_dir(directory)
        sync_directory(directory.parent)


def _make_dir(directory: Path) -> None:
    try:
        directory.mkdir(exist_ok=True)
    except FileExistsError:  # a file, or a link to nowhere: no other name below it would do
        raise NotADirectoryError(errno.ENOTDIR, "Not a directory, or a link to nowhere", str(directory)) from None
