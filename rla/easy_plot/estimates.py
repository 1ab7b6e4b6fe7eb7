"""The averages that stand for several scores.

Each is the mean of a part of the scores in rising order: of all of them, of the middle half, or of the
middle one or two. So a bootstrap of any of them is one product of matrices.

Source: https://proceedings.neurips.cc/paper/2021/hash/f514cec81cb148559cf475e7426eed5e-Abstract.html,
Agarwal et al., "Deep Reinforcement Learning at the Edge of the Statistical Precipice", section 4.3
(interquartile mean, optimality gap).
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rla.errors import ConfigError, PlotDataError

FloatArray: TypeAlias = NDArray[np.float64]
IntArray: TypeAlias = NDArray[np.int64]
Estimate: TypeAlias = Literal["mean", "median", "iqm"]
ESTIMATES: Final = get_args(Estimate)


def mean(scores: ArrayLike, axis: int = -1) -> FloatArray:
    """The mean over one axis, in the unit of the scores.

    Raises:
        PlotDataError: There is no score, or one is not finite.
    """
    return estimate_of(checked(scores), "mean", axis)


def median(scores: ArrayLike, axis: int = -1) -> FloatArray:
    """The middle one over one axis, or the mean of the middle two.

    Raises:
        PlotDataError: There is no score, or one is not finite.
    """
    return estimate_of(checked(scores), "median", axis)


def iqm(scores: ArrayLike, axis: int = -1) -> FloatArray:
    """The interquartile mean over one axis: a quarter of the scores is left out at either end.

    Where a quarter of n is no whole number, n // 4 are left out at either end, as the programs of the
    paper do it; of three scores or fewer it is the mean.

    Raises:
        PlotDataError: There is no score, or one is not finite.
    """
    return estimate_of(checked(scores), "iqm", axis)


def optimality_gap(scores: ArrayLike, axis: int = -1, target: float = 1.0) -> FloatArray:
    """How far normalised scores stay below a target on average; what is above it counts as the target.

    Args:
        scores: One or more along the axis.
        axis: The axis that goes.
        target: The score that is good enough.

    Returns:
        Zero where every score reaches the target; lower is better.

    Raises:
        PlotDataError: There is no score, or one is not finite.
    """
    return estimate_of(shortfalls(checked(scores), target), "mean", axis)


def shortfalls(scores: FloatArray, target: float) -> FloatArray:
    """What each score lacks to a target."""
    return np.maximum(target - scores, 0.0)


def checked(scores: ArrayLike) -> FloatArray:
    """Scores as an array, all of them finite.

    Raises:
        PlotDataError: There is no score, or one is not finite.
    """
    values = np.asarray(scores, dtype=np.float64)
    if not values.size:
        raise PlotDataError("there are no scores; give at least one")
    bad = int(np.count_nonzero(~np.isfinite(values)))
    if bad:
        raise PlotDataError(f"{bad} of {values.size} scores are NaN or infinite; leave them out, and say so")
    return values


def estimate_of(scores: ArrayLike, estimate: str, axis: int = -1) -> FloatArray:
    """An average of finite scores over one axis.

    Args:
        scores: In any order, one or more along the axis.
        estimate: ``mean``, ``median`` or ``iqm``.
        axis: The axis that goes.

    Raises:
        ConfigError: There is no such estimate.
    """
    ordered = np.moveaxis(np.sort(np.asarray(scores, dtype=np.float64), axis=axis), axis, -1)
    return np.asarray(ordered[..., kept(estimate, ordered.shape[-1])].mean(axis=-1), dtype=np.float64)


def kept(estimate: str, count: int) -> slice:
    """Which places of ``count`` scores in rising order an estimate is the mean of.

    Raises:
        ConfigError: There is no such estimate.
    """
    if estimate == "mean":
        return slice(0, count)
    if estimate == "median":
        return slice((count - 1) // 2, count // 2 + 1)
    if estimate == "iqm":
        return slice(count // 4, count - count // 4)
    message = f"there is no estimate {estimate!r}; choose one of {', '.join(ESTIMATES)}"
    raise ConfigError(message, key="estimate", allowed=ESTIMATES)
