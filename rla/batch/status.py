"""How a batch stands, from the table."""

from __future__ import annotations

import shlex
from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any, Final

from rla.batch.batch_file import BatchAbout, BatchFile, batches_of
from rla.batch.events import Failure
from rla.batch.standing import newest_runs
from rla.core import states
from rla.core.layout import JobTreePaths
from rla.runs.database import Database
from rla.runs.run import Run

_ORDER: Final = (*(states.FINISHED, states.RUNNING, states.PENDING), states.LOST)


@dataclass(frozen=True)
class BatchStatus:
    """How a batch stands.

    Attributes:
        name: Its name.
        source: The file that lists its items.
        total: How many items it has.
        counts: How many of them stand in which state; ``pending`` are those that were never started.
        failures: Those that ended badly, the newest first.
        slots: How many run at once.
        is_running: Whether a process runs it now.
        seconds_left: About when it will be through, or None when nobody can tell.
    """

    name: str
    source: str
    total: int
    counts: dict[str, int]
    failures: list[Failure]
    slots: int
    is_running: bool
    seconds_left: float | None

    @property
    def is_over(self) -> bool:
        """Whether nothing runs and nobody is going to start anything."""
        return not self.is_running and not self.counts.get(states.RUNNING)

    def as_dict(self) -> dict[str, Any]:
        """For programs."""
        failures = [{**asdict(failure), "directory": str(failure.directory or "")} for failure in self.failures]
        return {**asdict(self), "failures": failures}


def status_of(database: Database, name: str | None = None) -> BatchStatus | None:
    """How a batch stands, or the newest one; None when there is none.

    Raises:
        StoreError: The table cannot be read.
    """
    found = _about(database, name)
    if found is None:
        return None
    tree, about = found
    runs = newest_runs(database, about.name)
    counts = Counter(run.state for run in runs)
    total = max(about.total, len(runs))
    if total > len(runs):
        counts[states.PENDING] += total - len(runs)
    is_running = BatchFile(tree, about.name).is_running
    return BatchStatus(
        name=about.name,
        source=about.source,
        total=total,
        counts=_ordered(counts),
        failures=[_failure(run) for run in runs if run.state not in {states.FINISHED, *states.OPEN}],
        slots=about.slots,
        is_running=is_running,
        seconds_left=_left(runs, counts, about) if is_running else None,
    )


def _about(database: Database, name: str | None) -> tuple[JobTreePaths, BatchAbout] | None:
    known = [(tree, about) for tree in database.trees.values() for about in batches_of(tree)]
    wanted = [pair for pair in known if name is None or pair[1].name == name]
    return max(wanted, key=lambda pair: pair[1].started, default=None)


def _ordered(counts: Counter[str]) -> dict[str, int]:
    """What is well first, then what is under way, then the rest."""
    names = [*_ORDER, *sorted(set(counts) - set(_ORDER))]
    return {name: counts[name] for name in names if counts[name]}


def _failure(run: Run) -> Failure:
    words = run.row["argv"] or [run.task]
    label = shlex.join(words) if run.row["origin"] == "hermes" else str(run.row["name"])
    return Failure(label, run.state, str(run.row["error"] or ""), run.log_dir)


def _left(runs: list[Run], counts: Counter[str], about: BatchAbout) -> float | None:
    """From the mean of those that have ended: what is left of the running ones, and the others, side by side."""
    ended = [run.duration for run in runs if run.row["ended"] is not None and run.duration is not None]
    if not ended:
        return None
    mean = sum(ended) / len(ended)
    running = [max(0.0, mean - (run.duration or 0.0)) for run in runs if run.state == states.RUNNING]
    return (sum(running) + mean * counts[states.PENDING]) / about.slots
