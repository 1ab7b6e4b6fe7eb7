"""Make a curve smoother, by a stated method. What is not finite must have been left out before.

=====================  ==================================================================================
``"ema:5000"``         an exponential moving average that forgets with a decay length of 5000 on the x axis
``"window:11"``, 11    the mean of 11 recorded points, the middle one at the centre
``"symmetric:2"``      resampled by a two-sided exponential average with a decay of 2 points of the grid
=====================  ==================================================================================

Averages are of what there is: they start with the first value, not with zero, and at an end a window
holds the points on its other side and those that are left on this one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from rla.easy_plot.estimates import FloatArray
from rla.errors import ConfigError

METHODS: Final = ("ema", "window", "symmetric")
_FAINTEST: Final = 1e-8
"""A weight below this is none: nothing was recorded near there."""


@dataclass(frozen=True)
class Smoothing:
    """How to smooth.

    Attributes:
        method: One of :data:`METHODS`.
        amount: The decay in units of x, the width in points, or the decay in points of the grid.
    """

    method: str
    amount: float

    def before(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """The recorded points of one run, smoothed; shape (n,). ``symmetric`` leaves them as they are."""
        if self.method == "ema":
            return ema(x, y, self.amount)
        return window(y, int(self.amount)) if self.method == "window" else y

    def __str__(self) -> str:
        if self.method == "ema":
            return f"exponential moving average, decay {self.amount:g}"
        if self.method == "window":
            return f"centred window of {self.amount:g} points"
        return f"symmetric exponential average, decay {self.amount:g} grid points"


def read_smoothing(given: str | float | Smoothing | None) -> Smoothing | None:
    """What a caller means by ``smooth``; see the table above.

    Raises:
        ConfigError: It is none of these.
    """
    if given is None or isinstance(given, Smoothing):
        return given
    method, _, amount = str(given).partition(":") if isinstance(given, str) else ("window", "", str(given))
    if amount == "" and method.replace(".", "", 1).isdigit():
        method, amount = "window", method
    try:
        number = float(amount)
    except ValueError:
        number = np.nan
    whole = method != "window" or (number >= 1 and number.is_integer())
    if method not in METHODS or not (0 < number < np.inf) or not whole:
        message = f"smooth is {given!r}; give a width in points as 11, 'ema:5000', 'window:11' or 'symmetric:2'"
        raise ConfigError(message, key="smooth", allowed=METHODS)
    return None if (method, number) == ("window", 1) else Smoothing(method, number)


def ema(x: FloatArray, y: FloatArray, decay: float) -> FloatArray:
    r"""The average of all values so far, each weighing :math:`e^{-d/decay}` at a distance d on the x axis.

    Args:
        x: Rising, shape (n,).
        y: Finite, shape (n,).
        decay: In units of x.

    Source: https://arxiv.org/abs/1412.6980, section 3, for dividing by the sum of the weights, so that
    the first values are not drawn towards zero.
    """
    return _decayed(x, y, decay) / _decayed(x, np.ones_like(y), decay)


def window(y: FloatArray, width: int) -> FloatArray:
    """The mean of ``width`` neighbouring points; near an end of those that exist.

    An even width has one point more behind than ahead. Shape (n,) like ``y``.
    """
    ahead = (width - 1) // 2
    behind = width - 1 - ahead
    ahead, behind = min(ahead, len(y)), min(behind, len(y))
    return _window_sums(y, behind, ahead) / _window_sums(np.ones_like(y), behind, ahead)


def _window_sums(y: FloatArray, behind: int, ahead: int) -> FloatArray:
    """The sum of each value with those behind and ahead of it, shape (n,), made of sums of 1, 2, 4, ... values.

    Nothing is subtracted, as running sums would be: so one huge value spoils no window that it is not in.
    """
    pieces = np.concatenate([np.zeros(behind), y, np.zeros(ahead)])
    sums, width, size, start = np.zeros(len(y)), behind + 1 + ahead, 1, 0
    while width:
        if width & 1:
            sums += pieces[start : start + len(y)]
            start += size
        pieces = pieces[:-size] + pieces[size:]
        size, width = 2 * size, width >> 1
    return sums


def symmetric_ema(x: FloatArray, y: FloatArray, grid: FloatArray, decay: float) -> FloatArray:
    r"""Values on a grid: means of all points, each weighing :math:`e^{-d/decay}` at a distance d on either side.

    Args:
        x: Rising, shape (n,).
        y: Finite, shape (n,).
        grid: Rising, shape (points,).
        decay: In units of x.

    Returns:
        Shape (points,); NaN where all of x is far away.

    Source: https://github.com/openai/baselines/blob/master/baselines/common/plot_util.py, ``symmetric_ema``:
    the exponential averages from the left and from the right, weighed by how much each has seen. A point
    that lies on the grid is seen from both sides, and counts twice there.
    """
    above = np.stack([y, np.ones_like(y)])
    seen = _from_the_left(x, above, grid, decay)
    seen += _from_the_left(-x[::-1], above[:, ::-1], -grid[::-1], decay)[:, ::-1]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(seen[1] > _FAINTEST, seen[0] / seen[1], np.nan)


def _from_the_left(x: FloatArray, values: FloatArray, grid: FloatArray, decay: float) -> FloatArray:
    """The decayed sums of values at or before each point of a grid, shape (2, points)."""
    sums = np.stack([_decayed(x, each, decay) for each in values])
    last = np.searchsorted(x, grid, side="right") - 1
    faded = np.exp(-np.maximum(grid - x[last], 0.0) / decay)
    result: FloatArray = np.where(last >= 0, sums[:, last] * faded, 0.0)
    return result


def _decayed(x: FloatArray, y: FloatArray, decay: float) -> FloatArray:
    """The sums s[i] = y[i] + s[i-1] * exp(-(x[i] - x[i-1]) / decay), shape (n,), in log2(n) steps over whole arrays.

    Source: W. D. Hillis and G. L. Steele, "Data parallel algorithms", CACM 29 (1986), 1170-1183: in each
    step every element takes in the sum that ends twice as far back as before.
    """
    sums = y.astype(np.float64, copy=True)
    factors = np.exp(-np.diff(x, prepend=x[:1]) / decay)
    reach = 1
    while reach < len(sums):
        sums[reach:] += factors[reach:] * sums[:-reach]
        factors[reach:] *= factors[:-reach]
        reach *= 2
    return sums
