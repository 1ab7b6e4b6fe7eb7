"""How the items of a batch stand: what earlier calls have left in the table."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from rla.core import states
from rla.core.layout import JobRunPaths
from rla.runs.database import Database
from rla.runs.run import Run
from rla.store.schema import runs

_COLUMNS: Final = (
    *("uid", "task", "name", "state", "job", "started", "ended", "heartbeat", "exit_code", "error"),
    *("git_commit", "git_dirty", "created", "host", "pid", "places"),
)
_SKEW: Final = 60.0
"""Seconds that the clocks of machines may be apart."""


@dataclass(frozen=True)
class Standing:
    """A run of an item.

    Attributes:
        key: The item's.
        row: What the table says of it.
        paths: Where its files are, or None when that is not here.
    """

    key: str
    row: dict[str, Any]
    paths: JobRunPaths | None

    @property
    def state(self) -> str:
        """As the table has it."""
        return str(self.row["state"])

    @property
    def is_open(self) -> bool:
        """Whether nobody has written down its end."""
        return self.state in states.OPEN

    @property
    def succeeded(self) -> bool:
        """Whether it need not be run again."""
        return self.state == states.FINISHED

    @property
    def failed(self) -> bool:
        """Whether it has ended, and not well."""
        return not self.is_open and not self.succeeded


def standing_of(database: Database, batch: str, origin: str) -> list[Standing]:
    """The runs of a batch, the newest first."""
    condition = [runs.c.batch == batch, runs.c.origin == origin]
    rows = _newest_first(database.table.rows(columns=_COLUMNS, where=condition))
    return [Standing(row["job"], row, _paths(database, row)) for row in rows if row["job"]]


def newest_runs(database: Database, batch: str, origin: str = "") -> list[Run]:
    """The newest run of each item of a batch, the newest first; what goes on is read from its files.

    Args:
        database: Where the runs are.
        batch: The batch.
        origin: What made its runs, because a grid and a hermes file may have one name; empty for whatever did.
    """
    condition = [runs.c.batch == batch, *([runs.c.origin == origin] if origin else [])]
    found: dict[str, Run] = {}
    for row in _newest_first(database.table.rows(where=condition)):
        key = row["job"] or row["uid"]
        if key not in found:
            found[key] = database.run_of(row)
    return list(found.values())


def finished_before(database: Database, keys: Iterable[str], commit: str, origin: str) -> set[str]:
    """Those of some keys that have succeeded in any batch, with the same clean code."""
    wanted = sorted(set(keys))
    condition = [runs.c.origin == origin, runs.c.state == states.FINISHED, runs.c.git_commit == commit]
    found: set[str] = set()
    for chunk in _chunks(wanted):
        rows = database.table.rows(columns=("job", "git_dirty"), where=[*condition, runs.c.job.in_(chunk)])
        found |= {str(row["job"]) for row in rows if row["git_dirty"] is False}
    return found


def _newest_first(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows by when they began. ``created`` is in local time, which goes back an hour once a year.

    What began in the future did so while the clock was wrong, and nothing tells before or after which others: it
    counts as the newest if it finished, because what has finished is rarely run again, and else as the oldest.
    """
    latest = time.time() + _SKEW

    def began(row: dict[str, Any]) -> tuple[bool, float]:
        started = row["started"] or 0.0
        return started <= latest or row["state"] == states.FINISHED, started

    return sorted(rows, key=began, reverse=True)


def _chunks(keys: list[str], size: int = 500) -> Iterator[list[str]]:
    return (keys[start : start + size] for start in range(0, len(keys), size))


def _paths(database: Database, row: dict[str, Any]) -> JobRunPaths | None:
    for place in row["places"]:
        root = database.root_of(place.root_id)
        paths = None if root is None else root.copy(place.path, archived=place.archived)
        if isinstance(paths, JobRunPaths) and not place.archived:
            return paths
    return None
