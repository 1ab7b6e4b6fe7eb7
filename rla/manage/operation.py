"""One command at a time changes the runs of a data root."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rla.core import states
from rla.core.layout import RootPaths
from rla.core.wording import counted
from rla.errors import StoreBusyError, StoreError
from rla.fsio.claim_dir import make_dirs
from rla.fsio.file_lock import FileLock, is_locked
from rla.fsio.journal import room_for_work
from rla.manage.record import decode, journal_of
from rla.runs.database import Database
from rla.runs.liveness import HEARTBEAT_GRACE, is_alive
from rla.store.rebuild import read_run

PATIENCE: Final = 60.0
"""Seconds that a command waits for another one."""
_READER_PATIENCE: Final = 1.0
"""Seconds to wait for a reader that looks whether a run is alive."""

Progress = Callable[[int, int], None]


@contextmanager
def operation(database: Database, patience: float = PATIENCE) -> Iterator[None]:
    """Be the only command that changes runs.

    Raises:
        StoreBusyError: Another one is, for longer than we may wait.
        StoreError: This account may not write in the data root, or in its index.
    """
    root = database.root
    if os.open not in os.supports_dir_fd:
        raise StoreError("runs can be changed only where directories are reached by descriptors: Linux, macOS, WSL")
    with explained(root):
        lock = _lock_file(root)
        taken = lock.acquire(patience=patience)
    if not taken:
        raise StoreBusyError(_busy_message(root, patience))
    try:
        with room_for_work(root.reserve):
            yield
    finally:
        lock.release()


@contextmanager
def explained(root: RootPaths) -> Iterator[None]:
    """An error of the disk is one sentence, and says that what was begun will be finished.

    Raises:
        StoreError: In place of the OSError.
    """
    try:
        yield
    except OSError as error:
        where = f": {os.fsdecode(error.filename)}" if isinstance(error.filename, str | bytes) else ""
        text = f"the runs of {root.root} could not be changed{where}: {error.strerror or error}"
        if journal_of(root).pending():
            text += "; what was begun is finished by the next command that may write there"
        raise StoreError(text) from error


def check_index_is_writable(database: Database) -> None:
    """Ask before anything is moved whether the rows can follow.

    Raises:
        StoreError: They cannot.
    """
    database.table.remove_places([])


def refusal(root: RootPaths, path: str, row: dict[str, object], *, force: bool) -> str | None:
    """Why a run must be left alone: something still records it. None when it may be changed.

    Args:
        root: The data root.
        path: Where its live copy lies.
        row: Its row.
        force: Do not believe a process table or a heartbeat; a lock that is held counts all the same.
    """
    paths = root.run(path)
    if is_locked(paths.manifest):
        return "it is being recorded: its lock is held"
    try:
        record, state, _ = read_run(paths)
    except (FileNotFoundError, NotADirectoryError):
        return None  # what is not there is not recorded
    except (OSError, ValueError):
        return None if force else _refusal_by_row(row)
    if force or state.state not in states.OPEN or not is_alive(record, paths, state.heartbeat or record.started):
        return None
    return f"it seems to be recorded still, by process {record.pid} on {record.host}"


@contextmanager
def locked(root: RootPaths, path: str) -> Iterator[bool]:
    """Hold a run's own lock; false when somebody else does."""
    lock = FileLock(root.run(path).manifest)
    try:
        taken = lock.acquire(patience=_READER_PATIENCE)
    except OSError:  # no manifest, or not ours to open: then nothing can hold its lock
        taken = True
    try:
        yield taken
    finally:
        lock.release()


def _refusal_by_row(row: dict[str, object]) -> str | None:
    heartbeat = row.get("heartbeat")
    fresh = isinstance(heartbeat, int | float) and time.time() - heartbeat < HEARTBEAT_GRACE
    return "it has reported a moment ago" if row.get("state") in states.OPEN and fresh else None


def _lock_file(root: RootPaths) -> FileLock:
    if not root.state_dir.is_dir():
        make_dirs(root.state_dir)
    if not root.operation_lock.exists():
        os.close(os.open(root.operation_lock, os.O_WRONLY | os.O_CREAT, 0o666))
    return FileLock(root.operation_lock)


def _busy_message(root: RootPaths, patience: float) -> str:
    text = f"another command is changing the runs of {root.root}"
    journal = journal_of(root)
    for entry in journal.pending():
        with contextlib.suppress(OSError, ValueError):
            record = decode(journal.read(entry))
            text += f" ({record.action} of {counted(len(record.runs), 'run')} by {record.user} on {record.host})"
    return f"{text}; waited {patience:g} s for it, or its file system has no locks"
