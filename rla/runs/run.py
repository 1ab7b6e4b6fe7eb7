"""One stored run, as a reader sees it."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rla.core import states
from rla.core.hyperparams import flatten, value_text
from rla.core.layout import CHECKPOINT, CODE, RESULTS, RunPaths
from rla.errors import RunNotFoundError
from rla.runs.html import table

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_CHECKPOINT: Final = re.compile(r"(?!\.|.*\.data-\d+-of-).+[_-](?P<step>-?\d+)(\.(?!json$)\w+)?", re.DOTALL)
"""``<name>_<step>``, or ``<name>-<step>`` as older programs wrote it, with the suffix of the framework."""


@dataclass(frozen=True)
class Run:
    """A row of the table and where its files are.

    Attributes:
        row: The columns of ``runs``, JSON decoded.
        paths: Its files, or None when no place of it is on this machine's root.
        alive: For a run that has not ended, whether something still records it.
    """

    row: Mapping[str, Any]
    paths: RunPaths | None
    alive: bool

    @property
    def uid(self) -> str:
        """Its opaque id."""
        return str(self.row["uid"])

    @property
    def task(self) -> str:
        """Its task."""
        return str(self.row["task"])

    @property
    def state(self) -> str:
        """Its state; a running one that nothing records any more is ``lost``."""
        stored = str(self.row["state"])
        return states.LOST if stored == states.RUNNING and not self.alive else stored

    @property
    def hyperparameters(self) -> dict[str, Any]:
        """Its hyperparameters, nested as they were given."""
        return dict(self.row["hyperparameters"] or {})

    @property
    def summary(self) -> dict[str, Any]:
        """Each recorded key's last value."""
        return dict(self.row["summary"] or {})

    @property
    def time_step(self) -> int | None:
        """The newest time step that was dumped."""
        step: int | None = self.row["time_step"]
        return step

    @property
    def duration(self) -> float | None:
        """Seconds from its start to its end, to now while it goes on, to its last word if it is lost."""
        started, ended = self.row["started"], self.row["ended"]
        if ended is None:
            ended = self.row["heartbeat"] if self.state == states.LOST else time.time()
        return None if started is None or ended is None else float(ended - started)

    @property
    def tracked(self) -> str:
        """The exact tracked part of its index name."""
        return str(self.row["tracked"])

    @property
    def tags(self) -> list[str]:
        """What it was tagged with."""
        return list(self.row["tags"] or [])

    @property
    def is_open(self) -> bool:
        """Whether it is still being recorded, or waits to be."""
        return self.state in states.OPEN

    def require_paths(self) -> RunPaths:
        """Where its files are.

        Raises:
            RunNotFoundError: They are not on this machine.
        """
        if self.paths is None:
            where = ", ".join(f"root {place.root_id}: {place.path}" for place in self.row["places"])
            raise RunNotFoundError(self.uid, hint=f"its files are not in this data root ({where or 'nowhere'})")
        return self.paths

    @property
    def log_dir(self) -> Path | None:
        """Its log directory, or None when it is not on this machine."""
        return self.paths.log if self.paths is not None else None

    @property
    def code_dir(self) -> Path | None:
        """The directory of its backed-up code, or None when there is none here."""
        return self._directory(CODE)

    @property
    def checkpoint_dir(self) -> Path | None:
        """The directory of its checkpoints, or None when there is none here."""
        return self._directory(CHECKPOINT)

    @property
    def results_dir(self) -> Path | None:
        """The directory of its figures and other results, or None when there is none here."""
        return self._directory(RESULTS)

    def checkpoints(self) -> list[Path]:
        """The files of its checkpoints, the lowest time step first."""
        directory = self.checkpoint_dir
        files = [] if directory is None else sorted(directory.iterdir())
        found = [(int(match["step"]), file) for file in files if (match := _CHECKPOINT.fullmatch(file.name))]
        return [file for _, file in sorted(found, key=lambda pair: pair[0])]

    def checkpoint(self) -> Path | None:
        """The file of its newest checkpoint, or None when there is none here."""
        return next(iter(reversed(self.checkpoints())), None)

    def curve(self, key: str, x: str = "time-step") -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """A recorded value over its course, read from ``progress.csv``.

        Args:
            key: What was recorded.
            x: The column to read it over: ``time-step``, ``timestamp``, or another key.

        Returns:
            Two float64 arrays of shape (n,): ``x`` in rising order without repetitions, and the value
            there. Where a run went back and recorded an ``x`` again, the newest value counts.

        Raises:
            RunNotFoundError: The files are not on this machine, or there is no ``progress.csv``.
            SelectionError: The run recorded no such key.
        """
        from rla.runs.curve_cache import curve_cache  # noqa: PLC0415 - NumPy takes a tenth of a second to import
        from rla.runs.curves import read_curve  # noqa: PLC0415 - as above

        paths = self.require_paths()
        return read_curve(paths.csv, key, x, curve_cache(paths))

    def as_dict(self) -> dict[str, Any]:
        """Everything a reader may want as JSON."""
        where = {"log_dir": str(self.paths.log)} if self.paths is not None else {}
        return {**self.row, "places": [place._asdict() for place in self.row["places"]], "state": self.state, **where}

    def __repr__(self) -> str:
        return f"<rla run {self.uid[:8]} {self.state} {self.task!r} {self.tracked}>"

    def _repr_html_(self) -> str:
        """For notebooks: one table, everything escaped, nothing that runs."""
        about = {"uid": self.uid, "task": self.task, "state": self.state, "time step": self.time_step}
        values = {f"summary.{key}": value for key, value in self.summary.items()}
        everything = {**about, **dict(flatten(self.hyperparameters)), **values, "log_dir": self.log_dir}
        return table([(key, value_text(value)) for key, value in everything.items()])

    def _directory(self, kind: str) -> Path | None:
        if self.paths is None or not self.paths.directory(kind).is_dir():
            return None
        return self.paths.directory(kind)
