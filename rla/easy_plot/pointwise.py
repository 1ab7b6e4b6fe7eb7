"""The average of several runs at each point of their curves, and how sure it is.

Source of the interval: Efron and Tibshirani, "An Introduction to the Bootstrap" (1993), section 13.3,
the percentile method. The runs are drawn again, with replacement, as often as there are runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from rla.easy_plot.estimates import FloatArray, IntArray, estimate_of, kept
from rla.errors import ConfigError

FEWEST: Final = 2
"""One run says nothing about how much runs differ."""

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


def percentiles(drawn: FloatArray, level: float) -> tuple[FloatArray, FloatArray]:
    """The bounds between which the middle part of drawn averages lies.

    Args:
        drawn: Shape (..., resamples); it is put in order.
        level: The size of that part, as 0.95.

    Returns:
        The lower and the upper bound, each of shape (...), interpolated between two drawn averages.
    """
    drawn.sort(axis=-1)  # a whole sort is faster than numpy's quantile: it uses vector instructions
    last = drawn.shape[-1] - 1
    return _between(drawn, last * (1 - level) / 2), _between(drawn, last * (1 + level) / 2)


def check_interval(level: float, resamples: int) -> None:
    """Refuse an interval that cannot be made.

    Raises:
        ConfigError: The level is not between 0 and 1, or nothing would be drawn.
    """
    if not 0 < level < 1:
        raise ConfigError(f"level is {level!r}, and must be between 0 and 1, as 0.95", key="level")
    if resamples < 1:
        raise ConfigError(f"resamples is {resamples!r}, and must be 1 or more, as 1000", key="resamples")


def _weights(count: int, estimate: str, resamples: int, seed: int) -> FloatArray:
    """What each of ``count`` values in rising order adds to the average of each draw: (count, resamples).

    A draw in rising order holds the values at its drawn places in rising order. So the estimate keeps
    a part of those places, and each weighs as much as it is kept.
    """
    places = np.random.default_rng(seed).integers(count, size=(resamples, count))
    chosen = np.sort(places, axis=1)[:, kept(estimate, count)]
    cells = chosen + count * np.arange(resamples)[:, None]
    times = np.bincount(cells.ravel(), minlength=resamples * count).reshape(resamples, count)
    return np.ascontiguousarray(times.T / chosen.shape[1])


def _by_count(values: FloatArray) -> Iterator[tuple[IntArray, FloatArray]]:
    """Points that equally many runs reach: which points, and the values there in rising order, (runs there, points)."""
    if not values.size:
        return
    counts = pointwise_count(values)
    ordered = np.sort(np.where(np.isfinite(values), values, np.nan), axis=0)  # NaN comes last
    for count in np.unique(counts[counts > 0]):
        points = np.flatnonzero(counts == count)
        yield points, ordered[:count, points]


def _between(ordered: FloatArray, place: float) -> FloatArray:
    below = int(place)
    above = min(below + 1, ordered.shape[-1] - 1)
    lower, upper = ordered[..., below], ordered[..., above]
    result: FloatArray = lower + (upper - lower) * (place - below)
    return result
