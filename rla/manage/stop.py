"""Ask the process of a running run to end, after making sure that it is the run's."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from rla.core import states
from rla.core.layout import JobRunPaths
from rla.core.manifest import Manifest
from rla.jobs import family
from rla.runs import machine
from rla.runs.database import Database
from rla.runs.run import Run
from rla.store.rebuild import read_run

_POLL: Final = 0.05
_JOB_PATIENCE: Final = 5.0
"""Seconds that hermes has to write down the end of a job."""


@dataclass
class Stopped:
    """What became of one run.

    Attributes:
        uid: The run.
        state: How it stands now.
        reason: Why it was not stopped; None when it was.
    """

    uid: str
    state: str
    reason: str | None = None


def stop(database: Database, runs: Sequence[Run], timeout: float = 30.0) -> list[Stopped]:
    """Send SIGTERM to the processes of runs, and wait until the runs have ended.

    A run that gets it keeps what it has recorded and says that it was killed. One that does not end in
    time is left to itself: nothing stronger is sent.

    Args:
        database: The data root.
        runs: Which; all get the signal before any is waited for.
        timeout: Seconds to wait for all of them together.

    Returns:
        What became of each, in their order.
    """
    deadline = time.monotonic() + timeout
    asked = [(run, refusal(run) or _ask(run)) for run in runs]
    return [_wait(database, run, deadline, timeout) if why is None else _left(run, why) for run, why in asked]


def refusal(run: Run) -> str | None:
    """Why a run cannot be stopped from here; None when its process is known, here and alive."""
    if run.state not in states.OPEN:
        return f"it is {run.state}: it does not run any more"
    found = _process(run)
    return found if isinstance(found, str) else None


def _process(run: Run) -> Manifest | str:
    """Whose process it is, or why that is not known: a pid alone may long be another program's."""
    if run.paths is None:
        return f"its files are not here; it runs on {run.row['host']}"
    try:
        record, _, _ = read_run(run.paths)
    except (OSError, ValueError) as error:
        return f"its process is not known: {error}"
    if record.uid != run.uid:
        return f"its directory holds the run {record.uid}: run `rla reindex`"
    if record.host != machine.host_name():
        return f"it runs on {record.host}, not on this machine: stop it there"
    if not (record.boot and record.process_started and record.pid > 1):
        return "the system it runs on does not tell its processes apart: end it yourself"
    if record.boot != machine.boot_id() or machine.process_start(record.pid) != record.process_started:
        return "its process is gone"
    return record


def _ask(run: Run) -> str | None:
    """Send the signal; why that failed, or None.

    The process is held by a handle first and looked at again: its number cannot become another's meanwhile.
    """
    record = _process(run)
    if isinstance(record, str):
        return record
    try:
        with _handle(record.pid) as handle:
            if machine.process_start(record.pid) != record.process_started:
                return "its process is gone"
            if isinstance(run.paths, JobRunPaths):  # a job is its whole group: its shell writes down how it ends
                family.send(record.pid, signal.SIGTERM)
            else:
                _send(handle, record.pid)
    except ProcessLookupError:
        return "its process is gone"
    except PermissionError:
        return f"process {record.pid} belongs to {record.user or 'another user'}: you may not end it"
    return None


@contextlib.contextmanager
def _handle(pid: int) -> Iterator[int | None]:
    """A handle on a process where the system has such a thing, else None."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        raise
    except (AttributeError, OSError):
        yield None
        return
    try:
        yield handle
    finally:
        os.close(handle)


def _send(handle: int | None, pid: int) -> None:
    if handle is None:
        os.kill(pid, signal.SIGTERM)
    else:
        signal.pidfd_send_signal(handle, signal.SIGTERM)


def _wait(database: Database, run: Run, deadline: float, timeout: float) -> Stopped:
    """Until the run says how it ended, or its process is gone without a word."""
    patience = time.monotonic() + (_JOB_PATIENCE if isinstance(run.paths, JobRunPaths) else 0.0)
    while True:
        state = _state_now(database, run)
        if state == states.LOST and time.monotonic() < patience:
            time.sleep(_POLL)
            continue
        if state not in states.OPEN:
            said = state != states.LOST
            return Stopped(run.uid, state, None if said else "its process ended without a word: the run is lost")
        if time.monotonic() >= deadline:
            return Stopped(run.uid, state, f"it still runs after {timeout:g} s: it ends its work, or ignores SIGTERM")
        time.sleep(_POLL)


def _state_now(database: Database, run: Run) -> str:
    row = database.table.get(run.uid)
    return run.state if row is None else database.run_of(row).state


def _left(run: Run, reason: str) -> Stopped:
    return Stopped(run.uid, run.state, reason)
