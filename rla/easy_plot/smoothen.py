"""The sliding mean of scores, as hermes has it: of the newest values, and as many as were asked for."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike

from rla.easy_plot.estimates import FloatArray
from rla.errors import ConfigError

_CHUNK: Final = 1 << 20
"""How many values of windows are held at a time."""


def smoothen(arr: ArrayLike, window_size: int = 100) -> tuple[FloatArray, FloatArray]:
    """The mean of the last values up to each one, and their standard deviation.

    Args:
        arr: Scores, shape (n,). What is not finite is no value.
        window_size: How many values there are in a window, the newest included. The first ones have
            fewer before them, and then it is of those.

    Returns:
        Means and standard deviations (dividing by the number of values), each of shape (n,); NaN
        where a window has no value.

    Raises:
        ConfigError: The window has no size.
    """
    if window_size < 1:
        raise ConfigError(f"the window has {window_size!r} values; give 1 or more", key="window_size")
    scores = np.asarray(arr, dtype=np.float64).ravel()
    means, deviations = np.full((2, len(scores)), np.nan)
    if not len(scores):
        return means, deviations
    width = min(window_size, len(scores))
    windows = sliding_window_view(np.concatenate([np.full(width - 1, np.nan), scores]), width)
    step = max(1, _CHUNK // width)
    for start in range(0, len(scores), step):
        part = slice(start, start + step)
        means[part], deviations[part] = _moments(windows[part])
    return means, deviations


def _moments(windows: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean and standard deviation of the finite values in each row."""
    there = np.isfinite(windows)
    counts = np.where(there.any(axis=1), there.sum(axis=1), np.nan)
    means = np.where(there, windows, 0.0).sum(axis=1) / counts
    squares = np.where(there, windows - means[:, None], 0.0) ** 2
    return means, np.sqrt(squares.sum(axis=1) / counts)
