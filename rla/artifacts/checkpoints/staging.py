"""A directory beside the checkpoints in which the next one is written."""

from __future__ import annotations

import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from rla.fsio.atomic_write import TEMP_MARK
from rla.fsio.file_lock import FileLock, is_locked

_MARK: Final = f".checkpoint{TEMP_MARK}"
_RACES: Final = 10
_HOUR: Final = 3600.0


@contextmanager
def staging(directory: Path) -> Iterator[Path]:
    """A new directory on the same file system, removed at the end with what is left in it.

    It is locked while it is used: what a killed process left is not, and is removed first.

    Raises:
        OSError: It cannot be made.
    """
    remove_abandoned(directory)
    place, lock = _claim(directory)
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)
        lock.release()


def remove_abandoned(directory: Path) -> None:
    """Remove the staging directories of processes that are gone."""
    for name in os.listdir(directory):  # noqa: PTH208 - names are enough
        if name.startswith(".") and name.endswith(_MARK):
            _remove_unless_used(directory / name)


def _remove_unless_used(place: Path) -> None:
    lock = FileLock(place)
    try:
        # Where the system has no locks, only age tells
        if lock.acquire() or (not is_locked(place) and time.time() - place.stat().st_mtime > _HOUR):
            shutil.rmtree(place, ignore_errors=True)
    except OSError:
        return  # somebody else removed it, or it is not ours to open
    finally:
        lock.release()


def _claim(directory: Path) -> tuple[Path, FileLock]:
    """Make and lock a directory; one that a cleaner took between the two is made again."""
    for _ in range(_RACES):
        place = directory / f".{secrets.token_hex(8)}{_MARK}"
        place.mkdir()
        lock = FileLock(place)
        try:
            lock.acquire()
        except FileNotFoundError:
            continue
        if place.exists():
            return place, lock
        lock.release()
    raise FileNotFoundError(f"{directory} loses what is made in it")
