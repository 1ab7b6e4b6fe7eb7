"""The average of several runs at each point of their curves, and how sure it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from rla.easy_plot.estimates import FloatArray, IntArray, estimate_of, kept
from rla.easy_plot.resampling import FEWEST, check_interval, percentiles, times_drawn

_CHUNK: Final = 1 << 17
"""How many drawn averages are held at a time: they fit into a processor's cache."""


def pointwise_estimate(values: FloatArray, estimate: str = "mean") -> FloatArray:
    """The average of the runs at each point.

    Args:
        values: Shape (runs, points). What is not finite is no value; ``pointwise_count`` counts the rest.
        estimate: ``mean``, ``median`` or ``iqm``.

    Returns:
        Shape (points,); NaN where no run has a value.

    Raises:
        ConfigError: There is no such estimate.
    """
    kept(estimate, 0)
    result = np.full(values.shape[1], np.nan)
    for points, present in _by_count(values):
        result[points] = estimate_of(present, estimate, axis=0)
    return result


def pointwise_count(values: FloatArray) -> IntArray:
    """How many runs have a value at each point: shape (points,) of an array (runs, points)."""
    counts: IntArray = np.isfinite(values).sum(axis=0)
    return counts


def pointwise_interval(
    values: FloatArray,
    estimate: str = "mean",
    level: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> tuple[FloatArray, FloatArray]:
    """A bootstrap interval of the average at each point; the runs that have a value there are drawn again.

    Args:
        values: Shape (runs, points). What is not finite is no value.
        estimate: ``mean``, ``median`` or ``iqm``.
        level: The part of the drawn averages that lies within, as 0.95.
        resamples: How often the runs are drawn.
        seed: The same seed gives the same interval.

    Returns:
        The lower and the upper bound, each of shape (points,); NaN where fewer than two runs have a value.

    Raises:
        ConfigError: There is no such estimate, or the level or the number of resamples makes no sense.
    """
    check_interval(level, resamples)
    kept(estimate, 0)
    low, high = np.full((2, values.shape[1]), np.nan)
    step = max(1, _CHUNK // resamples)
    for points, present in _by_count(values):
        if len(present) < FEWEST:
            continue
        weights = _weights(len(present), estimate, resamples, seed)
        for start in range(0, len(points), step):
            part = slice(start, start + step)
            low[points[part]], high[points[part]] = percentiles(present[:, part].T @ weights, level)
    return low, high


def _weights(count: int, estimate: str, resamples: int, seed: int) -> FloatArray:
    """What each of ``count`` values in rising order adds to the average of each draw: (count, resamples).

    A draw in rising order holds the values at its drawn places in rising order. So the estimate keeps
    a part of those places, and each weighs as much as it is kept.
    """
    places = np.random.default_rng(seed).integers(count, size=(resamples, count))
    chosen = np.sort(places, axis=1)[:, kept(estimate, count)]
    return np.ascontiguousarray(times_drawn(chosen, count).T)


def _by_count(values: FloatArray) -> Iterator[tuple[IntArray, FloatArray]]:
    """Points that equally many runs reach: which points, and the values there in rising order, (runs there, points)."""
    if not values.size:
        return
    counts = pointwise_count(values)
    ordered = np.sort(np.where(np.isfinite(values), values, np.nan), axis=0)  # NaN comes last
    for count in np.unique(counts[counts > 0]):
        points = np.flatnonzero(counts == count)
        yield points, ordered[:count, points]
