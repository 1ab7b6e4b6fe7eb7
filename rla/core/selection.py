"""Which runs: the one value that every reading and managing operation takes.

What it says is used all together: a run is selected when it satisfies every part that is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from rla.core.moments import parse_moment
from rla.core.name_patterns import GlobPattern, RegexPattern
from rla.core.setting_kinds import found
from rla.core.where_expression import parse
from rla.core.where_nodes import Expression
from rla.errors import SelectionError

LAST_RUN: Final = "last"
_EXAMPLES: Final = {
    "task": "demo_task",
    "where": "lr <= 0.1",
    "regex": "lr=0[.]1",
    "glob": "2026/*/*/*lr=0.1*",
    "since": "2026-03-01",
    "until": "2d",
}


class IndexText(NamedTuple):
    """What the index of a run consists of, as far as patterns look at it."""

    task: str
    created: str
    ip: str
    tracked: str
    name: str


@dataclass(frozen=True)
class Selection:
    """Which runs.

    Attributes:
        task: Only runs of this task.
        where: Only runs for which this expression is true (:mod:`rla.core.where_expression`).
        regex: Only runs in whose ``<task>/<exact index name>`` this Python regular expression is found.
        glob: Only runs whose ``YYYY/MM/DD/<index name>`` this shell pattern fits.
        since: Only runs that started then or later.
        until: Only runs that started before; a date alone means its end.
        tag: Only runs with this tag.
        batch: Only runs of this batch.
        archived: Also runs of which only an archived copy is left.
        all: Every run is meant. It selects nothing by itself: it is how a destructive command is
            told that a selection may be the whole database.
        uids: Only these: uids or unique beginnings of them, time stamps, ``last``. An empty
            tuple restricts nothing.
    """

    task: str | None = None
    where: str | None = None
    regex: str | None = None
    glob: str | None = None
    since: str | datetime | None = None
    until: str | datetime | None = None
    tag: str | None = None
    batch: str | None = None
    archived: bool = False
    all: bool = False
    uids: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what is no text where one is wanted.

        Raises:
            SelectionError: Something is not.
        """
        for key in ("task", "where", "regex", "glob", "since", "until", "tag", "batch"):
            given = getattr(self, key)
            if given is not None and not isinstance(given, (str, datetime) if key in {"since", "until"} else str):
                raise SelectionError(f"{key} {found(given)}; give text, as {_EXAMPLES.get(key, key)!r}")
        for uid in self.uids:
            if not isinstance(uid, str):
                raise SelectionError(f"one of uids {found(uid)}; give texts, as '6f1050a1' or 'last'")

    @property
    def is_open(self) -> bool:
        """Whether it leaves no run of the task out by its very text: nothing is given, or ``--regex ''``."""
        given = (self.where, self.since, self.until, self.tag, self.batch, self.uids)
        return not any(given) and self.regex in {None, "", ".", ".*"} and self.glob in {None, "", "*", "**"}

    def expression(self) -> Expression | None:
        """The expression, read.

        Raises:
            SelectionError: It is none of the language.
        """
        return None if self.where is None else parse(self.where)

    def span(self, now: float) -> tuple[float | None, float | None]:
        """From when (included) to when (excluded) runs started, in seconds since the epoch.

        Raises:
            SelectionError: One of the texts is no time.
        """
        return _moment(self.since, now, end=False), _moment(self.until, now, end=True)

    def created_prefix(self) -> str:
        """What every selected run's time stamp begins with, as far as the pattern tells."""
        return "" if self.glob is None else GlobPattern(self.glob).prefix

    def has_patterns(self) -> bool:
        """Whether runs must be looked at one by one: :meth:`matching` does it."""
        return self.regex is not None or self.glob is not None

    def matching(self, runs: Sequence[IndexText]) -> list[bool]:
        """Which of some runs the patterns select.

        Raises:
            SelectionError: The regular expression is none, or takes too long.
        """
        fits = [True] * len(runs)
        if self.glob is not None:
            pattern = GlobPattern(self.glob)
            fits = [pattern.fits(run.created, (index_text(run), run.name)) for run in runs]
        if self.regex is not None:
            texts = (f"{run.task}/{run.created[:10]}/{index_text(run)}" for run in runs)
            found = RegexPattern(self.regex).found_in(
                [text if fit else None for text, fit in zip(texts, fits, strict=True)]
            )
            fits = [fit and find for fit, find in zip(fits, found, strict=True)]
        return fits


def index_text(run: IndexText) -> str:
    """The exact, uncut index name of a run."""
    return f"{run.created[11:]} {run.ip} &{run.tracked}"


def _moment(given: str | datetime | None, now: float, *, end: bool) -> float | None:
    if isinstance(given, datetime):
        return given.timestamp()
    return None if given is None else parse_moment(given, now, end=end)
