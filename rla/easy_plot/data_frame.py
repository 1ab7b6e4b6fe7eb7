"""The lines of a figure as a table, as pandas has it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from pandas import DataFrame

from rla.easy_plot.estimates import FloatArray
from rla.easy_plot.lines import Line

__all__ = ["COLUMNS", "ONLY_GROUP", "DataFrame", "lines_frame", "on_series"]

COLUMNS: Final = ("panel", "metric", "group", "x", "estimate", "low", "high", "n")
ONLY_GROUP: Final = "all runs"
"""What the group is called where there is only one."""


def on_series(function: Callable[[Any], Any]) -> Callable[[FloatArray], Any]:
    """A function of a pandas Series as one of an array."""
    return lambda values: function(pd.Series(values))


def lines_frame(lines: Sequence[Line], method: str) -> DataFrame:
    """One row per point of a line.

    Args:
        lines: At least one.
        method: How they were made; it becomes ``attrs["method"]``.

    Returns:
        ``panel``, ``metric``, ``group`` (text); ``x``, ``estimate``, ``low``, ``high`` (float64; NaN where
        there is no band); ``n``, the number of runs behind the point (int64); then the keys of the groups
        as text, with ``hp.`` before one that is named like a column before it.
    """
    parts = []
    for line in lines:
        texts = {"panel": line.panel, "metric": line.metric, "group": line.label or ONLY_GROUP}
        keys = {f"hp.{key}" if key in COLUMNS else key: value for key, value in line.group.by_key.items()}
        s = line.summary
        numbers = {"x": line.x, "estimate": s.estimate, "low": s.low, "high": s.high, "n": s.n.astype(np.int64)}
        parts.append(DataFrame({**texts, **numbers, **keys}))
    frame = pd.concat(parts, ignore_index=True)
    frame.attrs["method"] = method
    return frame
