"""The table that :func:`rla.compare` gives: one row per group of runs, in every form that is asked for."""

from __future__ import annotations

import html
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import msgspec

from rla.core import json_codec
from rla.core.states import FINISHED
from rla.easy_plot.bootstrap import Estimated
from rla.easy_plot.estimates import FloatArray
from rla.runs.html import table as html_table
from rla.runs.latex import latex_table
from rla.runs.markdown import escaped, markdown_table
from rla.runs.run import Run

if TYPE_CHECKING:
    from rla.runs.frame import DataFrame

TITLES: Final = {"mean": "mean", "median": "median", "iqm": "IQM", "optimality_gap": "optimality gap"}
_NUMBERS: Final = {*TITLES, *TITLES.values(), "n", "low", "high", "P", "p_improvement", "p_low", "p_high"}
_ABOUT_AS_LONG: Final = 1.1
_DIGITS: Final = 4
_SHOWN: Final = 10


@dataclass(frozen=True)
class LeftOut:
    """A run that does not count, the group it would be of, and why."""

    run: Run
    group: str
    reason: str

    def __str__(self) -> str:
        of = f" ({self.group})" if self.group else ""
        return f"{self.run.uid[:8]}{of}: {self.reason}"


@dataclass(frozen=True)
class GroupScores:
    """The row of one group.

    Attributes:
        values: What its runs have in common, by the keys that group.
        runs: The runs that count.
        scores: Of each environment the scores, shape (runs,).
        mean: Their mean.
        iqm: Their interquartile mean.
        estimated: The chosen estimate with its interval.
        improvement: The probability that a run is better than one of the baseline; None where there is none.
    """

    values: Mapping[str, Any]
    runs: tuple[Run, ...]
    scores: Mapping[str, FloatArray]
    mean: float
    iqm: float
    estimated: Estimated
    improvement: Estimated | None

    @property
    def label(self) -> str:
        """What tells it from the others, in one line."""
        return ", ".join(f"{key}={value}" for key, value in self.values.items()) or "all runs"

    def notes(self) -> Iterator[str]:
        """What a reader must know about its numbers."""
        yield from self.estimated.notes
        if self.improvement is not None:
            yield from (f"P: {note}" for note in self.improvement.notes if note not in self.estimated.notes)


@dataclass(frozen=True)
class ScoreTable:
    """Groups of runs and how well they did.

    Attributes:
        metric: What was compared.
        group_by: The keys that tell the groups apart.
        groups: One row each, in the order of their values.
        left_out: The runs that do not count.
        repeated: Where several runs of a group have the same seed.
        estimate: Whose interval is given.
        level: Of the intervals.
        lower_is_better: Whether low scores are the good ones.
        baseline: What the others are compared with, or None.
        score: What the score of a run is.
    """

    metric: str
    group_by: tuple[str, ...]
    groups: tuple[GroupScores, ...]
    left_out: tuple[LeftOut, ...]
    repeated: tuple[str, ...]
    estimate: str
    level: float
    lower_is_better: bool
    baseline: Mapping[str, Any] | None
    score: str | float

    def __len__(self) -> int:
        return len(self.groups)

    def __iter__(self) -> Iterator[GroupScores]:
        return iter(self.groups)

    def best_first(self, limit: int | None = None) -> ScoreTable:
        """The same with the best group first, and at most so many of them."""
        sign = 1 if self.lower_is_better != (self.estimate == "optimality_gap") else -1
        ordered = sorted(self.groups, key=lambda group: sign * group.estimated.value)
        return replace(self, groups=tuple(ordered[:limit]))

    def caption(self) -> str:
        """What the numbers are."""
        score = "last values" if isinstance(self.score, str) else f"means over the last {_percent(self.score)} of a run"
        parts = [
            f"{self.metric}: {score}",
            f"low and high: {_percent(self.level)} bootstrap interval of the {TITLES[self.estimate]}",
        ]
        if self.baseline is not None:
            known = ", ".join(f"{key}={value}" for key, value in self.baseline.items())
            parts.append(f"P: probability that a run is better than one of {known}")
        return "; ".join(parts)

    def notes(self) -> list[str]:
        """What a reader must know: which group has no interval, how far the runs are, and what was left out."""
        of_groups = [f"{group.label}: {note}" for group in self.groups for note in group.notes()]
        return [*of_groups, *self._progress(), *self.remarks()]

    def remarks(self) -> list[str]:
        """What is odd about the runs: those that are left out, and those with the same seed."""
        return [*self.repeated, *([self.left_out_text()] if self.left_out else [])]

    def _progress(self) -> Iterator[str]:
        """That runs have not finished, or not at the same time step."""
        runs = [run for group in self.groups for run in group.runs]
        states = Counter(run.state for run in runs if run.state != FINISHED)
        if states:
            told = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
            yield f"not all runs have finished ({told}); they count with what they have"
        steps = [run.time_step for run in runs if run.time_step is not None]
        if steps and max(steps) > _ABOUT_AS_LONG * min(steps):
            yield f"the runs end at time steps {min(steps)} to {max(steps)}: they were not trained for equally long"

    def left_out_text(self) -> str:
        """Which runs do not count, in one text."""
        count = len(self.left_out)
        shown = "; ".join(map(str, self.left_out[:_SHOWN])) + ("; ..." if count > _SHOWN else "")
        return f"{count} run{'s' * (count != 1)} left out: {shown}"

    def head(self) -> list[str]:
        """The titles of the columns that people read."""
        extra = [TITLES[self.estimate]] if self.estimate not in {"mean", "iqm"} else []
        compared = ["P"] if self.baseline is not None else []
        return [*map(_key, self.group_by), "n", "mean", "IQM", *extra, "low", "high", *compared]

    def rows(self) -> list[list[Any]]:
        """A row of values for each group, as :meth:`head` names them; None where there is none."""
        return [
            [
                *group.values.values(),
                len(group.runs),
                *map(_short, self._numbers(group)),
                *([_short(group.improvement.value) if group.improvement else None] if self.baseline else []),
            ]
            for group in self.groups
        ]

    def frame(self) -> DataFrame:
        """One row per group, with all digits.

        Returns:
            The keys that group (``hp.<key>`` where a number has that name); ``n``; ``mean``, ``iqm`` and,
            where it is another, the chosen estimate; ``low`` and ``high`` of its interval; and where there
            is a baseline ``p_improvement``, ``p_low`` and ``p_high``. NaN where there is none.
        """
        from rla.runs.frame import DataFrame  # noqa: PLC0415 - pandas takes half a second to import

        records = [self._record(group) for group in self.groups]
        return DataFrame({name: [record[name] for record in records] for name in records[0]})

    def as_dict(self) -> dict[str, Any]:
        """Everything, for programs; None where there is no number."""
        groups = [
            {
                "values": dict(group.values),
                **{name: _known(value) for name, value in self._measured(group).items()},
                "runs": [run.uid for run in group.runs],
                "scores": {name: values.tolist() for name, values in group.scores.items()},
                "notes": list(group.notes()),
            }
            for group in self.groups
        ]
        left_out = [{"uid": each.run.uid, "group": each.group, "reason": each.reason} for each in self.left_out]
        settings = {
            name: getattr(self, name)
            for name in ("metric", "score", "estimate", "level", "lower_is_better", "baseline")
        }
        return {
            **settings,
            "group_by": list(self.group_by),
            "groups": groups,
            "left_out": left_out,
            "notes": self.notes(),
        }

    def json(self) -> str:
        """:meth:`as_dict` as text."""
        return msgspec.json.format(json_codec.dumps(self.as_dict()), indent=2) + "\n"

    def markdown(self) -> str:
        """A table, what its numbers are, and what a reader must know."""
        below = [self.caption(), *self.notes()]
        return markdown_table(self.head(), self.rows()) + "".join(f"\n{escaped(line)}\n" for line in below)

    def latex(self) -> str:
        """A ``tabular`` with the rules of booktabs; what its numbers are stands above it as comments."""
        above = "".join(f"% {_one_line(line)}\n" for line in [self.caption(), *self.notes()])
        return above + latex_table(self.head(), self.rows())

    def _repr_html_(self) -> str:
        """For notebooks: everything escaped, nothing that runs."""
        below = "".join(f"<p>{html.escape(line)}</p>" for line in [self.caption(), *self.notes()])
        return html_table(self.rows(), self.head()) + below

    def __repr__(self) -> str:
        return f"<{len(self)} group{'s' * (len(self) != 1)}; {self.caption()}>"

    def _record(self, group: GroupScores) -> dict[str, Any]:
        return {**{_key(key): value for key, value in group.values.items()}, **self._measured(group)}

    def _measured(self, group: GroupScores) -> dict[str, Any]:
        """Everything but what the group was given."""
        measured = {"n": len(group.runs), **dict(zip(self._names(), self._numbers(group), strict=True))}
        if self.baseline is None:
            return measured
        found = group.improvement
        three = (math.nan,) * 3 if found is None else (found.value, found.low, found.high)
        return {**measured, **dict(zip(("p_improvement", "p_low", "p_high"), three, strict=True))}

    def _names(self) -> list[str]:
        extra = [self.estimate] if self.estimate not in {"mean", "iqm"} else []
        return ["mean", "iqm", *extra, "low", "high"]

    def _numbers(self, group: GroupScores) -> list[float]:
        found = group.estimated
        extra = [found.value] if self.estimate not in {"mean", "iqm"} else []
        return [group.mean, group.iqm, *extra, found.low, found.high]


def _key(name: str) -> str:
    """A key's column; where a number of the table has that name it is ``hp.<name>``."""
    return f"hp.{name}" if name in _NUMBERS else name


def _short(value: float) -> float | None:
    """As many digits as people read; None for NaN."""
    return None if math.isnan(value) else float(f"{value:.{_DIGITS}g}")


def _percent(part: float) -> str:
    return f"{part * 100:.4g} %"


def _known(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value


def _one_line(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)
