"""Make a run: its directory, its manifest, its row, in that order.

Whatever instant the process dies at, the next reader completes the run or clears it away
(:mod:`rla.runs.arrivals`).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from rla.core import hyperparams, manifest, origins
from rla.core.index_name import IndexName, NameFormat
from rla.core.layout import LOG, RootPaths, RunPaths
from rla.core.manifest import Manifest, Notes, State
from rla.core.redact import redact_argv
from rla.errors import RunStartError, StoreBusyError, StoreError
from rla.fsio.atomic_write import TEMP_MARK, atomic_write, sync_directory
from rla.fsio.claim_dir import claim_dir
from rla.fsio.file_lock import FileLock
from rla.runs import machine, spool
from rla.runs.root import index_location, is_shared_by_files, prepare_root
from rla.runs.undo import remove_empty_parents, undo

START_BUDGET: Final = 2.0
"""Seconds that a starting run may wait for the index."""
_LOCK_PATIENCE: Final = 0.1


@dataclass(frozen=True)
class RunRequest:
    """What a run is to be: everything its maker knows before there is a directory."""

    task: str
    hyperparameters: dict[str, Any] = field(default_factory=dict)
    tracked_keys: tuple[str, ...] = ()
    origin: str = origins.MANAGER
    git: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, Any] = field(default_factory=dict)
    name_format: NameFormat = "space"
    index_url: str | None = None
    parent_uid: str | None = None


@dataclass(frozen=True)
class NewRun:
    """A run that was made.

    Attributes:
        lock: Held by this process as long as the run lives.
        root_id: Which root it lies in.
        index_error: Why the index does not know it yet, or None.
        joined: Whether it is the run of this process's job, whose row is the job's to write.
    """

    root: RootPaths
    paths: RunPaths
    manifest: Manifest
    lock: FileLock
    root_id: str
    index_error: str | None
    joined: bool = False


def create_run(
    root: RootPaths,
    request: RunRequest,
    furnish: Callable[[RunPaths, Manifest], None] = lambda _paths, _record: None,
    fill: Callable[[RunPaths, str], None] = lambda _paths, _uid: None,
) -> NewRun:
    """Make a run that no other process has.

    Args:
        root: The data root.
        request: What the run is to be.
        furnish: Opens and writes what else the run starts with, between its manifest and its row;
            when it fails with an OSError nothing of the run is left.
        fill: Puts what the run has of another one into its claimed directories, given its uid. It comes
            before the manifest: until that is written there is no run, and the next reader clears away
            what a killed process had put there.

    Returns:
        The run, with its manifest on disk and fsynced. When the index could not take its row in
        time the run is in the spool instead, and ``index_error`` tells why.

    Raises:
        ConfigError: A tracked key is not among the hyperparameters.
        RunStartError: The directories could not be written; nothing of the run is left.
    """
    tracked = hyperparams.tracked_text(request.hyperparameters, request.tracked_keys)
    uid = os.urandom(8).hex()
    names = _names(root, request, tracked)
    try:
        root_id = prepare_root(root)
        name, paths = next(names)
        entry = spool.announce(root, uid, paths.place)
        try:
            while not _claim(paths):
                name, paths = next(names)
                entry.move(uid, paths.place)
            record = _manifest(request, name, paths, uid)
            _fill(paths, uid, fill)
            lock = _write_manifest(paths, record, furnish)
        except BaseException:
            entry.settle()
            raise
    except OSError as error:
        raise _start_error(root, error) from error
    try:
        index_error = _insert_row(root, request.index_url, record, paths.place, root_id)
    except BaseException:  # no driver for such an index, or an impatient user
        lock.release()
        undo(paths)
        entry.settle()
        raise
    if index_error is None and not is_shared_by_files(root, request.index_url):
        entry.settle()
    else:
        entry.leave()
    return NewRun(root, paths, record, lock, root_id, index_error)


def _names(root: RootPaths, request: RunRequest, tracked: str) -> Iterator[tuple[IndexName, RunPaths]]:
    """Index names from now on, a microsecond apart; the file system is never listed for a free one."""
    ip = machine.ip_address()
    created = datetime.now()  # noqa: DTZ005 - the index is in local time; the zone is in run.json
    while True:
        name = IndexName(created, ip, tracked)
        yield name, root.run(name.place(request.task, request.name_format))
        created += timedelta(microseconds=1)


def _claim(paths: RunPaths) -> bool:
    """Take a run's directory; False when somebody else has it."""
    try:
        claim_dir(paths.log)
    except FileExistsError:
        return False
    except BaseException:
        remove_empty_parents(paths.log.parent, paths.root / LOG)
        raise
    return True


def _fill(paths: RunPaths, uid: str, fill: Callable[[RunPaths, str], None]) -> None:
    try:
        fill(paths, uid)
    except BaseException:
        undo(paths)
        raise


def _write_manifest(paths: RunPaths, record: Manifest, furnish: Callable[[RunPaths, Manifest], None]) -> FileLock:
    """After the manifest is there the run exists; before it, it leaves nothing."""
    lock = FileLock(paths.manifest)
    try:
        atomic_write(paths.manifest, manifest.encode(record))
        sync_directory(paths.log.parent)
        lock.acquire(patience=_LOCK_PATIENCE)
        furnish(paths, record)
    except BaseException:
        lock.release()
        undo(paths)
        raise
    return lock


def _manifest(request: RunRequest, name: IndexName, paths: RunPaths, uid: str) -> Manifest:
    started = name.created.astimezone()
    seed = request.hyperparameters.get("seed")
    return Manifest(
        uid=uid,
        task=request.task,
        created=name.stamp,
        zone=started.strftime("%z"),
        started=started.timestamp(),
        ip=name.ip,
        tracked=name.tracked,
        tracked_keys=list(request.tracked_keys),
        name=paths.log.name,
        hyperparameters=request.hyperparameters,
        origin=request.origin,
        seed=seed if type(seed) is int else None,
        parent_uid=request.parent_uid,
        host=machine.host_name(),
        pid=os.getpid(),
        boot=machine.boot_id(),
        process_started=machine.process_start(os.getpid()),
        user=machine.user_name(),
        cwd=_working_directory(),
        argv=redact_argv(sys.argv),
        git=request.git,
        environment=request.environment,
    )


def _insert_row(root: RootPaths, index_url: str | None, record: Manifest, place: str, root_id: str) -> str | None:
    """Put the run into the index; the reason when that must wait."""
    if is_shared_by_files(root, index_url):
        return None
    # SQLAlchemy takes a seventh of a second to import: a run on a network file system goes without
    from rla.store.engine import open_index  # noqa: PLC0415
    from rla.store.run_row import Place, row_of  # noqa: PLC0415
    from rla.store.run_table import RunTable  # noqa: PLC0415

    row = row_of(record, State(heartbeat=record.started), Notes())
    try:
        table = RunTable(open_index(index_location(root, index_url), budget=START_BUDGET))
        try:
            table.insert(row, Place(record.uid, root_id, place))
        except StoreBusyError:
            raise
        except StoreError:  # most likely a reader has just taken the run in
            table.upsert(row, Place(record.uid, root_id, place))
    except StoreError as error:
        return str(error)
    return None


def _working_directory() -> str:
    try:
        return str(Path.cwd())
    except OSError:  # it was removed under us
        return ""


def _start_error(root: RootPaths, error: OSError) -> RunStartError:
    reason = error.strerror or str(error)
    where = Path(os.fsdecode(error.filename)) if isinstance(error.filename, str | bytes) else root.root
    shown = where.parent if where.name.endswith(TEMP_MARK) else where
    return RunStartError(error.errno or 0, f"the run could not be started: {reason}", str(shown))
