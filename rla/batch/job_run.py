"""One run of an item: its directory, its manifest, its state."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec

from rla.batch.code_state import Capture
from rla.batch.outcome import Outcome
from rla.batch.workload import CommandLine, Item, Workload
from rla.core import manifest, states
from rla.core.hyperparams import flatten, normalise, tracked_text
from rla.core.index_name import IndexName
from rla.core.layout import JobRunPaths, JobTreePaths
from rla.core.manifest import Manifest, State
from rla.core.redact import redact_argv
from rla.errors import RunStartError
from rla.fsio.atomic_write import atomic_write, temporary_beside, write_all
from rla.fsio.claim_dir import claim_dir
from rla.fsio.file_lock import FileLock
from rla.jobs.executor import Executor, StartedJob
from rla.jobs.job import Job
from rla.runs import machine
from rla.runs.join import RUN_DIR, RUN_ID

SECRETS: Final = ("RLA_TELEGRAM_TOKEN", "RLA_NOTIFY_URLS")
"""Variables that no job gets."""
_TICK: Final = timedelta(microseconds=1)
_ERROR_LENGTH: Final = 10_000


@dataclass
class JobRun:
    """A run of an item.

    Attributes:
        item: Of which.
        paths: Where its files are.
        created: When its directory was claimed, in local time.
        uid: Its opaque id.
        attempt: The how manieth run of its item in this call, from 1.
        code: What it is started from.
        record: Its manifest, once it has one.
        command: What it runs, once that is known.
    """

    item: Item
    paths: JobRunPaths
    created: datetime
    uid: str
    attempt: int = 1
    code: Capture = field(default_factory=Capture)
    record: Manifest | None = None
    command: CommandLine | None = None

    @property
    def identifier(self) -> str:
        """The name of its directory."""
        return self.paths.log.name

    def manifest(self) -> Manifest:
        """Its manifest, which it has from its start on."""
        assert self.record is not None
        return self.record


class Claims:
    """Gives each run a directory of its own; time goes on by at least a microsecond from one to the next."""

    def __init__(self, tree: JobTreePaths, workload: Workload) -> None:
        """Nothing is claimed yet."""
        self._tree = tree
        self._workload = workload
        self._last = datetime.min  # noqa: DTZ901 - local time, as every index name

    def claim(self, item: Item, attempt: int) -> JobRun:
        """Claim a directory that nobody has.

        Raises:
            RunStartError: It cannot be made.
        """
        created = max(datetime.now(), self._last + _TICK)  # noqa: DTZ005 - the index is in local time
        while True:
            paths = JobRunPaths(self._tree.root, self._workload.place(item, created))
            try:
                claim_dir(paths.log)
            except FileExistsError:
                created += _TICK
            except OSError as error:
                raise start_error(paths.log, error) from error
            else:
                self._last = created
                return JobRun(item, paths, created, os.urandom(8).hex(), attempt)


def begin(run: JobRun, workload: Workload, executor: Executor, environment: Mapping[str, str]) -> StartedJob:
    """Start the command of a run: it begins when its manifest is there and its directory furnished.

    Raises:
        RunStartError: It could not be started; where there is a manifest already, the run has failed.
        RlaError: The item cannot run.
    """
    run.command = workload.command(run.item, run)
    temporary = temporary_beside(run.paths.manifest)
    lock = FileLock(temporary)
    try:
        temporary.touch()
        lock.acquire()
        job = executor.start(_job(run, run.command, environment), lock)
    except OSError as error:
        lock.release()
        _clear(run, temporary)
        raise start_error(run.paths.log, error) from error
    try:
        run.record = _manifest(run, workload, job.pid)
        with _put_manifest(temporary, run) as synced:
            workload.furnish(run)
            job.release()
            synced()
    except BaseException as error:
        job.abandon()
        if run.record is None or not run.paths.manifest.exists():
            _clear(run, temporary)
        if isinstance(error, OSError):
            raise start_error(run.paths.log, error) from error
        raise
    return job


def write_end(run: JobRun, outcome: Outcome) -> State:
    """Write down how a run ended, beside what its script has recorded. A disk that is full changes nothing else.

    Returns:
        The whole state.
    """
    said = read_state(run.paths)
    state = msgspec.structs.replace(
        said,
        state=outcome.state,
        heartbeat=max(outcome.result.ended, said.heartbeat or 0.0),
        ended=outcome.result.ended,
        exit_code=outcome.result.exit_code,
        error=None if outcome.error is None else outcome.error[-_ERROR_LENGTH:],
    )
    with contextlib.suppress(OSError):
        atomic_write(run.paths.state, manifest.encode(state), durable=False)
        if run.paths.joined.exists():
            run.paths.joined.write_text("ended\n", encoding="ascii")
    return state


def is_settled(paths: JobRunPaths) -> bool:
    """Whether nobody but its batch has said how a run ended; a script that records into it says so before."""
    try:
        return paths.joined.stat().st_size > 0
    except OSError:
        return True


def inherited_environment() -> dict[str, str]:
    """What every job gets of this process's variables; none of its secrets."""
    return {**{name: value for name, value in os.environ.items() if name not in SECRETS}, "PYTHONUNBUFFERED": "1"}


def read_state(paths: JobRunPaths) -> State:
    """What a script has said of its run; where it says nothing or nonsense, that it goes on."""
    try:
        return manifest.decode(paths.state.read_bytes(), State)
    except (OSError, ValueError):
        return State(state=states.RUNNING)


def start_error(directory: Path, error: OSError) -> RunStartError:
    """Why a run could not be started."""
    where = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else str(directory)
    return RunStartError(error.errno or 0, f"the job could not be started: {error.strerror or error}", where)


def _job(run: JobRun, command: CommandLine, inherited: Mapping[str, str]) -> Job:
    own = {RUN_ID: run.uid, RUN_DIR: str(run.paths.log.absolute())}
    environment = {**inherited, **command.environment, **own}
    paths = run.paths
    return Job(
        command=command.words,
        directory=command.directory,
        stdout=paths.stdout.absolute(),
        stderr=paths.stderr.absolute(),
        exit_code=paths.exit_code.absolute(),
        environment=environment,
    )


def _manifest(run: JobRun, workload: Workload, pid: int) -> Manifest:
    assert run.command is not None
    hyperparameters = normalise(run.item.hyperparameters)
    started = run.created.astimezone()
    known = {*hyperparameters, *(key for key, _ in flatten(hyperparameters))}
    tracked = [key for key in run.item.tracked if key in known]
    name = IndexName(run.created, machine.ip_address(), tracked_text(hyperparameters, tracked))
    seed = hyperparameters.get("seed")
    return Manifest(
        uid=run.uid,
        task=run.item.task,
        created=name.stamp,
        zone=started.strftime("%z"),
        started=started.timestamp(),
        ip=name.ip,
        tracked=name.tracked,
        tracked_keys=tracked,
        name=run.identifier,
        hyperparameters=hyperparameters,
        origin=workload.origin,
        seed=seed if type(seed) is int else None,
        parent_uid=workload.parent,
        batch=workload.batch,
        job=run.item.key,
        host=machine.host_name(),
        pid=pid,
        boot=machine.boot_id(),
        process_started=machine.process_start(pid),
        user=machine.user_name(),
        cwd=str(run.command.directory),
        argv=redact_argv(list(run.command.words)),
        git=dict(run.code.git),
        environment=dict(run.code.environment),
    )


@contextlib.contextmanager
def _put_manifest(temporary: Path, run: JobRun) -> Iterator[Callable[[], None]]:
    """The manifest into the file whose lock the job holds, which then gets its name.

    Gives what waits for the disk: the job need not.
    """
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CLOEXEC)
    try:
        write_all(descriptor, manifest.encode(run.manifest(), run.code.ready))
        temporary.replace(run.paths.manifest)
        yield lambda: _sync(descriptor)
    finally:
        os.close(descriptor)


def _sync(descriptor: int) -> None:
    with contextlib.suppress(OSError):  # the job runs, and what the disk could not take shows in its files
        os.fsync(descriptor)


def _clear(run: JobRun, temporary: Path) -> None:
    """Remove what never became a run."""
    with contextlib.suppress(OSError):
        for file in (temporary, run.paths.stderr):
            file.unlink(missing_ok=True)
        run.paths.log.rmdir()
