"""One stored run, as a reader sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rla.core import states
from rla.core.layout import RunPaths
from rla.errors import RunNotFoundError


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
    def tracked(self) -> str:
        """The exact tracked part of its index name."""
        return str(self.row["tracked"])

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

    def as_dict(self) -> dict[str, Any]:
        """Everything a reader may want as JSON."""
        where = {"log_dir": str(self.paths.log)} if self.paths is not None else {}
        return {**self.row, "places": [place._asdict() for place in self.row["places"]], "state": self.state, **where}
