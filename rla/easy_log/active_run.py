"""The run that this process records, from its start to its end."""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from rla.core import states
from rla.core.layout import (
    CHECKPOINT,
    CODE,
    HYPERPARAMETER,
    LOG,
    RESULTS,
    TMP_DATA,
    JobRunPaths,
    JobTreePaths,
    RunPaths,
)
from rla.core.manifest import Manifest, State
from rla.easy_log import run_files
from rla.easy_log.at_fork import watch_forks
from rla.easy_log.heartbeat import Heartbeat
from rla.easy_log.keeper import Keeper
from rla.easy_log.losses import Losses
from rla.easy_log.outcome import Outcome, ProcessHooks, outcome_of
from rla.easy_log.recorder import Logger, silent_logger
from rla.easy_log.reporter import Reporter
from rla.easy_log.run_plan import RunPlan
from rla.errors import ResumeError
from rla.fsio.file_lock import FileLock
from rla.runs import join
from rla.runs.create import NewRun, create_run
from rla.runs.kinds import make_kind
from rla.writers.multi_writer import MultiWriter
from rla.writers.tensorboard_writer import TensorBoardWriter
from rla.writers.text_writer import LogWriter

if TYPE_CHECKING:
    from rla.easy_log.continuing import Resumed
    from rla.runs.fork import Fork

OpenValues = Callable[[], tuple[MultiWriter, TensorBoardWriter | None]]
_STOP_PATIENCE: Final = 1.0


@dataclass
class _Parts:
    """What a recording run works with; a silent one has none of it."""

    reporter: Reporter
    lock: FileLock
    heartbeat: Heartbeat
    hooks: ProcessHooks


class ActiveRun:
    """One run being recorded; ``with`` ends it with the state that fits what happened.

    Attributes:
        uid: Its opaque id.
        task: Its task.
        name: Its index name, as its directories have it.
        paths: Where its files are.
        logger: What records its values; also reached as the functions of ``rla.logger``.
        losses: What could not be kept.
        keeper: Its checkpoints and custom data.
        parent_uid: The run that it continues, or None.
        resumed: What was loaded of that run when this one started; None when it begins anew.
    """

    def __init__(self, paths: RunPaths, record: Manifest, logger: Logger, losses: Losses, framework: str) -> None:
        """Made by :func:`start_run` or :func:`silent_run`."""
        self.uid = record.uid
        self.task = record.task
        self.name = record.name
        self.paths = paths
        self.manifest = record
        self.logger = logger
        self.losses = losses
        self.parent_uid = record.parent_uid
        self.resumed: Resumed | None = None
        self.keeper = Keeper(
            lambda: self.directory(CHECKPOINT), framework, losses, recorder=logger.state, silent=not record.uid
        )
        self._parts: _Parts | None = None
        self._ended: Outcome | None = None
        self._closing = threading.RLock()
        self._remove_scratch: Callable[[], object] | None = None
        self._added: dict[str, Any] = {}
        self._open_values: OpenValues | None = None

    @property
    def is_recording(self) -> bool:
        """Whether it still records: false after its end, in other ranks and in forked children."""
        return self._parts is not None

    @property
    def heartbeat(self) -> Heartbeat | None:
        """What lets it speak while it records; else None."""
        return None if self._parts is None else self._parts.heartbeat

    @property
    def log_dir(self) -> Path:
        """Where its values, texts and events are."""
        return self.directory(LOG)

    @property
    def code_dir(self) -> Path:
        """Where its source is backed up."""
        return self.directory(CODE)

    @property
    def checkpoint_dir(self) -> Path:
        """Where its weights are."""
        return self.directory(CHECKPOINT)

    @property
    def results_dir(self) -> Path:
        """Where its figures and videos are."""
        return self.directory(RESULTS)

    @property
    def hyperparameter_dir(self) -> Path:
        """Where its hyperparameters are, as a file."""
        return self.directory(HYPERPARAMETER)

    @property
    def tmp_data_dir(self) -> Path:
        """Where it may keep what is large and short-lived, as replay buffers."""
        return self.directory(TMP_DATA)

    def directory(self, kind: str) -> Path:
        """Its directory of a kind, made when first asked for."""
        try:
            make_kind(self.paths, kind, self.uid)
        except OSError as error:
            self.losses.add(kind, f"{self.paths.directory(kind)} could not be made: {error.strerror}")
        return self.paths.directory(kind)

    def take_over(self, fork: Fork) -> None:
        """Begin with what another run recorded and kept, though this one has started.

        Raises:
            ResumeError: This run has ended, or has values or files already.
            OSError: Something could not be copied; the run is as it was.
        """
        from rla.easy_log.late_fork import refuse_begun, take_over_files  # noqa: PLC0415 - few runs need it

        if self._parts is None or self._open_values is None:
            raise ResumeError("no run records in this process: start one with exp_manager.log_files_gen() first")
        refuse_begun(self.paths, self.logger.dumped_step)
        self.logger.change_files(lambda: take_over_files(fork, self.paths, self.uid), self._open_values)
        self.parent_uid = fork.uid  # told last: till then the run is one without a parent
        self._parts.reporter.report(self._state(None), final=True)

    def close(self, outcome: Outcome | None = None) -> None:
        """End it: dump what is recorded and not dumped, and tell how it ended. A second call does nothing.

        Args:
            outcome: How it ended; by default what a signal or the exception under way says.
        """
        if self._remove_scratch is not None:
            self._remove_scratch()
        if self._parts is not None:
            with self._closing:  # a signal may end the run while this thread does, and goes through
                self._close(outcome)

    def _close(self, outcome: Outcome | None) -> None:
        """Every step may be done again: an interrupted close is finished by the next one."""
        parts = self._parts
        if parts is None:
            return
        ended = self._ended = self._ended or outcome or parts.hooks.outcome_now()
        parts.heartbeat.stop(_STOP_PATIENCE)
        self.logger.close("success" if ended.state == states.FINISHED else "failure")
        parts.reporter.report(self._state(ended), final=True)
        parts.lock.release()
        parts.hooks.remove()
        self._parts = None

    def disown(self) -> None:
        """Let the run be its parent's alone: record nothing, hold no lock, end nothing."""
        parts, self._parts = self._parts, None
        self._remove_scratch = None
        self.logger.silence()
        if parts is not None:
            parts.lock.abandon()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        killed = self._parts is not None and self._parts.hooks.was_killed
        self.close(None if killed and error is not None else outcome_of(error))

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Itself: what holds it may be copied, and the copy means the same run."""
        return self

    def __reduce__(self) -> tuple[Callable[..., ActiveRun], tuple[RunPaths, Manifest]]:
        """In another process it tells which run it is, and records nothing."""
        return _elsewhere, (self.paths, self.manifest)

    def __repr__(self) -> str:
        return f"<run {self.uid} of task {self.task!r}: {self.name!r}>"

    def begin(self, parts: _Parts, open_values: OpenValues) -> None:
        """Record from now on. Called once, by :func:`start_run`."""
        self._parts = parts
        self._open_values = open_values
        watch_forks()
        try:
            parts.heartbeat.start()
        except RuntimeError as error:  # no more threads are allowed, or the interpreter is ending
            self.losses.say("heartbeat", f"the run will not report while it trains: {error}")
        parts.hooks.install()

    def beat(self, reporter: Reporter) -> None:
        """Say how the run stands."""
        reporter.report(self._state(None), final=False)

    def keep_scratch(self, directory: Path) -> None:
        """Remove a directory when the run ends, or the process. Called by :func:`silent_run`."""
        self._remove_scratch = weakref.finalize(self, _remove_own, directory, os.getpid())

    def _state(self, ended: Outcome | None) -> State:
        summary, summary_range = self.logger.summary()
        now = time.time()
        return State(
            state=ended.state if ended else states.RUNNING,
            heartbeat=now,
            ended=now if ended else None,
            exit_code=ended.exit_code if ended else None,
            error=ended.error if ended else None,
            time_step=self.logger.dumped_step,
            summary=summary,
            summary_range=summary_range,
            lost=dict(self.losses.counts),
            parent_uid=self.parent_uid,
            closing_dump=self.logger.closing_dump,
            hyperparameters=self._added,
        )


def start_run(plan: RunPlan) -> ActiveRun:
    """Make a run and record it in this process.

    Raises:
        ConfigError: A tracked key is not among the hyperparameters, or a file that is named is not there.
        RunStartError: Its directories could not be written; nothing of it is left.
    """
    losses = Losses()
    loggers: list[Logger] = []

    def furnish(paths: RunPaths, record: Manifest) -> None:
        loggers.append(_open_logger(paths, record, plan, losses))
        if plan.code is not None:
            root = JobTreePaths(paths.root) if isinstance(paths, JobRunPaths) else plan.root
            run_files.back_up(plan.code, paths, root, losses)

    try:
        new = _new_run(plan, furnish)
    except BaseException:
        for logger in loggers:
            logger.close("failure")
        raise
    run = ActiveRun(new.paths, new.manifest, loggers[0], losses, plan.framework)
    run._added = plan.request.hyperparameters if new.joined else {}  # noqa: SLF001 - the rest of its making
    if new.index_error is not None:
        losses.say("index", f"the index could not be reached ({new.index_error}); the run goes on in its files")
    reporter = Reporter(new, plan.request.index_url, losses)
    heartbeat = Heartbeat(lambda: run.beat(reporter))
    parts = _Parts(reporter, new.lock, heartbeat, ProcessHooks(run.close))
    run.begin(parts, lambda: _open_values(new.paths, new.manifest, plan, losses))
    return run


def _new_run(plan: RunPlan, furnish: Callable[[RunPaths, Manifest], None]) -> NewRun:
    """The run of this process's job if there is one that is free, else a run of its own."""
    fill = {} if plan.fork is None else {"fill": plan.fork.fill}
    seat = join.seat_of()
    if seat is not None and (new := seat.take(plan.request, furnish, **fill)) is not None:
        return new
    request = run_files.with_environment(plan)
    if request.parent_uid is None:
        request = replace(request, parent_uid=join.job_of())
    return create_run(plan.root, request, furnish, **fill)


def silent_run(task: str) -> ActiveRun:
    """A run that records nothing, for every rank but the first: its directories are temporary."""
    import tempfile  # noqa: PLC0415 - 6 ms that the recording rank need not pay

    scratch = Path(tempfile.mkdtemp(prefix="rla-rank-"))
    record = Manifest(uid="", task=task, created="", ip="", tracked="", name="silent", started=time.time())
    run = ActiveRun(RunPaths(scratch, "silent"), record, silent_logger(), Losses(), "numpy")
    run.paths.log.mkdir(parents=True)
    run.keep_scratch(scratch)
    return run


def _elsewhere(paths: RunPaths, record: Manifest) -> ActiveRun:
    """A run that another process records."""
    return ActiveRun(paths, record, silent_logger(), Losses(), "numpy")


def _remove_own(directory: Path, pid: int) -> None:
    if os.getpid() == pid:  # a forked child has its parent's list of what to do at the end
        import shutil  # noqa: PLC0415 - as tempfile

        shutil.rmtree(directory, ignore_errors=True)


def _open_logger(paths: RunPaths, record: Manifest, plan: RunPlan, losses: Losses) -> Logger:
    run_files.write_parameters(paths, record)
    values, board = _open_values(paths, record, plan, losses)
    backup, warnings = LogWriter(paths.backup), LogWriter(paths.warnings)
    for line in run_files.parameter_lines(record.hyperparameters):
        backup.write_line(f"[BACKUP] 0 : {line}")
    return Logger(values, losses, warnings=warnings, backup=backup, board=board, callback=plan.callback)


def _open_values(
    paths: RunPaths, record: Manifest, plan: RunPlan, losses: Losses
) -> tuple[MultiWriter, TensorBoardWriter | None]:
    writers = run_files.open_writers(paths, plan.log_used)
    board = next((writer for writer in writers if isinstance(writer, TensorBoardWriter)), None)
    if board is not None:
        run_files.describe_in_tensorboard(board, record.hyperparameters)
    several = MultiWriter(writers, losses.add, lambda key, told: losses.say(f"value:{key}", f"{key!r}: {told}"))
    return several, board
