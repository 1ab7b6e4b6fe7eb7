"""How a batch stands, from the table."""

from __future__ import annotations

import html
import shlex
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final

from rla.batch.batch_file import BatchAbout, BatchFile, batches_of
from rla.batch.events import Failure, failures_html
from rla.batch.standing import newest_runs
from rla.core import origins, states
from rla.core.layout import JobTreePaths
from rla.core.wording import counted, span
from rla.runs.database import Database
from rla.runs.html import table
from rla.runs.run import Run

_ORDER: Final = (*(states.FINISHED, states.RUNNING, states.PENDING), states.LOST)
_SHOWN: Final = 10


@dataclass(frozen=True, repr=False)
class BatchStatus:
    """How a batch stands; ``print`` shows it as a table, and so does a notebook.

    Attributes:
        name: Its name.
        origin: What makes its runs: ``hermes`` or ``sweep``.
        source: The file that lists its items.
        total: How many items it has.
        counts: How many of them stand in which state; ``pending`` are those that were never started.
        failures: Those that ended badly, the newest first.
        slots: How many run at once.
        is_running: Whether a process runs it now.
        seconds_left: About when it will be through, or None when nobody can tell.
    """

    name: str
    origin: str
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

    @property
    def summary(self) -> str:
        """The counts in a row."""
        return ", ".join(f"{count} {state}" for state, count in self.counts.items()) or "nothing has been started"

    def lines(self) -> Iterator[str]:
        """The batch, a line for each state, what comes next, and the newest failures with their last lines."""
        yield self._title
        width = max((len(str(count)) for count in self.counts.values()), default=0)
        yield from (f"  {count:>{width}} {state}" for state, count in self.counts.items())
        yield from (f"  {text}" for text in self._outlook())
        for failure in self.failures[:_SHOWN]:
            yield f"{failure.state}: {failure.label}"
            yield from (f"    {line}" for line in failure.details())
        if len(self.failures) > _SHOWN:
            yield f"... and {len(self.failures) - _SHOWN} more"

    def __str__(self) -> str:
        """All of it."""
        return "\n".join(self.lines())

    def __repr__(self) -> str:
        """One line."""
        return f"<{self._title}: {self.summary}>"

    def _repr_html_(self) -> str:
        """For notebooks."""
        parts = [self._title, *self._outlook()]
        told = "".join(f"<p>{html.escape(part)}</p>" for part in parts)
        return f"{told}\n{table(list(self.counts.items()), ('state', 'number'))}{failures_html(self.failures)}"

    @property
    def _title(self) -> str:
        items = counted(self.total, "job" if self.origin == origins.HERMES else "variant")
        return f"batch {self.name}, {items}" + (f" of {self.source}" if self.source else "")

    def _outlook(self) -> Iterator[str]:
        """What comes next, as far as anybody can tell."""
        if not self.counts:
            yield "nothing has been started"
        if self.seconds_left is not None:
            yield f"about {span(max(1, round(self.seconds_left)))} left, {self.slots} at a time"
        elif not self.is_running and set(self.counts) != {states.FINISHED}:
            how = (
                "the same command with --resume" if self.origin == origins.HERMES else "the same call with resume=True"
            )
            yield f"nothing runs it now: {how} goes on"


def status_of(database: Database, name: str | None = None, origin: str = "") -> BatchStatus | None:
    """How a batch stands, or the newest one; None when there is none.

    Args:
        database: Where its runs are.
        name: Which batch, or None for the newest one.
        origin: What makes its runs, because a grid and a hermes file may have one name; empty for the newer of them.

    Raises:
        StoreError: The table cannot be read.
    """
    wanted = [
        (tree, about)
        for tree, about in _known(database)
        if (name is None or about.name == name) and (not origin or about.origin in {"", origin})
    ]
    if not wanted:
        return None
    tree, about = max(wanted, key=lambda pair: pair[1].started)
    is_running = BatchFile(tree, about.name).is_running  # first: what is read of one that has ended does not change
    runs = newest_runs(database, about.name, about.origin)
    counts = Counter(run.state for run in runs)
    total = max(about.total, len(runs))
    if total > len(runs):
        counts[states.PENDING] += total - len(runs)
    return BatchStatus(
        name=about.name,
        origin=about.origin or origin or (str(runs[0].row["origin"]) if runs else origins.HERMES),
        source=about.source,
        total=total,
        counts=_ordered(counts),
        failures=[_failure(run) for run in runs if run.state not in {states.FINISHED, *states.OPEN}],
        slots=about.slots,
        is_running=is_running,
        seconds_left=_left(runs, counts, about) if is_running else None,
    )


def batch_names(database: Database) -> list[str]:
    """The batches that a database knows, the newest first, each once."""
    known = sorted(_known(database), key=lambda pair: pair[1].started, reverse=True)
    return list(dict.fromkeys(about.name for _, about in known))


def _known(database: Database) -> list[tuple[JobTreePaths, BatchAbout]]:
    return [(tree, about) for tree in database.trees.values() for about in batches_of(tree)]


def _ordered(counts: Counter[str]) -> dict[str, int]:
    """What is well first, then what is under way, then the rest."""
    names = [*_ORDER, *sorted(set(counts) - set(_ORDER))]
    return {name: counts[name] for name in names if counts[name]}


def _failure(run: Run) -> Failure:
    if run.row["origin"] == origins.HERMES:
        label = shlex.join(run.row["argv"] or [run.task])
    else:
        label, seed = str(run.row["job"] or run.task).rpartition("#")[0], run.row["seed"]
        label = label if seed is None else f"{label} seed {seed}"
    return Failure(label, run.state, str(run.row["error"] or ""), run.log_dir)


def _left(runs: list[Run], counts: Counter[str], about: BatchAbout) -> float | None:
    """From the mean of those that have ended: what is left of the running ones, and the others, side by side."""
    ended = [run.duration for run in runs if run.row["ended"] is not None and run.duration is not None]
    if not ended:
        return None
    mean = sum(ended) / len(ended)
    running = [max(0.0, mean - (run.duration or 0.0)) for run in runs if run.state == states.RUNNING]
    return (sum(running) + mean * counts[states.PENDING]) / about.slots
