"""Go on where a stored run stopped: what is loaded of it, and what the new run begins with."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, SupportsIndex

from rla.artifacts.checkpoints.store import DEFAULT_NAME, CheckpointStore, Loaded, adapter_for
from rla.core import states
from rla.core.layout import CHECKPOINT, RootPaths
from rla.easy_log.active_run import ActiveRun
from rla.easy_log.losses import warn
from rla.easy_log.rank import records_here
from rla.easy_log.time_step import time_step_holder
from rla.errors import CheckpointError, CheckpointNotFoundError, ResumeError
from rla.runs.continuable import claimed, unfinished, what_goes_on
from rla.runs.create import RunRequest
from rla.runs.database import Database, open_database
from rla.runs.fork import Fork
from rla.runs.liveness import is_only_believed
from rla.runs.named import one_run
from rla.runs.run import Run
from rla.store.rebuild import read_run

AUTO: Final = "auto"
"""Instead of a run's name: this job's own last run, if there is one."""


@dataclass(frozen=True)
class Wanted:
    """What of a run is to be loaded.

    Attributes:
        framework: Whose checkpoints it saved.
        step: The time step of the checkpoint; None for the newest that is whole.
        name: The checkpoint's name.
        trust: Let files of other programs run code while they are loaded.
        random_states: Put back the random states that were saved with it.
    """

    framework: str = "torch"
    step: SupportsIndex | None = None
    name: str = DEFAULT_NAME
    trust: bool = False
    random_states: bool = True


@dataclass(frozen=True)
class Continuation:
    """A run that is to be continued, and the checkpoint from which.

    Attributes:
        source: The stored run.
        loaded: Its checkpoint.
        fork: What the new run takes over.
        random_states: Whether those of the checkpoint are put back.
    """

    source: Run
    loaded: Loaded
    fork: Fork
    random_states: bool = True

    def apply(self, run: ActiveRun) -> Resumed:
        """Bring the recorder, the time step and the random numbers to where the source was."""
        _restore_recording(run, self.loaded, self.fork)
        resumed = Resumed(run, self.source, self.loaded)
        if self.random_states:
            resumed.restore_random_states()
        return resumed


class Resumed:
    """A run that goes on where another one stopped; ``with`` ends it as it ends any run.

    Attributes:
        run: The new run, which is recorded.
        source: The stored run that it continues.
        step: The time step of the checkpoint: the loop goes on after it.
        model: What was saved as ``model_dict``.
        related: The related variables that were saved with it.
    """

    def __init__(self, run: ActiveRun, source: Run, loaded: Loaded) -> None:
        """Made by :func:`rla.resume`."""
        self.run = run
        self.source = source
        self.step = loaded.step
        self.model = loaded.model
        self.related = loaded.related
        self._random_states = loaded.random_states

    @property
    def hyperparameters(self) -> dict[str, Any]:
        """Those of the new run, nested as they were given."""
        return self.run.manifest.hyperparameters

    def restore_random_states(self) -> None:
        """Put the random states of the checkpoint back once more, as after a model was built; without any, nothing."""
        if self._random_states is not None:
            importlib.import_module("numpy.random")  # what is not loaded cannot be put back

            from rla.artifacts.checkpoints.random_states import restore  # noqa: PLC0415 - only where some were saved

            restore(self._random_states)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.run.__exit__(kind, error, trace)

    def __repr__(self) -> str:
        return f"<{self.run!r}, from step {self.step} of {self.source.uid[:8]}>"


def load_checkpoint_of(run: Run, wanted: Wanted) -> Loaded:
    """A checkpoint of a stored run, of its log it tells nothing.

    Raises:
        RunNotFoundError: The run's files are not on this machine.
        CheckpointNotFoundError: There is no such checkpoint.
        CheckpointError: It is damaged, not safe and not trusted, or another framework's.
    """
    directory = run.require_paths().directory(CHECKPOINT)
    store = CheckpointStore(directory, adapter_for(wanted.framework))
    step = None if wanted.step is None else int(wanted.step.__index__())
    try:
        return store.load(step, name=wanted.name, trust=wanted.trust)
    except CheckpointNotFoundError:
        _refuse_other_frameworks(directory, wanted.framework)
        raise


def continuation_of(run: Run, wanted: Wanted, name: object = None) -> Continuation:
    """Load what a run is continued from; nothing is written.

    Args:
        run: The run.
        wanted: What of it.
        name: What the user called it.

    Raises:
        ResumeError: The run is still being recorded.
        RunNotFoundError: The run's files are not on this machine.
        CheckpointError: As :func:`load_checkpoint_of`.
    """
    refuse_running(run, name)
    loaded = load_checkpoint_of(run, wanted)
    return Continuation(run, loaded, fork_of(run, loaded), wanted.random_states)


def fork_of(run: Run, loaded: Loaded) -> Fork:
    """What a new run takes over that goes on from a checkpoint.

    What the end of the source wrote into a row of its own is in the checkpoint, if that knows what had
    been recorded, and goes into the next row as it would have done.
    """
    closing_dump = read_run(run.require_paths())[1].closing_dump if loaded.recorder else None
    return Fork(run.uid, run.require_paths(), loaded.step, closing_dump)


@contextmanager
def chosen_continuation(
    which: str, root: RootPaths, request: RunRequest, wanted: Wanted
) -> Iterator[Continuation | None]:
    """What a run goes on from that is about to start; inside, no other process goes on from it.

    Args:
        which: ``auto``, or a name of a stored run.
        root: Where the runs are.
        request: The run that is about to start.
        wanted: What to load.

    Raises:
        RunNotFoundError: There is no run of that name.
        AmbiguousRunError: There are several.
        ResumeError: It is still being recorded.
        CheckpointError: As :func:`load_checkpoint_of`.
    """
    if which != AUTO:
        yield continuation_of(one_run(open_database(root.root, request.index_url), which), wanted, which)
    elif not records_here():
        warn("only the first rank goes on from its last run: send the step and the model to the others")
        yield None
    elif not root.state_dir.is_dir():
        yield None
    else:
        with last_continuation(open_database(root.root, request.index_url), request, wanted) as found:
            yield found


@contextmanager
def last_continuation(database: Database, request: RunRequest, wanted: Wanted) -> Iterator[Continuation | None]:
    """A job's own last run, kept from others while it is continued; None when there is nothing to go on from."""
    for run in unfinished(database, request.task, request.hyperparameters):
        with claimed(database, run, request.index_url) as is_mine:
            found = _if_it_has_one(run, wanted) if is_mine else None
            if found is not None:
                yield found
                return
    if going := what_goes_on(database, request.task, request.hyperparameters):
        warn(f"this run begins anew, though resume is 'auto': {going}")
    yield None


def refuse_running(run: Run, name: object = None) -> None:
    """A run that is still recorded cannot be continued.

    A run of another machine may only be believed to be recorded. Whoever names it by its uid knows that it is
    over; should it go on, it is none the worse: its files are only read.

    Args:
        run: The run.
        name: What the user called it.

    Raises:
        ResumeError: It is.
    """
    if run.state in states.OPEN:
        where = f"process {run.row['pid']} on {run.row['host']}"
        if run.paths is not None and is_only_believed(str(run.row["host"]), run.paths):
            if isinstance(name, str) and name and run.uid.startswith(name):
                warn(f"run {run.uid} was recorded by {where} until lately, and counts as over because you name it")
                return
            raise ResumeError(
                f"run {run.uid} may still be recorded by {where}; if it is over, name it by its uid, {run.uid[:8]}, "
                "to go on from it now",
                uid=run.uid,
            )
        raise ResumeError(
            f"run {run.uid} is still being recorded by {where}: end it first (`rla stop {run.uid[:8]}`), "
            "or only load a checkpoint of it (ExperimentLoader.load_from_record_date)",
            uid=run.uid,
        )


def take_over(run: ActiveRun, source: Run, loaded: Loaded, name: object = None) -> None:
    """Let a run that has started and recorded nothing go on from a checkpoint of another one.

    Raises:
        ResumeError: The run has values or files already, or the source is still being recorded.
        OSError: Something could not be copied; the run is as it was.
    """
    refuse_running(source, name)
    fork = fork_of(source, loaded)
    run.take_over(fork)
    _restore_recording(run, loaded, fork)


def _restore_recording(run: ActiveRun, loaded: Loaded, fork: Fork) -> None:
    """What was recorded and not dumped counts only when no later row of the source has it."""
    time_step_holder.set_time(loaded.step)
    run.keeper.custom.restore(loaded.custom)
    saved = loaded.recorder.get("time")
    was_dumped = saved is not None and fork.last_dump is not None and fork.last_dump > saved
    run.logger.restore(loaded.recorder, pending=not was_dumped)


def _if_it_has_one(run: Run, wanted: Wanted) -> Continuation | None:
    try:
        return continuation_of(run, wanted)
    except CheckpointNotFoundError as error:
        warn(f"run {run.uid} did not finish and cannot be continued: {error}")
        return None


def _refuse_other_frameworks(directory: Path, framework: str) -> None:
    suffixes = {"torch": ".pt", "numpy": ".npz", "tensorflow": ".tf.zip"}
    for other, suffix in suffixes.items():
        if other != framework and next(directory.glob(f"*{suffix}.json"), None) is not None:
            raise CheckpointError(
                f"the checkpoints in {directory} were saved with DL_FRAMEWORK: {other}, and {framework} is configured: "
                f"set DL_FRAMEWORK: {other} to load them",
                path=directory,
            )
