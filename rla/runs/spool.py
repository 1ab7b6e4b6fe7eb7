"""Which runs the index may not know yet: one small file each, a uid and a place, nothing more.

An entry is written before anything else of a run, and removed when the run's row is in the index.
Its writer holds its lock until then. So whatever instant a process dies at, the next reader finds
an entry without a holder, and either takes the run in or clears away what was begun.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from rla.core.layout import RootPaths
from rla.fsio.atomic_write import TEMP_MARK, write_all
from rla.fsio.claim_dir import make_dirs
from rla.fsio.file_lock import FileLock

_PATIENCE: Final = 0.1
"""Seconds to wait for a reader that looks whether an entry is held."""
_RACES: Final = 10


@dataclass(frozen=True)
class SpoolEntry:
    """One run that waits for the index."""

    file: Path
    uid: str
    place: str


class HeldEntry:
    """The entry of a run that is being made, locked by the process that makes it."""

    def __init__(self, file: Path, lock: FileLock) -> None:
        """Made by :func:`announce`."""
        self._file = file
        self._lock = lock

    def move(self, uid: str, place: str) -> None:
        """Name another place, before that place is claimed."""
        self._file.write_bytes(_content(uid, place))

    def settle(self) -> None:
        """The index knows the run: the entry goes."""
        with contextlib.suppress(OSError):
            self._file.unlink()
        self._lock.release()

    def leave(self) -> None:
        """The index does not know the run yet: the next reader takes the entry in."""
        self._lock.release()


def announce(root: RootPaths, uid: str, place: str) -> HeldEntry:
    """Write the entry of a run that is about to be made, and hold its lock.

    The entry appears under its name only when it is locked and whole.

    Raises:
        OSError: The spool cannot be written.
    """
    for _ in range(_RACES):
        with contextlib.suppress(FileNotFoundError):  # a reader took it for an abandoned one
            return _announce(root, uid, place)
    return _announce(root, uid, place)


def _announce(root: RootPaths, uid: str, place: str) -> HeldEntry:
    temporary = root.spool / f".{uid}{TEMP_MARK}"
    lock = FileLock(temporary)
    try:
        _write_new(temporary, uid, place)
        lock.acquire(patience=_PATIENCE)
        file = root.spool / uid
        temporary.replace(file)
    except BaseException:
        lock.release()
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    return HeldEntry(file, lock)


def leave_entry(root: RootPaths, uid: str, place: str) -> None:
    """Ask the next reader to look at a run again.

    Raises:
        OSError: The spool cannot be written.
    """
    make_dirs(root.spool)
    announce(root, uid, place).leave()


def waiting_entries(root: RootPaths) -> list[SpoolEntry]:
    """Every entry, in the order of its name; temporary ones whose writer is gone are removed."""
    try:
        names = sorted(os.listdir(root.spool))  # noqa: PTH208 - names are enough, and this is every command's first step
    except OSError:
        return []
    return list(_entries(root, names))


def _entries(root: RootPaths, names: list[str]) -> Iterator[SpoolEntry]:
    for name in names:
        file = root.spool / name
        if name.endswith(TEMP_MARK):
            _remove_abandoned(file)
            continue
        with contextlib.suppress(OSError):
            yield read_entry(file)


def read_entry(file: Path) -> SpoolEntry:
    """What an entry says now.

    Raises:
        OSError: It is gone, or cannot be read.
    """
    return SpoolEntry(file, file.name, _place(file.read_bytes()))


def _place(content: bytes) -> str:
    """Empty when the writer died before it named a place, and so before it claimed one."""
    try:
        return str(msgspec.json.decode(content)["place"])
    except (msgspec.DecodeError, KeyError, TypeError):
        return ""


def _remove_abandoned(file: Path) -> None:
    lock = FileLock(file)
    with contextlib.suppress(OSError):
        if lock.acquire():
            file.unlink()
    lock.release()


def _write_new(file: Path, uid: str, place: str) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        write_all(descriptor, _content(uid, place))
    finally:
        os.close(descriptor)


def _content(uid: str, place: str) -> bytes:
    return msgspec.json.encode({"uid": uid, "place": place}) + b"\n"
