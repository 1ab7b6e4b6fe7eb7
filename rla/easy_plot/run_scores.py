"""The score of each run: one number that stands for how well it did."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np

from rla.errors import ConfigError, PlotDataError
from rla.runs.curves import Curve, RunCurves, read_curves
from rla.runs.run import Run
from rla.runs.unknown import nearest

Score: TypeAlias = Literal["last"] | float
"""``last``: the last recorded value. A number like 0.1: the mean over the last tenth of the run's time steps."""

LAST: Final = "last"


@dataclass(frozen=True)
class RunScore:
    """What one run gave.

    Attributes:
        run: The run.
        value: Its score; NaN where it has none.
        reason: Why it has none, or empty.
    """

    run: Run
    value: float
    reason: str = ""


def run_scores(runs: Sequence[Run], metric: str, score: Score = LAST) -> list[RunScore]:
    """The score of each run, in their order; a run without one says why.

    Args:
        runs: Which.
        metric: What was recorded.
        score: ``last``, or which part of the end of each curve is averaged, as 0.1.

    Raises:
        ConfigError: The score is none of these.
        PlotDataError: No run recorded the metric; the message names the nearest.
    """
    if score == LAST:
        found = [_last_value(run, metric) for run in runs]
        known = {key for run in runs for key in run.summary}
    elif isinstance(score, int | float) and 0 < score <= 1:
        read = read_curves(runs, [metric])
        found = [_end_of_curve(each, metric, float(score)) for each in read]
        known = {key for each in read for key in each.keys}
    else:
        raise ConfigError(f"score is {score!r}; give 'last', or a part of the curve's end, as 0.1", key="score")
    if runs and metric not in known:
        raise PlotDataError(f"no run recorded {metric!r}; {nearest(metric, sorted(known))}", name=metric)
    return found


def end_mean(curve: Curve, part: float) -> float:
    """The mean of the finite values in the last part of a curve.

    Args:
        curve: The curve.
        part: How much of the span of x counts, as 0.1; the last point always does.

    Returns:
        NaN where the curve has no finite value there.
    """
    if not len(curve.x):
        return math.nan
    begins = curve.x[-1] - part * (curve.x[-1] - curve.x[0])
    values = curve.y[curve.x >= begins]
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if len(finite) else math.nan


def _last_value(run: Run, metric: str) -> RunScore:
    if run.row["damaged"]:
        return RunScore(run, math.nan, f"it is damaged: {run.row['damaged']}")
    if metric not in run.summary:
        return RunScore(run, math.nan, f"it recorded no {metric!r}")
    value = run.summary[metric]
    if not isinstance(value, int | float):
        return RunScore(run, math.nan, f"its {metric!r} is no number: {str(value)[:40]!r}")
    return _finite(run, metric, value)


def _end_of_curve(read: RunCurves, metric: str, part: float) -> RunScore:
    if read.damage:
        return RunScore(read.run, math.nan, read.damage)
    if metric not in read.curves:
        return RunScore(read.run, math.nan, f"it recorded no {metric!r}")
    return _finite(read.run, metric, end_mean(read.curves[metric], part))


def _finite(run: Run, metric: str, value: float) -> RunScore:
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if math.isfinite(number):
        return RunScore(run, number)
    return RunScore(run, math.nan, f"its {metric!r} ended as {'NaN' if math.isnan(number) else 'infinity'}")
