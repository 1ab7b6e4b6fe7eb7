"""TensorBoard on chosen runs, under names that people can read."""

from __future__ import annotations

import contextlib
import importlib.util
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Final

from rla.errors import MissingDependencyError
from rla.manage.leaf import is_run_place
from rla.runs.run import Run

_LABEL: Final = 60
_UNSAFE: Final = re.compile(r"[^\w.=,+@-]+", re.ASCII)
_PATIENCE: Final = 10.0
_SIGNALS: Final = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))


def check_tensorboard() -> None:
    """That TensorBoard is there, without importing it.

    Raises:
        MissingDependencyError: It is not installed.
    """
    if importlib.util.find_spec("tensorboard") is None:
        raise MissingDependencyError("tensorboard", "tensorboard", "showing runs in TensorBoard")


@dataclass(frozen=True)
class ShownRun:
    """A run on the board.

    Attributes:
        label: What it is called there.
        events: The directory of its event files.
    """

    label: str
    events: Path


def shown_runs(runs: Sequence[Run]) -> list[ShownRun]:
    """Those of some runs that have events here, each with a short name.

    It is the tracked hyperparameters and the beginning of the uid. Where there are several tasks, the
    task is a directory above it.
    """
    found = [(run, events) for run in runs if (events := _event_directory(run)) is not None]
    several = len({run.task for run, _ in found}) > 1
    return [ShownRun((_safe(run.task) + "/" if several else "") + _label(run), events) for run, events in found]


@contextlib.contextmanager
def board(shown: Sequence[ShownRun]) -> Iterator[Path]:
    """A directory with one link per run for ``tensorboard --logdir``, removed at the end.

    The links lead to the runs' own events: what is still being recorded shows up.

    Raises:
        OSError: The directory cannot be made.
    """
    with tempfile.TemporaryDirectory(prefix="rla-tb-", ignore_cleanup_errors=True) as made:
        for each in shown:
            link = Path(made, each.label)
            link.parent.mkdir(exist_ok=True)
            link.symlink_to(each.events, target_is_directory=True)
        yield Path(made)


def serve(shown: Sequence[ShownRun], *, port: int | None = None, host: str | None = None) -> int:
    """Run TensorBoard on runs until it ends, or this process is told to.

    Args:
        shown: Which, from :func:`shown_runs`.
        port: Where it listens; 0 for any free port, None for its own choice.
        host: The address it listens at; None for this machine only.

    Returns:
        TensorBoard's exit code; 0 when it was ended from here.

    Raises:
        MissingDependencyError: TensorBoard is not installed.
        OSError: It cannot be started.
    """
    check_tensorboard()
    command = [sys.executable, "-P", "-m", "tensorboard.main"]
    options = [("--port", port), ("--host", host)]
    command += [f"{name}={value}" for name, value in options if value is not None]
    with _interruptible(), contextlib.suppress(KeyboardInterrupt), board(shown) as directory:
        return _wait(subprocess.Popen([*command, f"--logdir={directory}"]))  # noqa: S603 - our own interpreter
    return 0


def _event_directory(run: Run) -> Path | None:
    if run.paths is None or not is_run_place(run.paths.place) or not run.paths.events.is_dir():
        return None
    return run.paths.events.absolute()


def _wait(process: subprocess.Popen[bytes]) -> int:
    """Until it ends; an interrupt ends it, and a second one at once."""
    try:
        return process.wait()
    finally:
        try:
            process.terminate()  # nothing to do where it has ended
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_PATIENCE)
        finally:  # a second interrupt does not wait
            process.kill()
            process.wait()


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """SIGTERM and SIGHUP end the wait as Ctrl-C does, so that the directory goes; a signal that is ignored stays so."""
    before: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        before = {number: signal.getsignal(number) for number in _SIGNALS}
    taken = {number: handler for number, handler in before.items() if handler is signal.SIG_DFL}
    for number in taken:
        signal.signal(number, _interrupt)
    try:
        yield
    finally:
        for number, handler in taken.items():
            signal.signal(number, handler)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _label(run: Run) -> str:
    tracked = _safe(run.tracked.replace("&", " "))
    return f"{tracked[:_LABEL]}_{run.uid[:8]}" if tracked else run.uid[:8]


def _safe(text: str) -> str:
    """A text as one file name; never empty, hidden or a way up where something follows it."""
    return _UNSAFE.sub("_", text).strip("._")[:_LABEL]
