"""``rla.plot``: learning curves of stored runs, as a figure and as the numbers in it."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rla.easy_plot.arguments import check_arguments, some, texts
from rla.easy_plot.bands import Band
from rla.easy_plot.lines import Lines, Plan, Scale, make_lines
from rla.easy_plot.smoothing import Smoothing, read_smoothing
from rla.errors import RlaWarning
from rla.runs.run import Run
from rla.runs.selected import Runs, runs_of

if TYPE_CHECKING:
    from rla.easy_plot.data_frame import DataFrame
    from rla.easy_plot.figure import Axes, Figure, Look

SINGLE: Final = "single runs: no average, no band"
"""What the legend says where there is nothing to average."""

_MOST_NOTES: Final = 20


@dataclass(frozen=True)
class Drawing:
    """A figure and what is in it.

    Attributes:
        figure: The figure.
        data: The numbers in it; see :func:`plot`.
        notes: What could not be used, and what is odd, a sentence each.
    """

    figure: Figure
    data: DataFrame
    notes: list[str]


def plot(  # noqa: PLR0913 - one keyword per thing that a figure can be asked for
    runs: Runs | None = None,
    metrics: str | Sequence[str] = (),
    *,
    data_root: str | os.PathLike[str] | None = None,
    group_by: str | Sequence[str] | None = None,
    seeds: str | None = "seed",
    x: str = "time-step",
    band: str | None = "ci95",
    estimate: str = "mean",
    smooth: str | float | Smoothing | None = None,
    align: str = "overlap",
    points: int | None = 1000,
    panels: str | None = "metric",
    ax: Axes | Sequence[Axes] | None = None,
    scale: Mapping[str, Scale] | None = None,
    title: str | None = None,
    xlabel: str | None = None,
    ylabel: str | Sequence[str] | None = None,
    xlim: tuple[float, float] | None = None,
    ylim: tuple[float, float] | None = None,
    log: bool = False,
    figsize: tuple[float, float] | None = None,
    legend: str = "auto",
    colors: Sequence[str] = (),
    markers: bool | Sequence[str] = False,
    show_n: bool = True,
    families: bool = True,
    resamples: int = 1000,
    random_seed: int = 0,
) -> tuple[Figure, DataFrame]:
    """Draw learning curves of stored runs, averaged within groups.

    Args:
        runs: Runs as ``rla.query`` gives them; or a dictionary of its keywords, as ``{"task": "demo"}``;
            or an expression of its ``where``; by default all runs of the database.
        metrics: What was recorded: one key or several.
        data_root: The database; by default it is found by looking upward.
        group_by: The hyperparameters whose values make a group, dotted for nested ones. None means all
            that differ, but the seeds; an empty list, all runs in one curve.
        seeds: The hyperparameter that the runs of a group differ in. The same seed twice is told.
        x: ``time-step``, ``timestamp`` for hours since each run's start, or any recorded key.
        band: ``ci95`` (``ci90``, ...), ``std``, ``stderr``, ``minmax``, or None; see :mod:`rla.easy_plot.bands`.
        estimate: ``mean``, ``iqm`` or ``median``.
        smooth: A width in points, ``"ema:5000"``, ``"window:11"`` or ``"symmetric:2"``; see
            :mod:`rla.easy_plot.smoothing`.
        align: ``overlap`` averages where all runs of a group have values, ``union`` wherever one has.
        points: At how many x values, equally far apart; None for every recorded one.
        panels: ``metric`` for a panel per metric, a hyperparameter for one per value, None for one panel.
        ax: Axes to draw into, one for each panel; by default a new figure is made.
        scale: Metric -> a function that is applied to its values, shape (n,), first.
        title: Above everything.
        xlabel: Below; by default what x is.
        ylabel: At the left, one for all panels or one for each; by default the metric.
        xlim: The first and last x that is shown.
        ylim: The lowest and highest value that is shown.
        log: The values are on a logarithmic axis.
        figsize: Width and height in inches.
        legend: ``auto``, ``inside``, ``outside`` or ``none``.
        colors: Of the lines, in order; by default seven that can be told apart by nearly everybody.
        markers: Also mark the lines, for print without colour; or matplotlib's markers, in order.
        show_n: The legend tells how many runs each line is made of.
        families: Draw runs that go on from each other as one curve: the last of them has it all. Otherwise
            each is a run of its own.
        resamples: Of the bootstrap.
        random_seed: Of the bootstrap.

    Returns:
        The figure, which no window shows: ``figure.savefig(...)``, or look at it in a notebook. And one
        row per point of a line: ``panel``, ``metric``, ``group``, ``x``, ``estimate``, ``low``, ``high``,
        ``n`` (the number of runs behind it) and the keys of the group. ``data.attrs["method"]`` is a
        sentence for the caption.

    Raises:
        PlotDataError: No run is selected, or none has the metric, the x or a key; the nearest names are told.
        ConfigError: An argument is none of the ones above.

    Warns:
        RlaWarning: Runs or values were left out, or something is odd; it lists them.
    """
    check_arguments(locals())
    plan = Plan(
        metrics=texts("metrics", metrics, "return"),
        group_by=None if group_by is None else texts("group_by", group_by, "lr"),
        seeds=seeds,
        x=x,
        band=Band(estimate, band, resamples, random_seed),
        smoothing=read_smoothing(smooth),
        align=align,
        points=points,
        panels=panels,
        scale=scale or {},
        families=families,
    )
    from rla.easy_plot.figure import COLORS, MARKERS, Look  # noqa: PLC0415 - matplotlib takes half a second to import

    look = Look(
        title=title,
        xlabel=xlabel,
        ylabel=ylabel,
        xlim=xlim,
        ylim=ylim,
        log=log,
        figsize=figsize,
        legend=legend,
        colors=some("colors", colors, COLORS),
        markers=(MARKERS if markers else ()) if isinstance(markers, bool) else some("markers", markers, ()),
        show_n=show_n,
    )
    drawing = draw_runs(runs_of(runs, data_root), plan, look, ax)
    warn(drawing.notes)
    return drawing.figure, drawing.data


def draw_runs(runs: Sequence[Run], plan: Plan, look: Look, ax: Axes | Sequence[Axes] | None = None) -> Drawing:
    """Draw runs as planned; see :func:`plot`."""
    return draw_lines(make_lines(runs, plan), plan, look, ax)


def draw_lines(made: Lines, plan: Plan, look: Look, ax: Axes | Sequence[Axes] | None = None) -> Drawing:
    """Draw lines that were made already."""
    from rla.easy_plot.data_frame import lines_frame  # noqa: PLC0415 - pandas takes half a second to import
    from rla.easy_plot.figure import draw  # noqa: PLC0415 - as does matplotlib

    figure, _ = draw(made.lines, plan.x, legend_title(made, str(plan.band)), look, ax)
    return Drawing(figure, lines_frame(made.lines, made.method), made.notes + crowd_notes(made))


def legend_title(made: Lines, band: str) -> str:
    """What line and band are, or that there is nothing to average."""
    return band if any(line.runs > 1 for line in made.lines) else SINGLE


def crowd_notes(made: Lines) -> list[str]:
    """That there are more lines than can be told apart."""
    from rla.easy_plot.figure import MOST_NAMES  # noqa: PLC0415 - matplotlib takes half a second to import

    labels = len({line.label for line in made.lines})
    if labels <= MOST_NAMES:
        return []
    return [f"{labels} lines cannot be told apart, and the legend names {MOST_NAMES - 1}; group by fewer keys"]


def warn(notes: Sequence[str]) -> None:
    """Tell what could not be used as one warning at the caller's caller."""
    if notes:
        more = [f"and {len(notes) - _MOST_NOTES} more"] if len(notes) > _MOST_NOTES else []
        warnings.warn("\n".join([*notes[:_MOST_NOTES], *more]), RlaWarning, stacklevel=3)
