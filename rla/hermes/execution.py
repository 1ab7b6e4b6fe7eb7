"""Carry out a hermes file: plan it, check all of it, then run its jobs as a batch."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rla.batch.batch import Batch, run_batch
from rla.batch.code_state import CodeState, repository_of
from rla.batch.continuing import Continuation, Wish
from rla.batch.events import BatchReport, Listener
from rla.batch.free_memory import free_memory
from rla.batch.runner import BatchOptions
from rla.batch.slots import Slots, gpu_slots, plain_slots
from rla.core.config import load_config
from rla.core.find_database import find_data_root
from rla.core.layout import EXPERIMENTS, JobTreePaths, RootPaths
from rla.errors import ConfigError
from rla.hermes.hermesfile import HermesFile, read_hermes_file
from rla.hermes.messages import Messages
from rla.hermes.settings import Settings, load_settings
from rla.hermes.source import Line
from rla.hermes.words import quoted
from rla.hermes.workload import HermesWorkload

_COMMAND_BATCH = "command"


@dataclass(frozen=True)
class Request:
    """What a call of hermes asks for; what is None is left to the settings.

    Attributes:
        file: The hermes file, or None when ``command`` is given.
        command: One command, as words.
        name: The level of directories below the script, and the name of the batch.
        comments: Remarks on every job.
        jobs: How many at once.
        gpus: A name for each slot.
        retries: How often a job that failed is run again.
        timeout: How long a job may run, in seconds.
        halt: After how many failures nothing more is started.
        memory_free: How many bytes must be free for a job to start.
        wish: Which of the jobs.
        data_root: The database; else the one every command finds.
    """

    file: Path | None = None
    command: tuple[str, ...] = ()
    name: str | None = None
    comments: tuple[str, ...] = ()
    jobs: int | None = None
    gpus: tuple[str, ...] | None = None
    retries: int | None = None
    timeout: float | None = None
    halt: int | None = None
    memory_free: int | None = None
    wish: Wish = Wish.EVERYTHING
    data_root: Path | None = None


@dataclass(frozen=True)
class Plan:
    """A batch that is about to run, all of it checked.

    Attributes:
        workload: Its jobs.
        settings: The settings, those of the command line over all others.
        slots: How many run at once.
        total: How many jobs there are.
        tells: Whether somebody is to be told of its end.
        tree: Where the experiments lie.
        root: The database.
        index_url: The address of its index when that is elsewhere.
        is_hidden: Whether no command finds the database from the directory of the jobs, unless it is named.
    """

    workload: HermesWorkload
    settings: Settings
    slots: Slots
    total: int
    tells: bool
    tree: JobTreePaths
    root: RootPaths
    index_url: str | None
    is_hidden: bool = False

    def batch(self) -> Batch:
        """What is run of it."""
        settings = self.settings
        return Batch(
            workload=self.workload,
            total=self.total,
            slots=self.slots,
            tree=self.tree,
            root=self.root,
            index_url=self.index_url,
            directory=self.workload.directory,
            code=self.workload.code,
            options=BatchOptions(settings.retries, settings.halt, settings.timeout, settings.memory_free),
            source=None if self.workload.file.path is None else self.workload.file.path.absolute(),
        )

    def commands(self, listener: Listener, wish: Wish = Wish.EVERYTHING) -> Iterator[str]:
        """The exact command lines of what would be run now, ``IDENTIFIER`` standing for what each job gets.

        Args:
            listener: Hears why it is these.
            wish: Which of the jobs.

        Raises:
            ConfigError: A job runs on another machine.
            StoreError: The table is needed to know what is done, and cannot be read.
        """
        file = self.workload.file
        for item in Continuation(self.batch(), wish, listener).foresee():
            job = item.payload
            asked = file.settings.identifier if job.options.identifier is None else job.options.identifier
            words = job.command.words("IDENTIFIER" if asked else None, file.arguments)
            variables = [f"{name}={shlex.quote(value)}" for name, value in job.command.environment]
            yield " ".join((*variables, shlex.join(words)))

    def compiled(self) -> Iterator[str]:
        """The lines of the hermes file with every directive written out."""
        yield from self.workload.file.head
        for item in self.workload.items():
            yield str(item.payload.line)


def make_plan(request: Request, directory: Path) -> Plan:
    """Read and check everything before anything starts.

    Args:
        request: What is asked for.
        directory: Where the jobs run.

    Raises:
        HermesFileError: Something in the file, or in the settings, is wrong.
        ConfigError: Something else is.
        OSError: A file cannot be read.
    """
    top = repository_of(directory) or directory
    file = _file(request, load_settings(top))
    settings = _over(request, file.settings)
    file = replace(file, settings=settings)
    tree = _tree(top, settings)
    config = load_config(None)
    found = find_data_root(request.data_root, config, os.environ, directory)
    root = RootPaths(found or tree.root)
    code = CodeState(directory, never=[tree.root, root.root], captures=config.capture_environment)
    batch = request.name or (request.file.stem if request.file is not None else _COMMAND_BATCH)
    workload = HermesWorkload(file, batch, request.name, directory, tree.root, code, request.comments)
    total, tells = 0, False
    for item in workload.checked():
        total, tells = total + 1, tells or item.payload.options.message
    if settings.memory_free is not None:
        free_memory()
    is_hidden = found is None and tree.root.parent not in {directory, *directory.parents}
    return Plan(workload, settings, _slots(request, settings), total, tells, tree, root, config.index_url, is_hidden)


def experiments_of(directory: Path) -> Path:
    """Where hermes would keep the experiments of jobs that run in a directory, by its settings file.

    Raises:
        HermesFileError: The settings file is wrong.
        OSError: It cannot be read.
    """
    top = repository_of(directory) or directory
    return _tree(top, load_settings(top)).root


def _tree(top: Path, settings: Settings) -> JobTreePaths:
    return JobTreePaths(Path(os.path.normpath(top / settings.path_to_experiments)) / EXPERIMENTS)


def execute(plan: Plan, listener: Listener, wish: Wish = Wish.EVERYTHING) -> BatchReport:
    """Run the jobs of a plan.

    Args:
        plan: What to run.
        listener: Hears what happens.
        wish: Which of the jobs.

    Raises:
        ConfigError: Nobody can be told, the file is not the user's, or another hermes runs the batch.
        RunStartError: The directory of the experiments cannot be written.
        StoreError: The table is needed to know what is done, and cannot be read.
    """
    if wish in {Wish.UNDONE, Wish.FAILED}:
        _check_owner(plan.workload.file.path)
    messages = Messages(plan.settings.chat_id if plan.tells else (), listener, plan.workload.batch, on=plan.tells)
    report = run_batch(plan.batch(), messages, wish)
    messages.finish(report)
    return report


def _check_owner(file: Path | None) -> None:
    """A file that somebody else can write must not decide what this user runs."""
    if file is None or not hasattr(os, "geteuid"):
        return
    if file.stat().st_uid != os.geteuid():
        raise ConfigError(f"{file} is not yours: copy it, look at it, and resume with the copy", path=file)


def _file(request: Request, settings: Settings) -> HermesFile:
    if request.file is not None:
        _check_file(request.file)
        return read_hermes_file(request.file, settings)
    for word in request.command:
        if "\n" in word or "\r" in word:
            raise ConfigError(
                f"-e: {word!r} holds a line break, and no line of a hermes file can: put it into a script"
            )
    line = Line(f"[[{', '.join(map(quoted, request.command))}],[]]")
    return HermesFile(settings, lines=(line,))


def _check_file(file: Path) -> None:
    if file.is_dir():
        raise ConfigError(f"{file} is a directory: name the hermes file in it", path=file)
    if not file.exists():
        advice = f"hermes create {file}  writes an example" if file.suffix == ".hermes" else "look for its name"
        raise ConfigError(f"there is no file {file}: {advice}", path=file)


def _over(request: Request, settings: Settings) -> Settings:
    """The settings with what the command line says."""
    said: dict[str, Any] = {
        "threads": request.jobs,
        "gpus": request.gpus,
        "retries": request.retries,
        "timeout": request.timeout,
        "halt": request.halt,
        "memory_free": request.memory_free,
    }
    return replace(settings, **{name: value for name, value in said.items() if value is not None})


def _slots(request: Request, settings: Settings) -> Slots:
    """One slot per GPU where there are any; fewer when the command line says so."""
    if settings.gpus:
        return gpu_slots(settings.gpus[: request.jobs])
    return plain_slots(settings.threads)
