"""Several runs' curves on one x axis, so that they can be averaged point by point.

Between two recorded points a curve is a straight line; before its first and behind its last point a run
has no value, and none is made up.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, get_args

import numpy as np

from rla.easy_plot.estimates import FloatArray
from rla.easy_plot.smoothing import Smoothing, symmetric_ema
from rla.errors import ConfigError
from rla.runs.curves import Curve

Align = Literal["overlap", "union"]
ALIGNS: Final = get_args(Align)


def common_grid(curves: Sequence[Curve], align: str, points: int | None, *, even: bool = False) -> FloatArray:
    """The x values at which the curves of a group are averaged.

    Args:
        curves: At least one; each has a point.
        align: ``overlap``: from the last first x to the first last x, where all runs have values;
            ``union``: from the first to the last x of any run.
        points: How many values, equally far apart; None for every x that any run recorded. Runs that
            recorded at the same x, not more often than this, keep theirs.
        even: Even those get equally distant ones.

    Returns:
        Rising; empty when the runs have nothing in common.

    Raises:
        ConfigError: There is no such alignment, or fewer than two points are asked for.
    """
    if align not in ALIGNS:
        raise ConfigError(f"align is {align!r}; it is overlap or union", key="align", allowed=ALIGNS)
    if points is not None and (points < 2 or points != int(points)):  # noqa: PLR2004 - a line has two ends
        raise ConfigError(f"points is {points!r}; a curve has a whole number of them, at least 2", key="points")
    ends = max if align == "overlap" else min, min if align == "overlap" else max
    low, high = (end(float(curve.x[side]) for curve in curves) for end, side in zip(ends, (0, -1), strict=True))
    if low > high:
        return np.empty(0)
    first = curves[0].x
    alike = all(len(curve.x) == len(first) and np.array_equal(curve.x, first) for curve in curves)
    if alike and not even and (points is None or len(first) <= points):
        return first
    if points is not None:
        return np.linspace(low, high, int(points)) if high > low else np.array([low])
    every = np.unique(np.concatenate([curve.x for curve in curves]))
    return every[(every >= low) & (every <= high)]


def on_grid(curves: Sequence[Curve], grid: FloatArray, smoothing: Smoothing | None) -> FloatArray:
    """The values of some runs at common x values.

    Args:
        curves: Rising x, finite y.
        grid: Shape (points,), rising.
        smoothing: ``symmetric`` decides between the points; else they are joined by straight lines.

    Returns:
        Shape (runs, points); NaN where a run has no value.
    """
    values = np.empty((len(curves), len(grid)))
    step = float(grid[1] - grid[0]) if len(grid) > 1 else 1.0
    for row, curve in zip(values, curves, strict=True):
        if smoothing is not None and smoothing.method == "symmetric":
            row[:] = symmetric_ema(curve.x, curve.y, grid, smoothing.amount * step)
            row[(grid < curve.x[0]) | (grid > curve.x[-1])] = np.nan
        else:
            row[:] = np.interp(grid, curve.x, curve.y, left=np.nan, right=np.nan)
    return values
