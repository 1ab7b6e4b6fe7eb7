"""Drawing runs again: the parts that all bootstrap intervals are made of.

Source: Efron and Tibshirani, "An Introduction to the Bootstrap" (1993), section 13.3, the percentile
method. The runs are drawn with replacement, as often as there are runs; the percentiles of what comes
out of many draws are the interval.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

import numpy as np

from rla.easy_plot.estimates import FloatArray, IntArray
from rla.errors import ConfigError

Draws: TypeAlias = Sequence[IntArray]
"""For each sample which of its runs are drawn, shape (resamples, runs)."""

FEWEST: Final = 2
"""One run says nothing about how much runs differ."""

_CHUNK: Final = 1 << 21
"""How many drawn runs are held at a time."""


def draw(counts: Sequence[int], resamples: int, seed: int) -> list[Draws]:
    """Which of some samples' runs are drawn, in pieces of a size that memory holds easily.

    Args:
        counts: How many runs each sample has.
        resamples: How often all are drawn.
        seed: The same seed gives the same draws.
    """
    generator = np.random.default_rng(seed)
    step = max(1, _CHUNK // sum(counts))
    sizes = [min(step, resamples - start) for start in range(0, resamples, step)]
    return [[generator.integers(count, size=(size, count)) for count in counts] for size in sizes]


def few_runs(counts: Sequence[int]) -> tuple[str, ...]:
    """Why samples of such sizes have no interval, or one that says too little."""
    single = sum(count < FEWEST for count in counts)
    if single == len(counts):
        return ("one run: no interval" if single == 1 else "one run of each: no interval",)
    if single:
        return (f"{single} of {len(counts)} samples are of one run: the interval does not know how such runs differ",)
    return ()


def times_drawn(chosen: IntArray, count: int) -> FloatArray:
    """How large a part of each draw each run is.

    Args:
        chosen: Which runs are drawn, shape (resamples, drawn).
        count: How many runs there are.

    Returns:
        Shape (resamples, count); each row adds up to 1.
    """
    resamples, drawn = chosen.shape
    cells = chosen + count * np.arange(resamples)[:, None]
    times = np.bincount(cells.ravel(), minlength=resamples * count).reshape(resamples, count)
    return np.asarray(times / drawn, dtype=np.float64)


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


def _between(ordered: FloatArray, place: float) -> FloatArray:
    below = int(place)
    above = min(below + 1, ordered.shape[-1] - 1)
    lower, upper = ordered[..., below], ordered[..., above]
    result: FloatArray = lower + (upper - lower) * (place - below)
    return result
