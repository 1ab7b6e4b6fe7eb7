"""How sure an average over runs of several environments is: the stratified bootstrap.

Source: https://proceedings.neurips.cc/paper/2021/hash/f514cec81cb148559cf475e7426eed5e-Abstract.html,
Agarwal et al., "Deep Reinforcement Learning at the Edge of the Statistical Precipice", section 4.1:
the runs of each environment are drawn again, with replacement, and the percentiles of what comes out
are the interval.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from rla.easy_plot.estimates import ESTIMATES, FloatArray, estimate_of, shortfalls
from rla.easy_plot.resampling import FEWEST, Draws, check_interval, draw, few_runs, percentiles
from rla.easy_plot.scores import Scores, ScoreSet, read_scores
from rla.errors import ConfigError

AGGREGATES: Final = (*ESTIMATES, "optimality_gap")


@dataclass(frozen=True)
class Estimated:
    """A number about several runs, and how sure it is.

    Attributes:
        value: The number.
        low: The lower bound of its interval; NaN where there is none.
        high: The upper bound.
        runs: How many scores of each environment it stands on.
        notes: What a reader must know: why there is no interval, what was left out.
    """

    value: float
    low: float
    high: float
    runs: Mapping[str, int]
    notes: tuple[str, ...] = ()


def aggregate(scores: Scores, estimate: str = "iqm", target: float = 1.0) -> float:
    """One number for all runs of all environments.

    ``mean`` is the mean of the environments' means, ``median`` their median, ``iqm`` the interquartile
    mean of all scores together, ``optimality_gap`` the mean of what scores lack to the target, each
    environment weighing the same. Of one environment, ``median`` is that of its runs.

    Args:
        scores: As the statistics take them.
        estimate: ``mean``, ``median``, ``iqm`` or ``optimality_gap``.
        target: The score that is good enough, for the optimality gap.

    Raises:
        ConfigError: There is no such estimate.
        PlotDataError: An environment has no finite score.
    """
    return float(aggregate_arrays(read_scores(scores).arrays, estimate, target))


def bootstrap_estimate(
    scores: Scores,
    estimate: str = "iqm",
    *,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
    target: float = 1.0,
) -> Estimated:
    """One number for all runs of all environments, see :func:`aggregate`, and its interval.

    Args:
        scores: As the statistics take them.
        estimate: ``mean``, ``median``, ``iqm`` or ``optimality_gap``.
        level: The part of the drawn averages that lies within the interval.
        resamples: How often the runs are drawn.
        seed: The same seed gives the same interval.
        target: The score that is good enough, for the optimality gap.

    Raises:
        ConfigError: There is no such estimate, or the level or the number of resamples makes no sense.
        PlotDataError: An environment has no finite score.
    """
    found = read_scores(scores)
    value = float(aggregate_arrays(found.arrays, estimate, target))
    low, high, notes = interval(
        found.counts,
        lambda draws: aggregate_arrays(drawn_scores(found.arrays, draws), estimate, target),
        level,
        resamples,
        seed,
    )
    return Estimated(value, low, high, found.runs, (*found.notes(), *_weighing(found, estimate), *notes))


def aggregate_arrays(arrays: Sequence[FloatArray], estimate: str, target: float = 1.0) -> FloatArray:
    """:func:`aggregate` of arrays of finite scores, one for each environment, over their last axis.

    Raises:
        ConfigError: There is no such estimate.
    """
    if estimate not in AGGREGATES:
        message = f"there is no estimate {estimate!r}; choose one of {', '.join(AGGREGATES)}"
        raise ConfigError(message, key="estimate", allowed=AGGREGATES)
    if estimate == "optimality_gap":
        return aggregate_arrays([shortfalls(values, target) for values in arrays], "mean")
    if estimate == "iqm" or len(arrays) == 1:
        return estimate_of(np.concatenate(arrays, axis=-1), estimate)
    return estimate_of(np.stack([values.mean(axis=-1) for values in arrays], axis=-1), estimate)


def drawn_scores(arrays: Sequence[FloatArray], draws: Draws) -> list[FloatArray]:
    """The scores of each draw, (resamples, runs), from samples of shape (runs,)."""
    return [values[chosen] for values, chosen in zip(arrays, draws, strict=True)]


def interval(
    counts: Sequence[int], statistic: Callable[[Draws], FloatArray], level: float, resamples: int, seed: int
) -> tuple[float, float, tuple[str, ...]]:
    """The bootstrap interval of a statistic of several samples.

    Args:
        counts: How many runs each sample has; each is drawn by itself.
        statistic: Gives the number of each draw, shape (resamples,).
        level: The part of the drawn numbers that lies within.
        resamples: How often.
        seed: The same seed gives the same interval.

    Returns:
        The lower and the upper bound, NaN where every sample is of one run; and notes about it.

    Raises:
        ConfigError: The level or the number of resamples makes no sense.
    """
    check_interval(level, resamples)
    notes = few_runs(counts)
    if max(counts) < FEWEST:
        return np.nan, np.nan, notes
    drawn = np.concatenate([statistic(draws) for draws in draw(counts, resamples, seed)])
    low, high = percentiles(drawn, level)
    return float(low), float(high), notes


def _weighing(found: ScoreSet, estimate: str) -> tuple[str, ...]:
    if estimate == "iqm" and len(set(found.runs.values())) > 1:
        return ("an environment with more runs weighs more in the interquartile mean",)
    return ()
