"""The start of a run: its command is made ready and waits, then it is let go or given up."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rla.batch.job_run import JobRun, start_error
from rla.batch.workload import CommandLine, Workload
from rla.core import manifest
from rla.core.hyperparams import flatten, normalise, tracked_text
from rla.core.index_name import IndexName
from rla.core.manifest import Manifest
from rla.core.redact import redact_argv
from rla.fsio.atomic_write import write_all
from rla.jobs.executor import Executor, StartedJob
from rla.jobs.job import Job, make_room
from rla.runs import machine
from rla.runs.join import RUN_DIR, RUN_ID


@dataclass(frozen=True)
class ReadyJob:
    """A run whose command waits for the word. Without it, it never begins and was never a run.

    Attributes:
        run: The run.
        job: What waits; it holds the lock of the draft that becomes the run's manifest.
    """

    run: JobRun
    job: StartedJob


def make_ready(run: JobRun, workload: Workload, executor: Executor, environment: Mapping[str, str]) -> ReadyJob:
    """Hand the command of a run over that was claimed just now.

    Raises:
        RunStartError: It could not be handed over; nothing is left of the run.
        RlaError: The item cannot run.
    """
    lock, run.lock = run.lock, None
    assert lock is not None
    try:
        run.command = workload.command(run.item, run)
        job = executor.start(_job(run, run.command, environment), lock)
    except BaseException as error:
        lock.release()
        _clear(run)
        if isinstance(error, OSError):
            raise start_error(run.paths.log, error) from error
        raise
    ready = ReadyJob(run, job)
    try:
        run.record = _manifest(run, workload, job.pid)
        _write(run.paths.draft, manifest.encode(run.record, run.code.ready))
    except BaseException as error:
        give_up(ready)
        if isinstance(error, OSError):
            raise start_error(run.paths.log, error) from error
        raise
    return ready


def let_go(ready: ReadyJob, workload: Workload) -> None:
    """Let the command begin: its manifest is there then, and its directory furnished.

    Raises:
        RunStartError: It could not begin; where there is a manifest already, the run has failed.
        RlaError: The item cannot run.
    """
    run = ready.run
    try:
        run.paths.draft.replace(run.paths.manifest)
        make_room(run.paths.exit_code)
        workload.furnish(run)
        ready.job.release()
    except BaseException as error:
        give_up(ready)
        if isinstance(error, OSError):
            raise start_error(run.paths.log, error) from error
        raise


def give_up(ready: ReadyJob) -> None:
    """Let the command end without having begun. What is no run yet leaves nothing behind."""
    ready.job.abandon()
    if not ready.run.paths.manifest.exists():
        _clear(ready.run)


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


def _write(file: Path, data: bytes) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CLOEXEC)
    try:
        write_all(descriptor, data)
    finally:
        os.close(descriptor)


def _clear(run: JobRun) -> None:
    """Remove what never became a run."""
    with contextlib.suppress(OSError):
        for file in (run.paths.draft, run.paths.stderr):
            file.unlink(missing_ok=True)
        run.paths.log.rmdir()
