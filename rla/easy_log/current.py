"""The one holder of the run that this process records. Threads see it; forked children let it go (``at_fork``)."""

from __future__ import annotations

import sys
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
