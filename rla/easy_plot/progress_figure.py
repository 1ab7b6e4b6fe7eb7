"""The picture of one training's progress."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from rla.easy_plot.estimates import FloatArray
from rla.easy_plot.figure import Axes, Figure, ShownFigure

_EPSILON_COLOR: Final = "0.35"
_BEST_COLOR: Final = "k"


@dataclass(frozen=True)
class Progress:
    """What is drawn; see :func:`rla.easy_plot.training_progress.plot_training_progress`.

    Attributes:
        scores: Of each episode, shape (n,).
        means: Their sliding mean, shape (n,).
        epsilons: Of each episode, shape (n,), or None for no axis.
        window_length: How many episodes the mean is of.
        figsize: Inches.
        fontsize: Points.
        colors: Of the dots and of the mean.
        score_range: What is shown of the scores, or None for all.
        epsilon_range: What is shown of epsilon, or None for all.
        axis_gap: How much more, as a part of the range.
        mark_best: Whether the highest score is marked.
        legend: Whether there is one.
        many: The dots are a picture within a PDF.
    """

    scores: FloatArray
    means: FloatArray
    epsilons: FloatArray | None
    window_length: int
    figsize: tuple[float, float]
    fontsize: float
    colors: tuple[str, str]
    score_range: tuple[float, float] | None
    epsilon_range: tuple[float, float] | None
    axis_gap: float
    mark_best: bool
    legend: bool
    many: bool


def draw_progress(progress: Progress, ax: Axes | None = None) -> Figure:
    """Draw it, into some axes or a new figure, and give the figure."""
    if ax is None:
        figure: Figure = ShownFigure(figsize=progress.figsize, layout="constrained")
        ax = figure.subplots()
    else:
        root = ax.get_figure(root=True)
        assert root is not None, "axes that are in no figure"
        figure = root
    episodes = np.arange(1, len(progress.scores) + 1)
    handles = _draw_scores(ax, episodes, progress)
    if progress.mark_best:
        handles.append(_mark_best(ax, episodes, progress))
    if progress.epsilons is not None:
        handles.append(_draw_epsilons(ax, episodes, progress))
    if progress.legend:
        _legend(ax, handles, progress)
    return figure


def _draw_scores(ax: Axes, episodes: Any, progress: Progress) -> list[Any]:
    dots = ax.scatter(
        episodes,
        progress.scores,
        s=progress.fontsize,
        color=progress.colors[0],
        alpha=0.6,
        linewidths=0,
        rasterized=progress.many,
        label="score",
    )
    label = f"mean of {progress.window_length} episodes"
    (line,) = ax.plot(episodes, progress.means, color=progress.colors[1], linewidth=2, label=label)
    ax.set_xlabel("episode", fontsize=progress.fontsize)
    ax.set_ylabel("score", fontsize=progress.fontsize)
    ax.tick_params(labelsize=progress.fontsize * 0.8)
    ax.set_ylim(_limits(progress.scores, progress.score_range, progress.axis_gap))
    ax.grid(visible=True, alpha=0.3, linewidth=0.6)
    ax.spines["top"].set_visible(False)
    ax.spines["right"].set_visible(progress.epsilons is not None)
    return [dots, line]


def _mark_best(ax: Axes, episodes: Any, progress: Progress) -> Any:
    best = int(np.nanargmax(np.where(np.isfinite(progress.scores), progress.scores, np.nan)))
    value = progress.scores[best]
    (mark,) = ax.plot(
        episodes[best],
        value,
        marker="*",
        markersize=progress.fontsize,
        color=_BEST_COLOR,
        linestyle="",
        clip_on=False,
        label=f"best: {value:.6g} in episode {episodes[best]}",
    )
    return mark


def _draw_epsilons(ax: Axes, episodes: Any, progress: Progress) -> Any:
    assert progress.epsilons is not None
    right = ax.twinx()
    (line,) = right.plot(episodes, progress.epsilons, color=_EPSILON_COLOR, linestyle="--", label="epsilon")
    right.set_ylabel("epsilon", fontsize=progress.fontsize, color=_EPSILON_COLOR)
    right.tick_params(labelsize=progress.fontsize * 0.8, colors=_EPSILON_COLOR)
    right.set_ylim(_limits(progress.epsilons, progress.epsilon_range, progress.axis_gap))
    right.spines["top"].set_visible(False)
    return line


def _legend(ax: Axes, handles: list[Any], progress: Progress) -> None:
    """Above the axes, where it covers nothing."""
    ax.legend(
        handles=handles,
        loc="lower center",
        bbox_to_anchor=(0.5, 1.0),
        ncols=2,
        frameon=False,
        fontsize=progress.fontsize * 0.8,
    )


def _limits(values: FloatArray, given: tuple[float, float] | None, gap: float) -> tuple[float, float]:
    """What is shown: the range that was asked for, or all values, and a gap above and below."""
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if given is None and len(finite) else given or (0.0, 1.0)
    more = gap * ((high - low) or abs(high) or 1.0)
    return low - more, high + more
