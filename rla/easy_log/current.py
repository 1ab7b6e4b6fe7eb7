"""The one holder of the run that this process records. Threads see it; forked children let it go."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from rla.easy_log.losses import warn
from rla.easy_log.recorder import Logger, silent_logger
from rla.errors import NotConfiguredError

if TYPE_CHECKING:
    from rla.easy_log.active_run import ActiveRun


class CurrentRun:
    """Holds the run that is being recorded, or the last one that was."""

    def __init__(self) -> None:
        """No run yet."""
        self._run: ActiveRun | None = None
        self._silent: Logger | None = None

    def get(self) -> ActiveRun | None:
        """The run, or None before the first."""
        return self._run

    def require(self) -> ActiveRun:
        """The run.

        Raises:
            NotConfiguredError: None was started.
        """
        if self._run is None:
            raise NotConfiguredError(
                "no run is being recorded: call exp_manager.configure(...) and exp_manager.log_files_gen(), "
                "or rla.init(...), first"
            )
        return self._run

    def logger(self) -> Logger:
        """The run's logger; after the run's end it does nothing, nor in a worker process without a run.

        Raises:
            NotConfiguredError: No run was started.
        """
        run = self._run
        return run.logger if run is not None else self._no_logger()

    def _no_logger(self) -> Logger:
        """A worker that was spawned for a DataLoader or a vector of environments has no run, and must not fail."""
        process = sys.modules.get("multiprocessing.process")
        if process is None or process.parent_process() is None:
            return self.require().logger
        if self._silent is None:
            warn("no run was started in this worker process: what it records is not kept")
            self._silent = silent_logger()
        return self._silent

    def begin(self, run: ActiveRun) -> None:
        """Hold a run that has just started."""
        self._run = run

    def end(self) -> None:
        """End the run that is being recorded, if there is one."""
        if self._run is not None:
            self._run.close()


current = CurrentRun()


class _Fork(threading.local):
    """What a fork of this thread holds back: another thread may end the run meanwhile."""

    go_on: Callable[[], None] | None = None


_fork = _Fork()


def _before_fork() -> None:
    run = current.get()
    _fork.go_on = None if run is None else run.before_fork()


def _after_fork_in_parent() -> None:
    if _fork.go_on is not None:
        _fork.go_on()


def _after_fork_in_child() -> None:
    if (run := current.get()) is not None:
        run.disown()
    _after_fork_in_parent()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
