"""Let Optuna choose the points of a grid: it is asked for a trial when a process is free, and told its value."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import optuna

from rla.batch.job_run import JobRun, read_state
from rla.batch.outcome import Outcome
from rla.errors import GridError
from rla.sweep.console import Console
from rla.sweep.declaration import Declaration, nested, shown
from rla.sweep.naming import SEED
from rla.sweep.space import Choice, Distribution, LogUniform, Uniform, distribution_of, rounded
from rla.sweep.variant import Variant

if TYPE_CHECKING:
    from optuna.study import Study as Study  # noqa: PLC0414 - the type that others name
    from optuna.trial import Trial

_SIMPLE: Final = (bool, int, float, str, type(None))
"""The types of choices that Optuna keeps as they are."""
_NAMED: Final = 10


@dataclass
class _Asked:
    """A trial that is under way.

    Attributes:
        trial: Optuna's.
        seeds: With which seeds it is run.
        values: What its runs have come to so far; None for one without a value.
    """

    trial: Trial
    seeds: Sequence[Any]
    values: list[float | None] = field(default_factory=list)


class Search(Console):
    """Asks Optuna for points, and tells it what became of them. A trial is a run for each seed; their mean counts."""

    def __init__(self, declared: Declaration, study: Study, trials: int, metric: str, *, quiet: bool) -> None:
        """Prepare a search.

        Args:
            declared: The parameters, with distributions or lists to choose from.
            study: Where the trials are kept.
            trials: How many to run.
            metric: The recorded value whose last one counts.
            quiet: Tell nothing.

        Raises:
            GridError: There is nothing to choose.
        """
        values = dict(zip(declared.keys, declared.vals, strict=True))
        self._seeds: Sequence[Any] = values.pop(SEED, [0])
        self._sources = {key: distribution_of(vals) for key, vals in values.items()}
        if not any(_is_open(source) for source in self._sources.values()):
            raise GridError(
                "every parameter has one value: a search needs one to choose, as grid.add('lr', uniform(0, 1))"
            )
        super().__init__(trials * len(self._seeds), quiet=quiet)
        self._declared = declared
        self._study = study
        self._trials = trials
        self._metric = metric
        self._asked: dict[int, _Asked] = {}

    @property
    def total(self) -> int:
        """How many runs there will be."""
        return self._trials * len(self._seeds)

    def points(self) -> Iterator[Variant]:
        """A run for each seed of each trial; a trial is asked for when its first run may start."""
        tracked = tuple(key.replace(":", ".") for key, source in self._sources.items() if _is_open(source))
        for _ in range(self._trials):
            trial = self._study.ask()
            self._asked[trial.number] = _Asked(trial, self._seeds)
            chosen = {key: _suggested(trial, key, source) for key, source in self._sources.items()}
            for seed in self._seeds:
                parameters = {**nested(chosen.items()), SEED: seed}
                name = self._declared.variant_name(parameters)
                yield Variant(name, parameters, (*tracked, SEED), trial.number)

    def ended(self, run: JobRun, outcome: Outcome, *, again: bool) -> None:
        """A run has ended: when it was the last one of its trial, the trial has its value."""
        super().ended(run, outcome, again=again)
        if again:
            return
        asked = self._asked[run.item.payload.trial]
        asked.trial.set_user_attr(f"run of seed {run.item.payload.seed}", run.uid)
        asked.values.append(self._value(run) if outcome.succeeded else None)
        if len(asked.values) == len(asked.seeds):
            self._tell(asked)

    def close(self) -> None:
        """Trials that were not brought to an end have failed."""
        for asked in list(self._asked.values()):
            asked.values.append(None)
            self._tell(asked)

    def _value(self, run: JobRun) -> float | None:
        summary = read_state(run.paths).summary
        value = summary.get(self._metric)
        if isinstance(value, int | float) and math.isfinite(value):
            return float(value)
        numbers = [key for key, each in summary.items() if isinstance(each, int | float)]
        advice = f"it has {', '.join(map(repr, numbers[:_NAMED]))}" if numbers else "it has no values"
        self._say(f"    {self._metric!r} is no number in this run, and its trial has failed; {advice}")
        return None

    def _tell(self, asked: _Asked) -> None:
        values = [value for value in asked.values if value is not None]
        del self._asked[asked.trial.number]
        if len(values) == len(asked.seeds):
            self._study.tell(asked.trial, statistics.fmean(values))
        else:
            self._study.tell(asked.trial, state=optuna.trial.TrialState.FAIL)


def new_study(direction: str) -> Study:
    """A study in memory.

    Raises:
        GridError: The direction is none.
    """
    if direction not in {"maximize", "minimize"}:
        raise GridError(f"direction is 'maximize' or 'minimize'; it is {direction!r}", key="direction")
    return optuna.create_study(direction=direction)


def checked_study(study: object) -> Study:
    """A study that somebody has made.

    Raises:
        GridError: It is none, or one of several objectives.
    """
    if not isinstance(study, optuna.study.Study):
        raise GridError(f"study is one of Optuna, as optuna.create_study(); it is {study!r}", key="study")
    if len(study.directions) > 1:
        raise GridError(f"this study has {len(study.directions)} objectives: a search has one metric", key="study")
    return study


def _is_open(source: Distribution) -> bool:
    return not (isinstance(source, Choice) and len(source.options) == 1)


def _suggested(trial: Trial, key: str, source: Distribution) -> Any:
    if isinstance(source, Choice):
        return _chosen(trial, key, source.options)
    assert isinstance(source, Uniform | LogUniform)
    return rounded(trial.suggest_float(key, source.low, source.high, log=isinstance(source, LogUniform)))


def _chosen(trial: Trial, key: str, options: Sequence[Any]) -> Any:
    """One of some values; those that Optuna does not keep are known to it by their text."""
    if len(options) == 1:
        return options[0]
    if all(type(option) in _SIMPLE for option in options):
        return trial.suggest_categorical(key, options)
    by_text = {f"{number}: {shown(option)}": option for number, option in enumerate(options)}
    return by_text[trial.suggest_categorical(key, list(by_text))]
