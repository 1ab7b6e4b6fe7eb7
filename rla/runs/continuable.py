"""A job's own last run: the newest that did not finish, that nobody records, and that nobody goes on from yet."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

import msgspec

from rla.core import json_codec, states
from rla.fsio.file_lock import FileLock, is_locked
from rla.runs.database import Database, open_database
from rla.runs.join import RUN_ID
from rla.runs.liveness import HEARTBEAT_GRACE, is_only_believed
from rla.runs.run import Run
from rla.store.rebuild import read_run

_NOT_CONTINUED: Final = frozenset({*states.OPEN, states.FINISHED, states.CANCELLED})
_ABOUT_LOADING: Final = frozenset({"loaded_task_name", "loaded_date"})
"""Hyperparameters that say what is loaded, not what is trained."""
_PATIENCE: Final = 0.1
"""Seconds to wait for a reader that only looks whether a run is locked."""


def unfinished(database: Database, task: str, hyperparameters: Mapping[str, Any]) -> Iterator[Run]:
    """The runs of a task with these hyperparameters that ended before they were finished, newest first."""
    wanted = identity(hyperparameters)
    rows = database.table.rows(task, columns=["uid", "state", "hyperparameters"])
    for row in rows:
        if row["state"] in {states.FINISHED, states.CANCELLED} or identity(row["hyperparameters"]) != wanted:
            continue
        whole = database.table.get(row["uid"])
        run = None if whole is None else _seen_by_its_job(database.run_of(whole))
        if run is not None and run.state not in _NOT_CONTINUED and _is_live(database, run):
            yield run


def _seen_by_its_job(run: Run) -> Run:
    """The run, which is not alive if Slurm has started its job again: whatever its heartbeat says elsewhere."""
    job, restarts = os.environ.get("SLURM_JOB_ID"), os.environ.get("SLURM_RESTART_COUNT", "")
    if run.state not in states.OPEN or not job or not restarts.isdigit() or is_locked(run.require_paths().manifest):
        return run
    slurm = read_run(run.require_paths())[0].environment.get("slurm") or {}
    before = str(slurm.get("SLURM_RESTART_COUNT", "0"))
    is_earlier = slurm.get("SLURM_JOB_ID") == job and before.isdigit() and int(before) < int(restarts)
    return replace(run, alive=False) if is_earlier else run


def _is_live(database: Database, run: Run) -> bool:
    return run.paths is not None and run.paths.root == database.root.root


@contextmanager
def claimed(database: Database, run: Run, index_url: str | None) -> Iterator[bool]:
    """Keep others from continuing a run while this process does.

    The claim is the run's own lock, which its process has let go. The child that is made meanwhile
    is what keeps others away afterwards.

    Args:
        database: Where it is.
        run: Nobody records it.
        index_url: Where its index is, when that is elsewhere.

    Yields:
        Whether it is this process's to continue.
    """
    lock = FileLock(run.require_paths().manifest)
    try:
        yield lock.acquire(patience=_PATIENCE) and not _is_continued(open_database(database.root.root, index_url), run)
    finally:
        lock.release()


def _is_continued(database: Database, run: Run) -> bool:
    """Whether a run of the same task and hyperparameters has begun where this one stopped."""
    rows = database.table.rows(run.task, columns=["parent_uid", "hyperparameters"])
    mine = identity(run.hyperparameters)
    return any(row["parent_uid"] == run.uid and identity(row["hyperparameters"]) == mine for row in rows)


def what_goes_on(database: Database, task: str, hyperparameters: Mapping[str, Any]) -> str:
    """Which run of the same task and hyperparameters is recorded now, in the middle of a sentence; or nothing.

    Of several it is the one that goes on from another: what the caller wanted to do, too.
    """
    wanted, own, going = identity(hyperparameters), os.environ.get(RUN_ID), None
    for row in database.table.rows(task, columns=["uid", "state", "hyperparameters", "parent_uid"]):
        if row["state"] != states.RUNNING or row["uid"] == own or identity(row["hyperparameters"]) != wanted:
            continue
        if going is not None and row["parent_uid"] is None:
            continue
        whole = database.table.get(row["uid"])
        run = None if whole is None else database.run_of(whole)
        if run is not None and run.state == states.RUNNING:
            going = run
    return "" if going is None else _told(going)


def _told(run: Run) -> str:
    if run.paths is not None and run.row["heartbeat"] and is_only_believed(str(run.row["host"]), run.paths):
        until = time.strftime("%H:%M:%S", time.localtime(run.row["heartbeat"] + HEARTBEAT_GRACE))
        return (
            f"run {run.uid} may still be recorded on {run.row['host']}, from which this machine cannot tell, and so "
            f"counts as going on until {until}. If it is over, start again after that, or go on from it at once: "
            f"RLA_RESUME={run.uid}"
        )
    parent = f", which goes on from run {run.row['parent_uid']}," if run.row["parent_uid"] else ""
    return f"run {run.uid}{parent} is being recorded by process {run.row['pid']} on {run.row['host']}"


def identity(hyperparameters: Mapping[str, Any] | None) -> bytes:
    """By what two trainings are the same: their hyperparameters, but for those that say what is loaded."""
    kept = {key: value for key, value in (hyperparameters or {}).items() if key not in _ABOUT_LOADING}
    return msgspec.json.encode(json_codec.encode(kept), order="deterministic")
