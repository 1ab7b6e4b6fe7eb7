"""``plot_func`` with RLA's arguments, over the same lines and figures as :func:`rla.plot`.

What is the same: which runs, groups, metrics, looks, and where the figure is saved. What is not:

* Nothing is shown. A notebook shows what is returned; ``result.figure`` is the figure.
* Runs need not have recorded at the same steps. Without ``resample`` every recorded step is drawn, and
  between two points of a run its curve is a straight line.
* ``hp_filter_dict`` drops runs that lack a key; RLA kept them.
* Legends name what differs between the groups.
* ``use_buf`` has no effect: what was read is always kept, and never used when the file has changed.
* The scores are there with and without ``pretty``, and for every metric.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np

from rla.core.layout import RESULTS, RootPaths
from rla.easy_plot.arguments import check_arguments, some, texts
from rla.easy_plot.bands import Band
from rla.easy_plot.grouping import Group, group_runs, having
from rla.easy_plot.learning_curves import crowd_notes, legend_title, warn
from rla.easy_plot.lines import Lines, Plan, make_lines
from rla.easy_plot.saving import save_figure
from rla.easy_plot.smoothing import Smoothing
from rla.errors import ConfigError, PlotDataError
from rla.fsio.claim_dir import make_dirs
from rla.runs.query import query
from rla.runs.run import Run

if TYPE_CHECKING:
    from rla.easy_plot.data_frame import DataFrame
    from rla.easy_plot.figure import Artists, Figure, Look

DEFAULT_X_NAME: Final = "time-step"
FOLDER: Final = "easy_plot"

Legend: TypeAlias = Callable[[dict[str, str], list[str], str, bool], str]
Scores: TypeAlias = dict[str, dict[str, tuple[float, float, int]]]

_log = logging.getLogger("rla")


def default_key_to_legend(
    parse_dict: Mapping[str, str], split_keys: Sequence[str], y_name: str, use_y_name: bool = True
) -> str:
    """What a group is called, from its values of the keys and the metric."""
    text = ", ".join(f"{key}={parse_dict[key]}" for key in split_keys)
    return f"{text} eval:{y_name}" if use_y_name else text


class PlotFuncResult(tuple[Any, ...]):  # noqa: SLOT001 - it carries more than the pair
    """What RLA returned, ``(g2lf, score_results)``, and the figure, which a notebook shows.

    Attributes:
        figure: The figure.
        data: The numbers in it, as of :func:`rla.plot`.
        notes: What was left out, and what is odd.
    """

    figure: Figure
    data: DataFrame
    notes: list[str]

    def _repr_png_(self) -> bytes:
        from rla.easy_plot.figure import notebook_png  # noqa: PLC0415 - there is a figure, so it is loaded

        return notebook_png(self.figure)


def plot_func(  # noqa: PLR0913, PLR0917 - the signature is RLA's, and that of its plot_results
    data_root: str | os.PathLike[str],
    task_table_name: str,
    regs: str | Sequence[str],
    split_keys: str | Sequence[str],
    metrics: str | Sequence[str],
    use_buf: bool = False,
    verbose: bool = False,
    summarize_res: bool = True,
    x_bound: float | tuple[float, float] | None = None,
    xlabel: str | None = DEFAULT_X_NAME,
    ylabel: str | Sequence[str] | None = None,
    scale_dict: Mapping[str, Callable[[Any], Any]] | None = None,
    regs2legends: Sequence[str] | None = None,
    hp_filter_dict: Mapping[str, Any] | None = None,
    key_to_legend_fn: Legend | None = None,
    split_by_metrics: bool = True,
    save_name: str | None = None,
    *,
    shaded_err: bool = True,
    shaded_std: bool = False,
    shaded_range: bool = True,
    resample: int = 0,
    smooth_step: float = 1.0,
    vary_len_plot: bool = False,
    legend_outside: bool = True,
    legend_ncol: int = 1,
    skip_legend: bool = False,
    show_number: bool = True,
    bound_line: Sequence[Sequence[Any]] | None = None,
    use_marker: bool = False,
    markers: Sequence[str] | None = None,
    colors: Sequence[str] | None = None,
    pretty: bool = False,
    tiling: str = "symmetric",
    figsize: tuple[float, float] | None = None,
    xlim: tuple[float, float] | None = None,
    ylim: tuple[float, float] | None = None,
    log: bool = False,
    title: str | None = None,
) -> PlotFuncResult:
    """Draw curves of the runs of a task, averaged within groups.

    Args:
        data_root: The database's directory.
        task_table_name: The task.
        regs: Shell patterns, as of :func:`rla.query`'s ``glob``; a run is drawn that fits one of them.
        split_keys: The hyperparameters whose values make a group.
        metrics: What was recorded. A single pattern, key or metric need not be in a list.
        use_buf: No effect; see above.
        verbose: Tell the Python logger ``rla`` each run.
        summarize_res: Tell it each group and its number of runs.
        x_bound: Only steps below it, or from the first to the second.
        xlabel: Below the figure.
        ylabel: At its left; one for all metrics, or one for each.
        scale_dict: Metric -> a function that is applied to its values, a pandas Series.
        regs2legends: One name for each pattern: then each is one curve, and ``split_keys`` do not count.
        hp_filter_dict: Key -> the values, of which a run must have one.
        key_to_legend_fn: Names a group: ``f(values by key, split_keys, metric, whether to name the metric)``.
            Groups of the same name are averaged as one.
        split_by_metrics: A panel for each metric; else all are in one.
        save_name: Save the figure as ``<data_root>/results/easy_plot/<save_name>``, PNG without an ending.
        shaded_err: Shade the mean plus and minus the standard error.
        shaded_std: Shade the mean plus and minus the standard deviation.
        shaded_range: Shade from the lowest to the highest run.
        resample: At how many steps, equally far apart, by symmetric exponential averages; 0 for all
            recorded steps.
        smooth_step: The decay of these averages, in steps of that grid.
        vary_len_plot: Draw wherever one run has values, not only where all of a group have.
        legend_outside: The legend stands beside the axes.
        legend_ncol: In so many columns.
        skip_legend: No legend.
        show_number: The legend has the number of runs.
        bound_line: Horizontal lines, each ``[y, colour, style, name]``.
        use_marker: Mark the lines.
        markers: With these.
        colors: Of the lines, in order.
        pretty: Large letters and thick lines.
        tiling: ``symmetric``, ``vertical`` or ``horizontal``.
        figsize: Inches.
        xlim: The first and last step that is shown.
        ylim: The lowest and highest value that is shown.
        log: A logarithmic axis of values.
        title: Above the figure.

    Returns:
        A pair, as in RLA: what was drawn, by metric (panel) and legend; and the score of each metric and
        legend: mean and standard error at the last point, and the number of runs there. Also a notebook's
        picture, with ``figure``, ``data`` and ``notes``.

    Raises:
        PlotDataError: No run fits, or none has a metric or key.
        ConfigError: An argument cannot be used.
    """
    del use_buf
    check_arguments(locals())
    regs, split_keys = texts("regs", regs, "*"), texts("split_keys", split_keys, "lr")
    metrics = texts("metrics", metrics, "episode_return")
    regs2legends = texts("regs2legends", regs2legends or (), "mine")
    groups = _groups(data_root, task_table_name, regs, split_keys, regs2legends, hp_filter_dict)
    runs = list({run.uid: run for group in groups for run in group.runs}.values())
    _tell(groups, verbose=verbose, summarize=summarize_res)
    plan = Plan(
        metrics=metrics,
        seeds=None,
        band=Band("mean", "stderr"),
        smoothing=Smoothing("symmetric", smooth_step) if resample else None,
        align="union" if vary_len_plot else "overlap",
        points=resample or None,
        panels="metric" if split_by_metrics else None,
        scale=_scales(scale_dict),
        bounds=_bounds(x_bound),
        label=_label(key_to_legend_fn, split_keys, use_y_name=not split_by_metrics) if not regs2legends else None,
    )
    from rla.easy_plot.figure import COLORS, MARKERS, Look  # noqa: PLC0415 - matplotlib takes half a second to import

    look = Look(
        title=title,
        xlabel=None if xlabel == DEFAULT_X_NAME else xlabel,
        ylabel=ylabel,
        xlim=xlim,
        ylim=ylim,
        log=log,
        figsize=figsize,
        legend="none" if skip_legend else "outside" if legend_outside else "inside",
        legend_columns=legend_ncol,
        colors=some("colors", colors, COLORS),
        markers=some("markers", markers, MARKERS) if use_marker else (),
        show_n=show_number,
        tiling=tiling,
        pretty=pretty,
        marks=[(y, color, style, name) for y, color, style, name in bound_line or ()],
    )
    shaded = {"stderr": shaded_err, "std": shaded_std, "minmax": shaded_range}
    bands = [name for name, wanted in shaded.items() if wanted]
    made = make_lines(runs, plan, groups)
    made.notes += crowd_notes(made)
    figure, artists = _draw(runs, plan, groups, look, bands)
    if save_name is not None:
        _save(figure, Path(data_root), save_name)
    warn(made.notes)
    return _result(made, figure, artists)


def _groups(
    data_root: str | os.PathLike[str],
    task: str,
    regs: Sequence[str],
    split_keys: Sequence[str],
    legends: Sequence[str] | None,
    wanted: Mapping[str, Any] | None,
) -> list[Group]:
    """The groups: by the values of the keys, or one for each pattern that has a name.

    Raises:
        PlotDataError: No run fits the patterns and the filter.
        ConfigError: There are not as many names as patterns.
    """
    found = [having(list(query(data_root, task=task, glob=reg)), wanted or {}) for reg in regs]
    if not any(found):
        of = f" with {dict(wanted)}" if wanted else ""
        fits = " or ".join(regs) or "an empty list of patterns"
        hint = "a pattern is a path below the task's, as */*/*/*lr=0.1*; * is all"
        raise PlotDataError(f"no run of task {task!r} fits {fits}{of}; {hint}")
    if not legends:
        every: dict[str, Run] = {run.uid: run for runs in found for run in runs}
        return group_runs(list(every.values()), split_keys)
    if len(legends) != len(regs):
        raise ConfigError(f"regs2legends has {len(legends)} names for {len(regs)} patterns", key="regs2legends")
    return [
        Group({"pattern": reg}, legend, tuple(runs))
        for reg, legend, runs in zip(regs, legends, found, strict=True)
        if runs
    ]


def _label(
    function: Legend | None, split_keys: Sequence[str], *, use_y_name: bool
) -> Callable[[Group, str], str] | None:
    if function is None or function is default_key_to_legend:
        return None
    return lambda group, metric: function(dict(group.by_key), list(split_keys), metric, use_y_name)


def _bounds(x_bound: float | tuple[float, float] | None) -> tuple[float | None, float | None]:
    if isinstance(x_bound, (tuple, list)):
        return x_bound[0], x_bound[1]
    return None, None if x_bound is None else float(np.nextafter(float(x_bound), -np.inf))


def _scales(functions: Mapping[str, Callable[[Any], Any]] | None) -> dict[str, Callable[[Any], Any]]:
    from rla.easy_plot.data_frame import on_series  # noqa: PLC0415 - pandas takes half a second to import

    return {metric: on_series(function) for metric, function in (functions or {}).items()}


def _draw(
    runs: Sequence[Run], plan: Plan, groups: Sequence[Group], look: Look, bands: Sequence[str]
) -> tuple[Figure, Artists]:
    """The first band at its full strength, the others fainter."""
    from rla.easy_plot.figure import draw  # noqa: PLC0415 - matplotlib takes half a second to import

    named = [replace(plan.band, band=name) for name in bands] or [replace(plan.band, band=None)]
    main, *others = [make_lines(runs, replace(plan, band=band), groups) for band in named]
    text = str(named[0]) + "".join(f", {str(band).removeprefix('mean ')}" for band in named[1:])
    return draw(
        main.lines, plan.x, legend_title(main, text), look, shades=[line for each in others for line in each.lines]
    )


def _save(figure: Figure, root: Path, name: str) -> None:
    path = RootPaths(root).kind(RESULTS) / FOLDER / name
    path = path if path.suffix else path.with_suffix(".png")
    if not path.parent.is_dir():
        make_dirs(path.parent)
    save_figure(figure, path, force=True)


def _result(made: Lines, figure: Figure, artists: Artists) -> PlotFuncResult:
    from rla.easy_plot.data_frame import lines_frame  # noqa: PLC0415 - pandas takes half a second to import

    scores: Scores = {}
    for line in made.lines:
        s = line.summary
        last = int(np.flatnonzero(s.n)[-1])
        error = float(s.high[last] - s.estimate[last])
        scores.setdefault(line.metric, {})[line.label] = (float(s.estimate[last]), error, int(s.n[last]))
    result = PlotFuncResult((artists, scores))
    result.figure, result.data, result.notes = figure, lines_frame(made.lines, made.method), made.notes
    return result


def _tell(groups: Sequence[Group], *, verbose: bool, summarize: bool) -> None:
    for group in groups:
        if summarize:
            _log.info("%s: %d runs", group.label or "all runs", len(group.runs))
        for run in group.runs if verbose else ():
            _log.info("  %s %s", run.uid, run.tracked)
