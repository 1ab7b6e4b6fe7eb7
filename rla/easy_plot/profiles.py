"""Statistics that are curves: over all thresholds of a score, and over the course of training.

Source: https://proceedings.neurips.cc/paper/2021/hash/f514cec81cb148559cf475e7426eed5e-Abstract.html,
Agarwal et al., "Deep Reinforcement Learning at the Edge of the Statistical Precipice", sections 4.2
(performance profiles of scores) and 4.3 (sample-efficiency curves).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from rla.easy_plot.bootstrap import aggregate_arrays, drawn_scores
from rla.easy_plot.estimates import FloatArray, IntArray, kept
from rla.easy_plot.pointwise import pointwise_count, pointwise_estimate, pointwise_interval
from rla.easy_plot.resampling import FEWEST, check_interval, draw, few_runs, percentiles, times_drawn
from rla.easy_plot.scores import ONLY, Scores, read_scores
from rla.errors import PlotDataError


@dataclass(frozen=True)
class Curve:
    """A statistic at several points.

    Attributes:
        x: The points: thresholds of the score, or time steps; shape (points,).
        values: The statistic at each.
        low: The lower bounds of its interval; NaN where there is none.
        high: The upper bounds.
        runs: How many runs stand behind each point, all environments together.
        notes: What a reader must know: why there is no interval, what was left out.
    """

    x: FloatArray
    values: FloatArray
    low: FloatArray
    high: FloatArray
    runs: IntArray
    notes: tuple[str, ...] = ()


def performance_profile(
    scores: Scores, thresholds: ArrayLike, *, level: float = 0.95, resamples: int = 2000, seed: int = 0
) -> Curve:
    """The part of the runs whose score is above each threshold; each environment weighs the same.

    Args:
        scores: Normalised ones, as the statistics take them.
        thresholds: Shape (points,).
        level: The part of the drawn profiles that lies within the interval at a point.
        resamples: How often the runs are drawn.
        seed: The same seed gives the same interval.

    Returns:
        Values from 1 down to 0. One profile that is nowhere below another is better in every respect.

    Raises:
        ConfigError: The level or the number of resamples makes no sense.
        PlotDataError: An environment has no finite score.
    """
    check_interval(level, resamples)
    found = read_scores(scores)
    points = np.asarray(thresholds, dtype=np.float64).ravel()
    above = [np.asarray(values[:, None] > points, dtype=np.float64) for values in found.arrays]
    values = np.mean([each.mean(axis=0) for each in above], axis=0)
    low, high = np.full((2, len(points)), np.nan)
    if any(len(each) >= FEWEST for each in above):
        low, high = percentiles(_drawn_profiles(above, resamples, seed).T, level)
    notes = (*found.notes(), *few_runs(found.counts))
    return Curve(points, values, low, high, np.full(len(points), sum(found.counts)), notes)


def sample_efficiency(
    curves: Mapping[str, ArrayLike] | ArrayLike,
    x: ArrayLike,
    estimate: str = "iqm",
    *,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Curve:
    """An aggregate of all runs of all environments at each point of their training.

    Args:
        curves: Of each environment the normalised scores of its runs, (runs, points); or one such array.
            NaN where a run has no value.
        x: The points, as time steps; shape (points,).
        estimate: ``mean``, ``median`` or ``iqm``, as :func:`rla.easy_plot.bootstrap.aggregate` has them.
        level: The part of the drawn curves that lies within the interval at a point.
        resamples: How often the runs are drawn.
        seed: The same seed gives the same interval.

    Returns:
        NaN where an environment has no run left: the others alone would be another statistic.

    Raises:
        ConfigError: There is no such estimate, or the level or the number of resamples makes no sense.
        PlotDataError: The arrays do not have as many points as ``x``.
    """
    check_interval(level, resamples)
    kept(estimate, 0)
    points = np.asarray(x, dtype=np.float64).ravel()
    arrays = _curve_arrays(curves, len(points))
    counts = [pointwise_count(values) for values in arrays]
    if len(arrays) == 1:
        values = pointwise_estimate(arrays[0], estimate)
        low, high = pointwise_interval(arrays[0], estimate, level, resamples, seed)
    else:
        values, low, high = np.full((3, len(points)), np.nan)
        for place in np.flatnonzero(np.min(counts, axis=0)):
            here = [np.sort(each[np.isfinite(each[:, place]), place]) for each in arrays]
            values[place] = aggregate_arrays(here, estimate)
            if max(map(len, here)) >= FEWEST:
                drawn = _drawn_aggregates(here, estimate, resamples, seed)
                low[place], high[place] = percentiles(drawn, level)
    return Curve(points, values, low, high, np.sum(counts, axis=0), _curve_notes(counts))


def _drawn_profiles(above: Sequence[FloatArray], resamples: int, seed: int) -> FloatArray:
    """The profile of each draw, (resamples, points), from what lies above, (runs, points) of each environment."""
    profiles = []
    for draws in draw([len(each) for each in above], resamples, seed):
        per_environment = [times_drawn(chosen, len(each)) @ each for each, chosen in zip(above, draws, strict=True)]
        profiles.append(np.mean(per_environment, axis=0))
    return np.concatenate(profiles)


def _drawn_aggregates(arrays: Sequence[FloatArray], estimate: str, resamples: int, seed: int) -> FloatArray:
    pieces = draw([len(values) for values in arrays], resamples, seed)
    return np.concatenate([aggregate_arrays(drawn_scores(arrays, draws), estimate) for draws in pieces])


def _curve_arrays(curves: Mapping[str, ArrayLike] | ArrayLike, points: int) -> list[FloatArray]:
    named = curves if isinstance(curves, Mapping) else {ONLY: curves}
    arrays = {str(name): np.atleast_2d(np.asarray(values, dtype=np.float64)) for name, values in named.items()}
    for name, values in arrays.items():
        if values.ndim != 2 or values.shape[1] != points:  # noqa: PLR2004 - runs and points
            message = f"the curves of {name or 'the runs'} have shape {values.shape}, and there are {points} points"
            raise PlotDataError(f"{message}; give (runs, {points})", name=name)
    if not arrays:
        raise PlotDataError("there are no curves; give those of at least one environment")
    return list(arrays.values())


def _curve_notes(counts: Sequence[IntArray]) -> tuple[str, ...]:
    total = np.sum(counts, axis=0)
    notes = []
    if total.size and total.min() != total.max():
        notes.append(f"{total.min()} to {total.max()} runs stand behind a point")
    if gaps := int(np.count_nonzero(np.min(counts, axis=0) == 0)):
        notes.append(f"no value at {gaps} point{'s' * (gaps != 1)}: an environment has no run there")
    if np.max(counts, initial=0) < FEWEST:
        notes.append("one run: no interval" if len(counts) == 1 else "one run of each: no interval")
    return tuple(notes)
