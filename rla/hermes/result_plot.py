"""Draw the numbers of a result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw(values: NDArray[np.float64], name: str, window: int, *, show: bool, ax: Any = None) -> Axes:
    """Draw numbers as a thin line, and their trailing mean as a thick one.

    Args:
        values: Of shape (n,).
        name: What the legend calls them.
        window: How many of them a mean takes in; fewer at the beginning.
        show: Whether to show the figure.
        ax: The axes to draw into; new ones by default.
    """
    axes: Axes = ax if ax is not None else plt.subplots(layout="constrained")[1]
    steps = np.arange(len(values))
    (thin,) = axes.plot(steps, values, alpha=0.3, linewidth=0.8)
    axes.plot(steps, trailing_mean(values, window), color=thin.get_color(), linewidth=1.8, label=name)
    axes.set_xlabel("number")
    axes.set_ylabel(name)
    axes.legend()
    axes.grid(visible=True, alpha=0.3)
    if show:
        plt.show()
    return axes


def trailing_mean(values: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    """The mean of each value and those before it, ``window`` of them at most; values that are no numbers do not count.

    Args:
        values: Of shape (n,).
        window: At least 1.

    Returns:
        Of shape (n,); NaN where a window has no number.
    """
    known = np.isfinite(values)
    sums = np.cumsum(np.concatenate(([0.0], np.where(known, values, 0.0))))
    counts = np.cumsum(np.concatenate(([0], known)))
    last = np.arange(1, len(values) + 1)
    first = np.maximum(last - max(1, window), 0)
    with np.errstate(invalid="ignore"):
        means: NDArray[np.float64] = (sums[last] - sums[first]) / (counts[last] - counts[first])
    return means
