"""Compare groups of runs by their scores: ``rla.compare``."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias

import numpy as np

from rla.core.hyperparams import flatten, value_text
from rla.easy_plot.arguments import check_arguments, texts
from rla.easy_plot.bootstrap import AGGREGATES, Estimated, aggregate, bootstrap_estimate
from rla.easy_plot.estimates import FloatArray
from rla.easy_plot.grouping import Group, check_seeds, group_runs, seed_notes
from rla.easy_plot.improvement import probability_of_improvement
from rla.easy_plot.resampling import check_interval
from rla.easy_plot.run_scores import LAST, RunScore, Score, run_scores
from rla.easy_plot.score_table import GroupScores, LeftOut, ScoreTable
from rla.easy_plot.scores import ONLY, reference_normalise
from rla.errors import ConfigError, PlotDataError, RlaWarning
from rla.runs.lineage import last_of_families
from rla.runs.run import Run
from rla.runs.selected import Runs, runs_of

Texts: TypeAlias = tuple[str, ...]
"""Of each key that groups, the value as text."""

Cells: TypeAlias = dict[Texts, dict[str, list[RunScore]]]
"""The runs that count by group, then by environment."""

_LISTED: Final = 10


@dataclass(frozen=True)
class Settings:
    """How runs are compared; see :func:`compare` for each."""

    group_by: tuple[str, ...] | None = None
    seeds: str | None = "seed"
    environment: str | None = None
    baseline: Mapping[str, Any] = field(default_factory=dict)
    score: Score = LAST
    estimate: str = "iqm"
    lower_is_better: bool = False
    references: Mapping[str, Sequence[float]] = field(default_factory=dict)
    target: float = 1.0
    level: float = 0.95
    resamples: int = 2000
    seed: int = 0

    @property
    def keys(self) -> tuple[str, ...]:
        """What groups, once it is known."""
        return self.group_by or ()


def compare(  # noqa: PLR0913 - the one call, with every setting by its name
    selection: Runs,
    metric: str,
    group_by: str | Sequence[str] | None = None,
    *,
    seeds: str | None = "seed",
    baseline: Mapping[str, Any] | str | None = None,
    environment: str | None = None,
    score: Score = LAST,
    estimate: str = "iqm",
    lower_is_better: bool = False,
    references: Mapping[str, Sequence[float]] | None = None,
    target: float = 1.0,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> ScoreTable:
    """How well groups of runs did, how sure that is, and how probably each beats a baseline.

    Args:
        selection: Runs as :func:`rla.query` gives them, a list of them, the keywords of ``rla.query``, or
            an expression of its ``where``. Of runs that go on from each other only the last counts.
        metric: What was recorded.
        group_by: The hyperparameters that tell the groups apart, nested ones with dots; as ``["lr", "algo"]``
            or ``"lr,algo"``. None: all that are not the same in all runs, but seed and environment.
        seeds: The hyperparameter that tells the runs of one group apart. Several runs with the same one
            count each, and are noted: they are no new evidence. None: there is none.
        baseline: What names the group that the others are compared with, as ``{"algo": "ppo"}`` or
            ``"algo=ppo"``. Where it does not name all keys, each group has the baseline that shares its
            others: with ``group_by="algo,env_id"`` that is PPO in the same environment.
        environment: The hyperparameter that names the environment, where a group has runs of several.
            Then runs are drawn within each, and each weighs the same.
        score: ``last``, or which part of the end of each curve is averaged, as 0.1.
        estimate: Whose interval is given: ``mean``, ``median``, ``iqm`` or ``optimality_gap``.
        lower_is_better: A low score is the good one, as of a loss.
        references: Of each environment the scores that become 0 and 1, as of random and human play.
        target: The score that is good enough, for the optimality gap.
        level: Of the intervals.
        resamples: How often runs are drawn for them.
        seed: The same seed gives the same intervals.

    Returns:
        A table with a row per group. Runs that it leaves out are in ``left_out``, what is odd about the
        others in ``notes()``; a warning tells both.

    Raises:
        ConfigError: A setting makes no sense, or there is no database.
        SelectionError: The selection cannot be read.
        PlotDataError: No run was selected, recorded the metric or has a key; or no group is the baseline.
    """
    check_arguments(locals())
    settings = settings_of(
        group_by=group_by,
        seeds=seeds,
        environment=environment,
        baseline=baseline,
        score=score,
        estimate=estimate,
        lower_is_better=lower_is_better,
        references=references,
        target=target,
        level=level,
        resamples=resamples,
        seed=seed,
    )
    table = compare_runs(runs_of(selection), metric, settings)
    for remark in table.remarks():
        warnings.warn(remark, RlaWarning, stacklevel=2)
    return table


def settings_of(
    *,
    group_by: str | Sequence[str] | None = None,
    baseline: Mapping[str, Any] | str | None = None,
    references: Mapping[str, Sequence[float]] | None = None,
    **others: Any,
) -> Settings:
    """The settings of a comparison, from the forms that :func:`compare` takes.

    Raises:
        ConfigError: The baseline is a text of another form.
    """
    return Settings(group_by=_names(group_by), baseline=_pairs(baseline), references=references or {}, **others)


def compare_runs(runs: Sequence[Run], metric: str, settings: Settings) -> ScoreTable:
    """:func:`compare` of runs at hand, without a warning.

    Raises:
        ConfigError: A setting makes no sense.
        PlotDataError: There is no run, none recorded the metric or has a key; or no group is the baseline.
    """
    _check(runs, settings)
    runs = last_of_families(list({run.uid: run for run in runs}.values()))
    settings = replace(settings, group_by=_group_keys(runs, settings))
    scored = {each.run.uid: each for each in run_scores(runs, metric, settings.score)}
    within = () if settings.environment is None else (settings.environment,)
    parts = group_runs(runs, [*settings.keys, *within])
    counting = [replace(part, runs=tuple(run for run in part.runs if not scored[run.uid].reason)) for part in parts]
    without = [(part.label, scored[run.uid]) for part in parts for run in part.runs if scored[run.uid].reason]
    left_out = tuple(LeftOut(each.run, label, each.reason) for label, each in without)
    cells = _cells([part for part in counting if part.runs], scored, settings)
    if not cells:
        raise PlotDataError(f"no run has a score of {metric!r}: {left_out[0].reason}", name=metric)
    _check_baseline(cells, settings)
    return ScoreTable(
        metric,
        settings.keys,
        tuple(_row(texts, cells, settings) for texts in cells),
        left_out,
        tuple(note for part in counting for note in seed_notes(part, settings.seeds)),
        estimate=settings.estimate,
        level=settings.level,
        lower_is_better=settings.lower_is_better,
        baseline=settings.baseline or None,
        score=settings.score,
    )


def _check(runs: Sequence[Run], settings: Settings) -> None:
    if not runs:
        raise PlotDataError("there are no runs to compare; `rla ls` lists those of a selection")
    check_interval(settings.level, settings.resamples)
    if settings.estimate not in AGGREGATES:
        message = f"there is no estimate {settings.estimate!r}; choose one of {', '.join(AGGREGATES)}"
        raise ConfigError(message, key="estimate", allowed=AGGREGATES)
    if settings.references and settings.environment is None:
        raise ConfigError("references are given and environment is not; name the hyperparameter", key="environment")
    check_seeds(runs, settings.seeds)


def _group_keys(runs: Sequence[Run], settings: Settings) -> tuple[str, ...]:
    """The keys that were given, or every one that is not the same in all runs."""
    if settings.group_by is not None:
        return settings.group_by
    apart = {key for key in (settings.seeds, settings.environment) if key is not None}
    return tuple(group_runs(runs, None, apart)[0].by_key)


def _cells(parts: Sequence[Group], scored: Mapping[str, RunScore], settings: Settings) -> Cells:
    cells: Cells = {}
    for part in parts:
        texts = tuple(part.by_key[key] for key in settings.keys)
        environment = ONLY if settings.environment is None else part.by_key[settings.environment]
        cells.setdefault(texts, {})[environment] = [scored[run.uid] for run in part.runs]
    return cells


def _check_baseline(cells: Cells, settings: Settings) -> None:
    """That some group has the values that name the baseline.

    Raises:
        PlotDataError: None has.
    """
    wanted = settings.baseline
    keys = settings.keys
    if all(any(_same(dict(zip(keys, texts, strict=True)).get(key), wanted[key]) for texts in cells) for key in wanted):
        return
    named = ", ".join(f"{key}={value}" for key, value in wanted.items())
    labels = [_label(texts, settings) for texts in cells]
    there = "; ".join(labels[:_LISTED]) + ("; ..." if len(labels) > _LISTED else "")
    raise PlotDataError(f"no group is the baseline {named}; the groups are {there}", name=named)


def _baseline_of(texts: Texts, cells: Cells, settings: Settings) -> Texts | None:
    """The group that differs from a group in what names the baseline and in nothing else; None where there is none."""
    if not settings.baseline:
        return None
    wanted = {**dict(zip(settings.keys, texts, strict=True)), **settings.baseline}
    fits = [other for other in cells if all(map(_same, other, wanted.values()))]
    return next((other for other in fits if other != texts), None)


def _same(text: str | None, value: Any) -> bool:
    """Whether a text is a value: 1e-3 is 0.001."""
    if text is None or text == value_text(value):
        return text is not None
    try:
        return float(text) == float(value)
    except (TypeError, ValueError):
        return False


def _row(texts: Texts, cells: Cells, settings: Settings) -> GroupScores:
    group = cells[texts]
    scores = _arrays(group, settings)
    estimated = bootstrap_estimate(
        scores,
        settings.estimate,
        level=settings.level,
        resamples=settings.resamples,
        seed=settings.seed,
        target=settings.target,
    )
    improvement, baseline = None, _baseline_of(texts, cells, settings)
    if baseline is not None:
        improvement = _improvement(scores, _arrays(cells[baseline], settings), settings)
    runs = tuple(each.run for found in group.values() for each in found)
    given = dict(flatten(runs[0].hyperparameters))
    return GroupScores(
        values={key: _plain(given, key, text) for key, text in zip(settings.keys, texts, strict=True)},
        runs=runs,
        scores=scores,
        mean=aggregate(scores, "mean"),
        iqm=aggregate(scores, "iqm"),
        estimated=estimated,
        improvement=improvement,
    )


def _arrays(group: Mapping[str, Sequence[RunScore]], settings: Settings) -> dict[str, FloatArray]:
    """The scores of each environment, normalised where there are references."""
    scores = {name: np.array([each.value for each in found]) for name, found in sorted(group.items())}
    return reference_normalise(scores, settings.references) if settings.references else scores


def _improvement(
    scores: Mapping[str, FloatArray], baseline: Mapping[str, FloatArray], settings: Settings
) -> Estimated | None:
    """The probability of improvement in the environments that both have; None where there is none."""
    shared = [name for name in scores if name in baseline]
    if not shared:
        return None
    ours, theirs = ({name: each[name] for name in shared} for each in (scores, baseline))
    if settings.lower_is_better:
        ours, theirs = theirs, ours
    found = probability_of_improvement(
        ours, theirs, level=settings.level, resamples=settings.resamples, seed=settings.seed
    )
    lonely = len({*scores, *baseline}) - len(shared)
    if lonely:
        found = replace(found, notes=(*found.notes, f"{lonely} environments that only one has are not compared"))
    return found


def _plain(given: Mapping[str, Any], key: str, text: str) -> Any:
    """A value that is not only text, so that a table sorts by it; a container stays text."""
    value = given.get(key.removeprefix("hp."), text)
    return text if isinstance(value, Mapping | list) else value


def _label(texts: Texts, settings: Settings) -> str:
    return ", ".join(f"{key}={text}" for key, text in zip(settings.keys, texts, strict=True))


def _names(given: str | Sequence[str] | None) -> tuple[str, ...] | None:
    """Names in a list, or in one text with commas."""
    if given is None:
        return None
    names = given.split(",") if isinstance(given, str) else texts("group_by", given, "lr")
    return tuple(dict.fromkeys(name.strip() for name in names if name.strip()))


def _pairs(given: Mapping[str, Any] | str | None) -> Mapping[str, Any]:
    """Keys and values, or one text ``key=value,key=value``.

    Raises:
        ConfigError: The text is of another form.
    """
    if not isinstance(given, str):
        return given or {}
    pairs = [pair.partition("=") for pair in given.split(",")]
    if not all(key.strip() and sign for key, sign, _ in pairs):
        raise ConfigError(f"baseline is {given!r}; give the values of a group, as 'lr=0.1,algo=ppo'", key="baseline")
    return {key.strip(): value.strip() for key, _, value in pairs}
