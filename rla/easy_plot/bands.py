"""The line that stands for a group of runs, and the band around it.

============  ====================================================================================
``"ci95"``    the 95 % bootstrap interval of the estimate; ``ci90`` and so on likewise
``"std"``     the estimate plus and minus the standard deviation of the runs (n - 1 in its divisor)
``"stderr"``  the same with the standard error, the standard deviation divided by the root of n
``"minmax"``  from the lowest to the highest run
``None``      no band
============  ====================================================================================

One run has no band: nothing is known of how runs differ.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

import numpy as np

from rla.easy_plot.estimates import ESTIMATES, FloatArray, IntArray
from rla.easy_plot.pointwise import pointwise_count, pointwise_estimate, pointwise_interval
from rla.easy_plot.resampling import FEWEST
from rla.errors import ConfigError

BANDS: Final = ("ci95", "std", "stderr", "minmax")
_INTERVAL: Final = re.compile(r"ci(\d{1,2}(?:\.\d+)?)")


@dataclass(frozen=True)
class Summary:
    """Several runs as one line; every array has shape (points,).

    Attributes:
        estimate: The average; NaN where no run has a value.
        low: The lower edge of the band; NaN where there is none.
        high: Its upper edge.
        n: How many runs have a value.
    """

    estimate: FloatArray
    low: FloatArray
    high: FloatArray
    n: IntArray


@dataclass(frozen=True)
class Band:
    """How runs become a line.

    Attributes:
        estimate: ``mean``, ``median`` or ``iqm``.
        band: One of the table above, or None.
        resamples: Of the bootstrap.
        seed: Of the bootstrap.
    """

    estimate: str = "mean"
    band: str | None = "ci95"
    resamples: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be done.

        Raises:
            ConfigError: There is no such estimate or band.
        """
        if self.estimate not in ESTIMATES:
            message = f"there is no estimate {self.estimate!r}; choose one of {', '.join(ESTIMATES)}"
            raise ConfigError(message, key="estimate", allowed=ESTIMATES)
        if self.band is not None and self.band not in BANDS and not self.level:
            message = f"there is no band {self.band!r}; choose one of {', '.join(BANDS)}, or None"
            raise ConfigError(message, key="band", allowed=BANDS)

    @property
    def level(self) -> float | None:
        """The level of an interval, as 0.95; None for other bands."""
        match = _INTERVAL.fullmatch(self.band or "")
        return float(match[1]) / 100 or None if match else None

    def summary(self, values: FloatArray) -> Summary:
        """The line of some runs.

        Args:
            values: Shape (runs, points); NaN where a run has no value.
        """
        middle, counts = pointwise_estimate(values, self.estimate), pointwise_count(values)
        low, high = self._edges(values, middle, counts)
        few = counts < FEWEST
        return Summary(middle, np.where(few, np.nan, low), np.where(few, np.nan, high), counts)

    def _edges(self, values: FloatArray, middle: FloatArray, counts: IntArray) -> tuple[FloatArray, FloatArray]:
        if self.level is not None:
            return pointwise_interval(values, self.estimate, self.level, self.resamples, self.seed)
        there = np.isfinite(values)
        if self.band == "minmax":
            return np.where(there, values, np.inf).min(axis=0), np.where(there, values, -np.inf).max(axis=0)
        if self.band is None:
            return np.full_like(middle, np.nan), np.full_like(middle, np.nan)
        mean = pointwise_estimate(values, "mean")
        squares = np.where(there, values - mean, 0.0) ** 2
        spread = np.sqrt(squares.sum(axis=0) / np.maximum(counts - 1, 1))
        if self.band == "stderr":
            spread = spread / np.sqrt(np.maximum(counts, 1))
        return middle - spread, middle + spread

    def __str__(self) -> str:
        name = {"mean": "mean", "median": "median", "iqm": "interquartile mean"}[self.estimate]
        if self.band is None:
            return name
        if self.level is not None:
            return f"{name}, {self.level * 100:g} % bootstrap interval"
        text = {"std": "± standard deviation", "stderr": "± standard error", "minmax": "and lowest to highest run"}
        return f"{name} {text[self.band]}"
