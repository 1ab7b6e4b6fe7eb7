"""Go on with a batch that was broken off: what has succeeded stays, what goes on is taken over, the rest is run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime
from enum import Enum
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from rla.batch import job_run
from rla.batch.ending import end_run
from rla.batch.events import Listener
from rla.batch.job_run import JobRun
from rla.batch.ledger import Ledger
from rla.batch.outcome import Outcome, outcome_of
from rla.batch.runner import BatchRunner
from rla.batch.workload import CommandLine, Item
from rla.core import manifest, states
from rla.core.layout import JobRunPaths
from rla.core.manifest import Manifest
from rla.errors import ConfigError
from rla.fsio.file_lock import is_locked
from rla.jobs.adopted import AdoptedJob
from rla.jobs.job import JobResult, end_of
from rla.runs.liveness import spoke_lately
from rla.runs.machine import host_name, process_runs

if TYPE_CHECKING:
    from rla.batch.batch import Batch
    from rla.batch.standing import Standing
    from rla.runs.database import Database

_STAMP = "%Y/%m/%d/%H-%M-%S-%f"


class Wish(Enum):
    """Which items of a batch are to run.

    Attributes:
        EVERYTHING: All of them.
        UNDONE: Those that have not succeeded in this batch.
        FAILED: Those whose last run in this batch failed.
        NEW: Those that have not succeeded in any batch with the commit that is checked out.
    """

    EVERYTHING = "everything"
    UNDONE = "undone"
    FAILED = "failed"
    NEW = "new"


class Continuation:
    """Decides which items of a batch are run.

    Attributes:
        skipped: How many are not, because they are done.
    """

    def __init__(self, batch: Batch, wish: Wish, listener: Listener) -> None:
        """Nothing is read yet."""
        self.skipped = 0
        self._batch = batch
        self._wish = wish
        self._listener = listener

    def foresee(self) -> Iterator[Item]:
        """What is to be run, as things stand. Changes nothing.

        Raises:
            ConfigError: A job of it runs on another machine.
            StoreError: The table cannot be read.
        """
        return self._chosen(lambda _run, _outcome: None)

    def settle(self, runner: BatchRunner, ledger: Ledger) -> Iterator[Item]:
        """Take over what goes on, write down what has ended, and give what is to be run.

        Raises:
            ConfigError: A job of it runs on another machine.
            StoreError: The table cannot be read.
        """

        def settle(run: JobRun, outcome: Outcome | None) -> None:
            if outcome is None:
                runner.adopt(run, AdoptedJob(run.manifest().pid, run.paths.manifest, run.paths.exit_code))
            else:
                self._write_down(run, outcome, ledger)

        return self._chosen(settle)

    def _chosen(self, unsettled: Callable[[JobRun, Outcome | None], None]) -> Iterator[Item]:
        items = self._batch.workload.items()
        if self._wish is Wish.EVERYTHING:
            return items
        if self._wish is Wish.NEW:
            return self._new(items)
        return iter([item for item in items if self._is_to_run(item, unsettled)])

    def _new(self, items: Iterator[Item]) -> Iterator[Item]:
        from rla.batch.standing import finished_before  # noqa: PLC0415 - loads SQLAlchemy

        git = self._batch.code.capture().git
        commit = self._batch.code.commit()
        if commit is None or git.get("dirty") is not False:
            self._listener.noted("the code is not that of a commit: nothing counts as done before")
            return items
        keys = [item.key for item in self._batch.workload.items()]
        origin = self._batch.workload.origin
        done = set() if self._database is None else finished_before(self._database, keys, commit, origin)
        self.skipped = sum(key in done for key in keys)
        return (item for item in items if item.key not in done)

    def _is_to_run(self, item: Item, unsettled: Callable[[JobRun, Outcome | None], None]) -> bool:
        """Whether to run an item. A run whose end nobody wrote down is handed over; without an end it goes on."""
        last = self._standing.get(self._batch.workload.same_work(item.key))
        if last is None:
            return self._wish is Wish.UNDONE
        succeeded = last.succeeded
        if last.is_open or not (last.paths is None or job_run.is_settled(last.paths)):
            run = self._found(item, last)
            outcome = Outcome(states.KILLED, JobResult(None, time.time())) if run is None else self._end_of(run)
            if run is not None:
                unsettled(run, outcome)
            if outcome is None:
                return False
            succeeded = outcome.succeeded
        self.skipped += succeeded
        return not succeeded

    def _found(self, item: Item, last: Standing) -> JobRun | None:
        """A run as its files tell it; None when it has none any more."""
        run = None if last.paths is None else _run_of(item, last.paths)
        if run is None or run.manifest().host != host_name():
            _check_elsewhere(last)
        return run

    def _end_of(self, run: JobRun) -> Outcome | None:
        """What has become of a run; None: it goes on."""
        if _goes_on(run):
            return None
        result = end_of(run.paths.exit_code)
        outcome = outcome_of(result, asked=False, timed_out=False, stderr=run.paths.stderr, limit=None)
        return self._batch.workload.judge(run, outcome)

    def _write_down(self, run: JobRun, outcome: Outcome, ledger: Ledger) -> None:
        outcome, state = end_run(self._batch.workload, run, outcome)
        ledger.put(run.manifest(), state, run.paths.place)
        self._listener.noted(f"while nobody watched: {run.item.label}: {outcome.state}: {outcome.result}")

    @cached_property
    def _standing(self) -> dict[str, Standing]:
        from rla.batch.standing import standing_of  # noqa: PLC0415 - loads SQLAlchemy

        workload = self._batch.workload
        found: dict[str, Standing] = {}
        if self._database is None:
            return found
        for key, standing in standing_of(self._database, workload.batch, workload.origin).items():
            found.setdefault(workload.same_work(key), standing)  # the newest comes first
        return found

    @cached_property
    def _database(self) -> Database | None:
        """None where nothing was ever run."""
        from rla.runs.database import open_database  # noqa: PLC0415 - as above

        root = self._batch.root
        return open_database(root.root, self._batch.index_url) if root.root_json.exists() else None


def _run_of(item: Item, paths: JobRunPaths) -> JobRun | None:
    """A run of an earlier call, as its files tell it."""
    try:
        record = manifest.decode(paths.manifest.read_bytes(), Manifest)
    except (OSError, ValueError):
        return None
    created = datetime.strptime(record.created, _STAMP)  # noqa: DTZ007 - local time by design
    command = CommandLine(tuple(record.argv), Path(record.cwd))
    return JobRun(item, paths, created, record.uid, record=record, command=command)


def _goes_on(run: JobRun) -> bool:
    """Whether a run's process holds its lock; one that is not of this machine could not be told to end.

    Raises:
        ConfigError: It holds it elsewhere, on a file system that is shared.
    """
    record, file = run.manifest(), run.paths.manifest
    if not is_locked(file):
        return False
    if process_runs(record.pid, record.process_started):
        return True
    if is_locked(file):  # else it has ended just now
        raise _elsewhere(record.uid, record.host)
    return False


def _check_elsewhere(last: Standing) -> None:
    if spoke_lately(last.row["heartbeat"]) and last.row["host"] != host_name():
        raise _elsewhere(last.row["uid"], last.row["host"])


def _elsewhere(uid: str, host: str) -> ConfigError:
    return ConfigError(f"the run {uid} of this batch goes on, on {host}: resume the batch there")
