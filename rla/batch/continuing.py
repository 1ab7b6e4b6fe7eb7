"""Go on with a batch that was broken off: what has succeeded stays, what goes on is taken over, the rest is run."""

from __future__ import annotations

import time
from collections import defaultdict
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
from rla.core import manifest
from rla.core.layout import JobRunPaths
from rla.core.manifest import Manifest
from rla.core.wording import span
from rla.errors import ConfigError
from rla.fsio.file_lock import is_locked
from rla.jobs.adopted import AdoptedJob
from rla.jobs.job import end_of
from rla.runs.liveness import HEARTBEAT_GRACE, spoke_lately
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
        """Whether to run an item: its newest run tells, and none goes on."""
        runs = self._standing.get(self._batch.workload.same_work(item.key))
        if not runs:
            return self._wish is Wish.UNDONE
        succeeded = [self._has_succeeded(item, run, unsettled) for run in runs]
        if None in succeeded:
            return False
        self.skipped += bool(succeeded[0])
        return not succeeded[0]

    def _has_succeeded(
        self, item: Item, standing: Standing, unsettled: Callable[[JobRun, Outcome | None], None]
    ) -> bool | None:
        """Whether a run has; None: it goes on. One whose end nobody wrote down is handed over."""
        if not standing.is_open and (standing.paths is None or job_run.is_settled(standing.paths)):
            return standing.succeeded
        run = self._found(item, standing)
        if run is None:
            return False
        outcome = self._end_of(run)
        unsettled(run, outcome)
        return None if outcome is None else outcome.succeeded

    def _found(self, item: Item, standing: Standing) -> JobRun | None:
        """A run as its files tell it; None when it has none any more."""
        run = None if standing.paths is None else _run_of(item, standing.paths)
        if run is None or run.manifest().host != host_name():
            _check_elsewhere(standing)
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
    def _standing(self) -> dict[str, list[Standing]]:
        """The runs of each item, the newest first."""
        from rla.batch.standing import standing_of  # noqa: PLC0415 - loads SQLAlchemy

        workload = self._batch.workload
        found: defaultdict[str, list[Standing]] = defaultdict(list)
        if self._database is not None:
            for standing in standing_of(self._database, workload.batch, workload.origin):
                found[workload.same_work(standing.key)].append(standing)
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


def _check_elsewhere(standing: Standing) -> None:
    """Nobody here can know of a run on another machine, but by what was heard of it."""
    row = standing.row
    if row["host"] != host_name() and spoke_lately(row["heartbeat"]):
        left = span(max(1, round(row["heartbeat"] + HEARTBEAT_GRACE - time.time())))
        advice = f"; if that machine is gone, here in {left}: it counts as lost then"
        raise _elsewhere(row["uid"], row["host"], advice)


def _elsewhere(uid: str, host: str, advice: str = "") -> ConfigError:
    return ConfigError(f"the run {uid} of this batch goes on, on {host}: resume the batch there{advice}")
