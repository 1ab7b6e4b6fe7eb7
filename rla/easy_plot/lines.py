"""From stored runs to the lines of a figure: read, group, smooth, put on one axis, average.

Nothing is dropped in silence: what could not be used is in the notes that come with the lines.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np

from rla.easy_plot.bands import Band, Summary
from rla.easy_plot.common_grid import common_grid, on_grid
from rla.easy_plot.estimates import FloatArray
from rla.easy_plot.grouping import Group, check_seeds, group_runs, merge_alike, seed_notes
from rla.easy_plot.smoothing import Smoothing
from rla.errors import ConfigError, PlotDataError
from rla.runs.curves import Curve, RunCurves, read_curves
from rla.runs.lineage import last_of_families
from rla.runs.run import Run
from rla.runs.unknown import nearest

TIME_STEP: Final = "time-step"
TIMESTAMP: Final = "timestamp"
BY_METRIC: Final = "metric"
_HOUR: Final = 3600.0
_TOLD: Final = 0.125
"""Where more than this part of what the runs of a group cover is not drawn, it is told; ends always differ a little."""

_NAMED: Final = 5
"""So many runs or lines a note names."""

Scale = Callable[[FloatArray], Any]


@dataclass(frozen=True)
class Plan:
    """What lines are made of.

    Attributes:
        metrics: What was recorded.
        group_by: Keys of the groups; None for all hyperparameters that differ.
        seeds: The key that runs of a group differ in, or None.
        x: ``time-step``, ``timestamp`` (hours since the run's start), or another recorded key.
        band: The average and its band.
        smoothing: Before averaging, or None.
        align: ``overlap`` or ``union``.
        points: Of the common grid, or None for every recorded x.
        panels: ``metric``, a hyperparameter, or None for one panel.
        scale: Metric -> a function of its values.
        bounds: The lowest and the highest x that count; None for no bound.
        label: Names a group instead of its own label; it gets the group and the metric.
        families: Runs that go on from each other are one training: only the last of them, which has the
            whole curve, is drawn.
    """

    metrics: Sequence[str]
    group_by: Sequence[str] | None = None
    seeds: str | None = "seed"
    x: str = TIME_STEP
    band: Band = field(default_factory=Band)
    smoothing: Smoothing | None = None
    align: str = "overlap"
    points: int | None = 1000
    panels: str | None = BY_METRIC
    scale: Mapping[str, Scale] = field(default_factory=dict)
    bounds: tuple[float | None, float | None] = (None, None)
    label: Callable[[Group, str], str] | None = None
    families: bool = True

    def __post_init__(self) -> None:
        """Refuse what has no meaning.

        Raises:
            ConfigError: The decay is in points of a grid, and there is no grid.
        """
        if self.is_resampled() and self.points is None:
            raise ConfigError("smooth='symmetric' decays over points of a grid; say how many points", key="points")

    def is_resampled(self) -> bool:
        """Whether the values on the grid are averages of recorded points, and not on the lines between them."""
        return self.smoothing is not None and self.smoothing.method == "symmetric"


@dataclass(frozen=True)
class Line:
    """The runs of one group in one panel.

    Attributes:
        panel: The panel's name.
        metric: What was recorded.
        label: What the group is called in the legend; empty when there is only one.
        group: The group.
        x: Shape (points,), rising.
        summary: The values there.
        runs: How many runs it is made of.
    """

    panel: str
    metric: str
    label: str
    group: Group
    x: FloatArray
    summary: Summary
    runs: int


@dataclass
class Lines:
    """Everything that a figure shows.

    Attributes:
        lines: In the order of panels, metrics and groups.
        notes: What could not be used, and what is odd, a sentence each.
        method: How the lines were made, for a caption.
    """

    lines: list[Line]
    notes: list[str]
    method: str


def make_lines(runs: Sequence[Run], plan: Plan, groups: Sequence[Group] | None = None) -> Lines:
    """The lines of some runs.

    Args:
        runs: At least one.
        plan: What the lines are made of.
        groups: Which runs belong together, when that is known already.

    Raises:
        PlotDataError: No run has a metric, the x or a key; or nothing is left to draw.
    """
    if not plan.metrics:
        raise PlotDataError("no metric is named; name one that was recorded, as episode_return")
    if plan.families:
        runs = last_of_families(runs)
        groups = None if groups is None else [_within(group, runs) for group in groups]
    check_seeds(runs, plan.seeds)
    panel_of = _panels(runs, plan)
    if groups is None:
        apart = {key for key in (plan.seeds, plan.panels) if key is not None}
        groups = group_runs(runs, plan.group_by, apart)
    read = read_curves(runs, list(dict.fromkeys(plan.metrics)), plan.x)
    _check_names(read, plan)
    notes = _Notes()
    usable = {
        (each.run.uid, metric): curve
        for each in read
        for metric in plan.metrics
        if (curve := _usable(each, metric, plan, notes)) is not None
    }
    lines = []
    for panel in dict.fromkeys(panel_of.values()):
        for metric in dict.fromkeys(plan.metrics):
            for group in _named(groups, metric, plan):
                there = [run for run in group.runs if panel_of[run.uid] == panel and (run.uid, metric) in usable]
                line = _line(replace(group, runs=tuple(there)), panel, metric, usable, plan, notes)
                lines += [] if line is None else [line]
    if not lines:
        raise PlotDataError(f"there is nothing to draw: {'; '.join(notes.texts()) or 'no run has a value'}")
    return Lines(lines, [*notes.texts(), *_cut_notes(lines, usable)], _method(plan))


class _Notes:
    """Sentences, each once, with how many runs they are about."""

    def __init__(self) -> None:
        self._runs: dict[str, list[str]] = {}

    def add(self, text: str, run: Run | None = None) -> None:
        self._runs.setdefault(text, []).extend([] if run is None else [run.uid[:8]])

    def texts(self) -> list[str]:
        return [_listed(text, uids) for text, uids in self._runs.items()]


def _listed(text: str, uids: Sequence[str]) -> str:
    if not uids:
        return text
    return f"run{'s' * (len(uids) > 1)} {_some(uids, ', ')}: {text}"


def _some(texts: Sequence[str], between: str) -> str:
    """The first texts, and how many more there are."""
    more = f" and {len(texts) - _NAMED} more" if len(texts) > _NAMED else ""
    return between.join(texts[:_NAMED]) + more


def _within(group: Group, runs: Sequence[Run]) -> Group:
    """A group without the runs that are not among these."""
    kept = {run.uid for run in runs}
    return replace(group, runs=tuple(run for run in group.runs if run.uid in kept))


def _named(groups: Sequence[Group], metric: str, plan: Plan) -> list[Group]:
    """The groups by the names that the caller gives them; several with one name are one."""
    if plan.label is not None:
        groups = [replace(group, label=plan.label(group, metric)) for group in groups]
    return merge_alike(groups)


def _panels(runs: Sequence[Run], plan: Plan) -> dict[str, str]:
    """Each run's panel; where metrics have panels of their own, that is decided later."""
    if plan.panels in {None, BY_METRIC}:
        return {run.uid: "" for run in runs}
    assert plan.panels is not None
    by_value = group_runs(runs, [plan.panels])
    return {run.uid: group.by_key[plan.panels] for group in by_value for run in group.runs}


def _check_names(read: Sequence[RunCurves], plan: Plan) -> None:
    """That some run recorded each key.

    Raises:
        PlotDataError: None did; the message has the nearest names.
    """
    known = Counter(key for each in read for key in each.keys)
    damage = next((each.damage for each in read if each.damage), "")
    for name in (*plan.metrics, plan.x):
        if name not in known:
            reason = nearest(name, known) if known or not damage else damage
            raise PlotDataError(f"no run recorded {name!r}; {reason}", name=name)


def _usable(read: RunCurves, metric: str, plan: Plan, notes: _Notes) -> Curve | None:
    """The finite points of a run's curve, scaled and smoothed; None when there is none."""
    if read.damage:
        notes.add(f"left out: {read.damage}", read.run)
        return None
    if metric not in read.curves:
        notes.add(f"left out of {metric}: nothing was recorded under that name over {plan.x}", read.run)
        return None
    x, y = read.curves[metric]
    if metric in plan.scale:
        y = _scaled(plan.scale[metric], metric, y)
    finite = np.isfinite(y) & np.isfinite(x)
    if not finite.all():
        notes.add(f"{int((~finite).sum())} of {len(y)} values of {metric} are no finite numbers and left out", read.run)
        x, y = x[finite], y[finite]
    if plan.x == TIMESTAMP and len(x):
        x = (x - min(float(read.run.row["started"] or x[0]), float(x[0]))) / _HOUR
    low, high = plan.bounds
    within = (x >= (-np.inf if low is None else low)) & (x <= (np.inf if high is None else high))
    x, y = x[within], y[within]
    if not len(x):
        notes.add(f"left out of {metric}: it has no value there yet", read.run)
        return None
    return Curve(x, y if plan.smoothing is None else plan.smoothing.before(x, y))


def _scaled(scale: Scale, metric: str, y: FloatArray) -> FloatArray:
    """The values as a caller's function makes them.

    Raises:
        PlotDataError: There are not as many as before.
    """
    values = np.asarray(scale(y), dtype=np.float64)
    if values.shape != y.shape:
        message = f"the scale of {metric} made shape {values.shape} of {y.shape}; it must give a value for each"
        raise PlotDataError(message, name=metric)
    return values


def _line(
    group: Group, panel: str, metric: str, usable: Mapping[tuple[str, str], Curve], plan: Plan, notes: _Notes
) -> Line | None:
    if not group.runs:
        return None
    label = group.label
    curves = [usable[run.uid, metric] for run in group.runs]
    grid = common_grid(curves, plan.align, plan.points, even=plan.is_resampled())
    if not len(grid):
        notes.add(
            f"{metric} of {label or 'all runs'} is left out: its runs have no {plan.x} in common; ask for the union"
        )
        return None
    if plan.panels == BY_METRIC or panel:
        for note in seed_notes(group, plan.seeds):
            notes.add(note)
    summary = plan.band.summary(on_grid(curves, grid, plan.smoothing))
    several = len(set(plan.metrics)) > 1
    if plan.panels == BY_METRIC:
        panel = metric
    elif several and plan.panels is None and plan.label is None:
        label = f"{label}, {metric}" if label else metric
    elif several and plan.panels is not None:
        panel = f"{panel}: {metric}"
    return Line(panel, metric, label, group, grid, summary, len(curves))


def _cut_notes(lines: Sequence[Line], usable: Mapping[tuple[str, str], Curve]) -> list[str]:
    """Which lines lack much of what their runs cover, because not all runs of the group have values there."""
    cut: dict[str, list[str]] = {}
    for line in lines:
        curves = [usable[run.uid, line.metric] for run in line.group.runs]
        first, last = min(float(curve.x[0]) for curve in curves), max(float(curve.x[-1]) for curve in curves)
        if line.x[-1] - line.x[0] < (1 - _TOLD) * (last - first):
            drawn = f"{line.x[0]:.6g} to {line.x[-1]:.6g} of {first:.6g} to {last:.6g}"
            cut.setdefault(line.metric, []).append(f"{line.label or 'all runs'}: {drawn}")
    return [
        f"{metric} is drawn only where all runs of a group have values ({_some(parts, '; ')}); ask for the union"
        for metric, parts in cut.items()
    ]


def _method(plan: Plan) -> str:
    """How the lines were made, in sentences."""
    parts = [f"Line and band: {plan.band}" + (f" ({plan.band.resamples} resamples)." if plan.band.level else ".")]
    if plan.smoothing is not None and not plan.is_resampled():
        parts.append(f"Each run smoothed before that: {plan.smoothing}.")
    over = "where all runs of a group have values" if plan.align == "overlap" else "wherever a run has values"
    where = "at every recorded x" if plan.points is None else f"at up to {plan.points} x values"
    between = (
        plan.smoothing if plan.smoothing is not None and plan.smoothing.method == "symmetric" else "straight lines"
    )
    parts.append(f"Averaged {where}, {over}; between recorded points: {between}.")
    return " ".join(parts)
