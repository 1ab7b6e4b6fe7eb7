"""Where a recorder's file goes, and where it counts what it could not keep."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rla.artifacts.pictures.result_file import result_path
from rla.core.interrupts import pass_interrupt_on
from rla.easy_log.current import current
from rla.easy_log.losses import Losses
from rla.easy_log.time_step import time_step_holder
from rla.errors import NotConfiguredError

ResultsDir = str | os.PathLike[str] | None

_WITHOUT_RUN: Final = Losses()


@dataclass(frozen=True)
class Target:
    """A directory for results.

    Attributes:
        directory: Where they go.
        losses: Counts what is not kept.
    """

    directory: Path
    losses: Losses

    def path(self, name: str, formats: Collection[str], default: str, *, add_timestamp: bool) -> Path:
        """The file of a name; see :func:`rla.artifacts.pictures.result_file.result_path`."""
        step = time_step_holder.get_time() if add_timestamp else None
        return result_path(self.directory, str(name), step, formats, default)

    def keep(self, kind: str, path: Path, write: Callable[[], Path | None]) -> Path | None:
        """Write a file; what that raises is counted as a loss.

        Args:
            kind: The cause that is counted.
            path: The file, for the message.
            write: Writes it, and says what it is called in the end.
        """
        try:
            return write()
        except Exception as error:  # noqa: BLE001 - recording never harms training, nor does what the user draws
            self.lose(kind, path, error)
            return None

    def lose(self, kind: str, path: Path, error: Exception) -> None:
        """Count a loss."""
        pass_interrupt_on(error)
        self.losses.add(kind, f"{kind} {path.name!r} was not kept: {type(error).__name__}: {error}")


def result_target(call: str, results_dir: ResultsDir) -> Target | None:
    """Where a call's results go; None when nothing is to be recorded.

    Args:
        call: What the user called, for the message.
        results_dir: Where the user wants them, or None for the run's results directory.

    Raises:
        NotConfiguredError: No run was started, and no directory is given.
    """
    if results_dir is not None:
        return Target(Path(results_dir), current_losses())
    run = current.get()
    if run is None:
        _require_worker(call)
        return None
    return Target(run.results_dir, current_losses()) if run.is_recording else None


def current_losses() -> Losses:
    """The losses of the run that is being recorded; without one, some that nobody stores."""
    run = current.get()
    return run.losses if run is not None and run.is_recording else _WITHOUT_RUN


def _require_worker(call: str) -> None:
    """A spawned worker has no run and must not fail; anybody else forgot to start one."""
    try:
        current.logger()
    except NotConfiguredError as error:
        raise NotConfiguredError(f"{call}: {error}; or say where to") from None
