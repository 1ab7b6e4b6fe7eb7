"""What a command is about to do, on disk before it does it, so that the next one can finish it.

An entry appears whole or not at all. It goes by being removed, or by being moved to where its
content is kept. Deleting must work on a full disk, too: for that some space is kept in reserve.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from rla.fsio.atomic_write import atomic_write, remove_temporaries, sync_directory, write_all
from rla.fsio.claim_dir import make_dirs

RESERVE_BYTES: Final = 2**20
"""Enough for the journal of a thousand runs, the directories of the trash and the index's own log."""
_LEAST: Final = 2**16
_PLENTY: Final = 16
"""So many times the reserve must be free before any is taken: a small disk is not ours to fill."""
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_SUFFIX: Final = ".json"


class Journal:
    """The entries below one directory; only the holder of the operation lock writes them."""

    def __init__(self, directory: Path, reserve: Path) -> None:
        """Name the directory; it is made when the first entry is written."""
        self._directory = directory
        self._reserve = reserve

    def write(self, entry: str, content: bytes) -> None:
        """Write an entry, or replace it; when this returns it is on disk.

        Raises:
            OSError: It could not be written, and nothing has changed.
        """
        try:
            self._write(entry, content)
        except OSError as error:
            if error.errno not in _FULL or not release(self._reserve):
                raise
            self._write(entry, content)

    def read(self, entry: str) -> bytes:
        """The content of an entry.

        Raises:
            OSError: It cannot be read.
        """
        return self._file(entry).read_bytes()

    def pending(self) -> list[str]:
        """The entries whose operation has not ended, the oldest first."""
        names = _names(self._directory)
        return [name.removesuffix(_SUFFIX) for name in names if name.endswith(_SUFFIX) and not name.startswith(".")]

    def is_clean(self) -> bool:
        """Whether there is nothing at all: no operation that has not ended, nothing that a kill left."""
        return not _names(self._directory)

    def drop(self, entry: str) -> None:
        """Remove an entry: its operation has ended.

        Raises:
            OSError: It could not be removed.
        """
        with contextlib.suppress(FileNotFoundError):
            self._file(entry).unlink()
        sync_directory(self._directory)

    def keep(self, entry: str, target: Path) -> None:
        """Move an entry to where it is kept, in one step: its operation has ended.

        Raises:
            OSError: It could not be moved.
        """
        make_dirs(target.parent)
        with contextlib.suppress(FileNotFoundError):
            self._file(entry).replace(target)
        sync_directory(target.parent)
        sync_directory(self._directory)

    def clear(self) -> None:
        """Remove what a kill left of entries that were never written."""
        remove_temporaries(self._directory)

    def _write(self, entry: str, content: bytes) -> None:
        make_dirs(self._directory)
        atomic_write(self._file(entry), content)

    def _file(self, entry: str) -> Path:
        return self._directory / f"{entry}{_SUFFIX}"


@contextmanager
def room_for_work(reserve: Path) -> Iterator[None]:
    """Free the reserve while the disk is full, and take it again afterwards."""
    if free_bytes(reserve.parent) < RESERVE_BYTES:
        release(reserve)
    try:
        yield
    finally:
        keep_reserve(reserve)


def keep_reserve(reserve: Path) -> None:
    """Take some space of the disk while there is plenty, or as much as there was when there is little.

    Never raises: without a reserve everything works but deleting on a full disk.
    """
    try:
        found = reserve.stat().st_size
    except FileNotFoundError:
        found = None
    except OSError:
        return
    if found is None and free_bytes(reserve.parent) >= RESERVE_BYTES * _PLENTY:
        _take(reserve, RESERVE_BYTES)
    elif found == 0:
        size = RESERVE_BYTES
        while size >= _LEAST and not _take(reserve, size):
            size //= 2


def release(reserve: Path) -> bool:
    """Give the reserved space back to the disk; False when there is none."""
    with contextlib.suppress(OSError):
        if reserve.stat().st_size:
            os.truncate(reserve, 0)
            return True
    return False


def _take(reserve: Path, size: int) -> bool:
    """All of it or nothing of it; a file of no length remembers that there was a reserve."""
    try:
        descriptor = os.open(reserve, os.O_WRONLY | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
    except OSError:
        return False
    try:
        _allocate(descriptor, size)
    except OSError:
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, 0)
        return False
    finally:
        os.close(descriptor)
    return True


def _allocate(descriptor: int, size: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)
    else:
        write_all(descriptor, b"\0" * size)


def free_bytes(directory: Path) -> int:
    """What this account may still write to the disk of a directory; plenty where that cannot be known."""
    try:
        found = os.statvfs(directory)
    except (OSError, AttributeError):
        return RESERVE_BYTES * _PLENTY
    return found.f_bavail * found.f_frsize


def _names(directory: Path) -> list[str]:
    try:
        return sorted(os.listdir(directory))  # noqa: PTH208 - names are enough
    except OSError:
        return []
