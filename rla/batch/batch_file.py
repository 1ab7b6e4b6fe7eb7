"""What a batch is, beside its rows: how many items it has, who runs it. A file per batch, in the tree of its runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import msgspec

from rla.core.index_name import task_directory
from rla.core.layout import JobTreePaths
from rla.fsio.atomic_write import atomic_write
from rla.fsio.claim_dir import make_dirs
from rla.fsio.file_lock import FileLock, is_locked

_PATIENCE: Final = 0.5
"""Seconds that others may hold the lock of a batch to look, or a killed process's last job until it begins."""


class BatchAbout(msgspec.Struct, kw_only=True):
    """A batch.

    Attributes:
        name: Its name in the table.
        origin: What makes its runs, as the table calls it; empty where an older version has not said.
        total: How many items it has.
        slots: How many of them run at once.
        source: The file that lists them.
        directory: Where they run.
        host: On which machine they were started last.
        pid: By which process.
        started: When, in seconds since the epoch.
        ended: When that process came to its end, or None.
    """

    name: str
    origin: str = ""
    total: int
    slots: int = 1
    source: str = ""
    directory: str = ""
    host: str = ""
    pid: int = 0
    started: float = 0.0
    ended: float | None = None


class BatchFile:
    """The file of one batch."""

    def __init__(self, tree: JobTreePaths, name: str) -> None:
        """Name it; nothing is read yet."""
        stem = task_directory(name)
        self._file = tree.batches / f"{stem}.json"
        self._lock_file = tree.batches / f"{stem}.lock"
        self._lock: FileLock | None = None

    def take(self, *, alone: bool) -> bool:
        """Be a process that runs the batch; False when that cannot be.

        Args:
            alone: Be the only one: else there may be several, if none of them wants to be alone.

        Raises:
            OSError: The tree cannot be written.
        """
        make_dirs(self._file.parent)
        self._lock_file.touch()
        lock = FileLock(self._lock_file)
        taken = lock.acquire(shared=not alone, patience=_PATIENCE)
        self._lock = lock if taken else None
        return taken

    def release(self) -> None:
        """Let others run it."""
        if self._lock is not None:
            self._lock.release()

    @property
    def is_running(self) -> bool:
        """Whether a process runs it now."""
        return is_locked(self._lock_file, shared=True)

    def write(self, about: BatchAbout) -> None:
        """Say what the batch is.

        Raises:
            OSError: The tree cannot be written.
        """
        atomic_write(self._file, msgspec.json.format(msgspec.json.encode(about), indent=2) + b"\n", durable=False)

    def read(self) -> BatchAbout | None:
        """What the batch is, or None when nobody has said."""
        return _read(self._file)


def batches_of(tree: JobTreePaths) -> list[BatchAbout]:
    """The batches of a tree, the newest first."""
    try:
        files: list[Path] = [file for file in tree.batches.iterdir() if file.suffix == ".json"]
    except OSError:
        return []
    found: list[Any] = [about for file in files if (about := _read(file)) is not None]
    return sorted(found, key=lambda about: about.started, reverse=True)


def _read(file: Path) -> BatchAbout | None:
    try:
        return msgspec.json.decode(file.read_bytes(), type=BatchAbout)
    except (OSError, msgspec.MsgspecError):
        return None
