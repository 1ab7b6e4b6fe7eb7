"""Draw lines with matplotlib: no pyplot, no global setting, no window.

Fonts, sizes and line widths are those of the caller's settings.
"""

from __future__ import annotations

import io
import math
import textwrap
from collections.abc import Sequence
from typing import Any, Final, TypeAlias

import matplotlib as mpl
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.lines import Line2D

from rla.easy_plot.arguments import refused
from rla.easy_plot.estimates import FloatArray
from rla.easy_plot.lines import TIME_STEP, TIMESTAMP, Line
from rla.easy_plot.look import COLORS, MARKERS, MOST_NAMES, STYLES, Look
from rla.errors import ConfigError, PlotDataError

__all__ = ["COLORS", "MARKERS", "MOST_NAMES", "Artists", "Axes", "Figure", "Look", "ShownFigure", "draw"]

Artists: TypeAlias = dict[tuple[str, str], list[Artist]]
"""(Panel, label) -> lines, then bands."""

_PRETTY: Final[Any] = {
    "font.size": 14,
    "axes.labelsize": 16,
    "axes.titlesize": 16,
    "lines.linewidth": 2.2,
}
"""Settings for large letters and thick lines."""
_FEWER: Final = ":"
"""The style of a line where not all runs of its group have values."""
_INSIDE: Final = 6
"""Up to so many names the legend stands inside the axes."""
_MARKS: Final = 12
_PALE: Final = 0.18
_FAINT: Final = 0.09
_WRAPPED: Final = 28
"""Letters in a line of the title of a legend beside the axes."""
_LETTER: Final = 0.075
"""Inches that a letter of a legend takes, about."""
_TEXT_LINE: Final = 0.2
"""Inches that a line of it takes, about."""
_PANEL: Final = (4.8, 3.4)
_WORDS: Final = {TIME_STEP: "time step", TIMESTAMP: "hours since the start"}


class ShownFigure(Figure):
    """A figure that a notebook shows without pyplot."""

    def _repr_png_(self) -> bytes:
        return notebook_png(self)


def notebook_png(figure: Figure) -> bytes:
    """A figure as a notebook shows it."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", bbox_inches="tight")
    return buffer.getvalue()


def draw(
    lines: Sequence[Line],
    x: str,
    band: str,
    look: Look,
    ax: Axes | Sequence[Axes] | None = None,
    shades: Sequence[Line] = (),
) -> tuple[Figure, Artists]:
    """Draw lines.

    Args:
        lines: At least one.
        x: What their x is.
        band: What line and band are, for the legend.
        look: What the figure looks like.
        ax: Axes to draw into, one for each panel; by default a new figure is made.
        shades: The same lines with other bands, of which only these are drawn, fainter.

    Returns:
        The figure, and what was drawn for each panel and label.

    Raises:
        PlotDataError: There are not as many axes as panels.
        ConfigError: There are neither one nor as many labels as panels.
    """
    with mpl.rc_context(_PRETTY if look.pretty else {}):
        return _draw(lines, x, band, look, ax, shades)


def _draw(
    lines: Sequence[Line],
    x: str,
    band: str,
    look: Look,
    ax: Axes | Sequence[Axes] | None,
    shades: Sequence[Line],
) -> tuple[Figure, Artists]:
    panels = list(dict.fromkeys(line.panel for line in lines))
    styles = _styles(lines, look)
    artists: Artists = {}
    entries = _entries(lines, styles, look)
    outside = look.legend == "outside" or (look.legend == "auto" and (len(panels) > 1 or len(entries) > _INSIDE))
    band = textwrap.fill(band, _WRAPPED) if outside else band
    if ax is None:
        texts = [*band.splitlines(), *(f"----- {name}" for name, _ in entries)]
        room = (_LETTER * max(map(len, texts)), _TEXT_LINE * (len(texts) + 2)) if outside else (0.0, 0.0)
        figure, several = _new_figure(len(panels), look, room)
    else:
        figure, several = _given_axes(ax)
    if look.ylabel is not None and not isinstance(look.ylabel, str) and len(look.ylabel) != len(panels):
        message = f"ylabel has {len(look.ylabel)} texts for {len(panels)} panels ({', '.join(panels)})"
        raise ConfigError(message, key="ylabel")
    if len(several) != len(panels):
        raise PlotDataError(f"there are {len(panels)} panels ({', '.join(panels)}) and {len(several)} axes")
    for place, (axes, panel) in enumerate(zip(several, panels, strict=True)):
        mine = [line for line in lines if line.panel == panel]
        for line in mine:
            artists[panel, line.label] = _draw_line(axes, line, styles[line.label], look)
        for line in (shade for shade in shades if shade.panel == panel):
            artists[panel, line.label] += _shade(axes, line, styles[line.label], look, _FAINT)
        _dress(axes, mine, x, look, place, several=len(panels) > 1)
    if look.title:
        (figure.suptitle if len(panels) > 1 and ax is None else several[0].set_title)(look.title)
    if look.legend != "none":
        _add_legend(figure if ax is None else several[-1], entries, band, look, outside=outside)
    return figure, artists


def _given_axes(ax: Axes | Sequence[Axes]) -> tuple[Figure, list[Axes]]:
    """The caller's axes, and the figure that they are in.

    Raises:
        ConfigError: These are no axes.
    """
    several = list(np.asarray(ax, dtype=object).ravel())
    figure = several[0].get_figure(root=True) if several and isinstance(several[0], Axes) else None
    if figure is None or not all(isinstance(each, Axes) for each in several):
        raise refused("ax", ax, "axes of a figure, as plt.subplots() makes them, one for each panel")
    return figure, several


def _new_figure(count: int, look: Look, room: tuple[float, float]) -> tuple[Figure, list[Axes]]:
    """A figure with so many panels, and room for what stands beside them, width and height in inches."""
    columns = {"vertical": 1, "horizontal": count}.get(look.tiling, math.ceil(math.sqrt(count)))
    rows = math.ceil(count / columns)
    width = _PANEL[0] * columns + 0.6 + room[0] * look.legend_columns
    height = max(_PANEL[1] * rows + 0.4, room[1] / look.legend_columns)
    size = look.figsize or (width, height)
    figure = ShownFigure(figsize=size, layout="constrained")
    places = list(figure.subplots(rows, columns, squeeze=False).ravel())
    for empty in places[count:]:
        empty.remove()
    return figure, places[:count]


def _styles(lines: Sequence[Line], look: Look) -> dict[str, dict[str, Any]]:
    """How each label is drawn, the same in all panels."""
    colors, styles = list(look.colors) or list(COLORS), {}
    for place, label in enumerate(dict.fromkeys(line.label for line in lines)):
        styles[label] = {
            "color": colors[place % len(colors)],
            "linestyle": STYLES[place // len(colors) % len(STYLES)],
            "marker": look.markers[place % len(look.markers)] if look.markers else "",
        }
    return styles


def _draw_line(axes: Axes, line: Line, style: dict[str, Any], look: Look) -> list[Artist]:
    every = max(1, len(line.x) // _MARKS)
    marker = style["marker"] or ("o" if len(line.x) == 1 else "")
    shared = {"color": style["color"], "marker": marker, "markevery": every}
    whole, fewer = _parts(line)
    drawn: list[Artist] = [*axes.plot(line.x, whole, linestyle=style["linestyle"], **shared)]
    if np.isfinite(fewer).any():
        drawn += axes.plot(line.x, fewer, linestyle=_FEWER, **shared)
    return drawn + _shade(axes, line, style, look, _PALE)


def _shade(axes: Axes, line: Line, style: dict[str, Any], look: Look, alpha: float) -> list[Artist]:
    """The band, where there is one; on a logarithmic axis as far as it is above zero."""
    low, high = line.summary.low, line.summary.high
    if not np.isfinite(low).any():
        return []
    low = np.where(low > 0, low, np.nan) if look.log else low
    return [axes.fill_between(line.x, low, high, color=style["color"], alpha=alpha, linewidth=0)]


def _parts(line: Line) -> tuple[FloatArray, FloatArray]:
    """The line where all its runs have values, and where fewer have; they meet."""
    few = line.summary.n < line.runs
    beside = few.copy()
    beside[1:] |= few[:-1]
    beside[:-1] |= few[1:]
    estimate = line.summary.estimate
    return np.where(few, np.nan, estimate), np.where(beside, estimate, np.nan)


def _dress(axes: Axes, lines: Sequence[Line], x: str, look: Look, place: int, *, several: bool) -> None:
    """Labels, limits, grid and reference lines of one panel. Recorded names are shown as they are, ``$`` too."""
    for height, color, style, name in look.marks:
        axes.axhline(height, color=color or "#555555", linestyle=style or "--", label=name or "_", linewidth=1.2)
    axes.set_xlabel(_WORDS.get(x, x) if look.xlabel is None else look.xlabel, parse_math=look.xlabel is not None)
    metrics = list(dict.fromkeys(line.metric for line in lines))
    given = look.ylabel if isinstance(look.ylabel, str) or look.ylabel is None else look.ylabel[place]
    axes.set_ylabel(", ".join(metrics) if given is None else given, parse_math=given is not None)
    if several and lines[0].panel not in metrics:
        axes.set_title(lines[0].panel, parse_math=False)
    if look.log:
        axes.set_yscale("log")
    else:
        axes.ticklabel_format(axis="y", style="sci", scilimits=(-4, 5))
    axes.ticklabel_format(axis="x", style="sci", scilimits=(-4, 5))
    axes.set(xlim=look.xlim, ylim=look.ylim)
    axes.grid(visible=True, alpha=0.3, linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)


def _entries(lines: Sequence[Line], styles: dict[str, dict[str, Any]], look: Look) -> list[tuple[str, Line2D]]:
    """What a legend names, with what it shows: lines, as many as can be told apart, and reference lines."""
    entries = [
        (
            _name(label, [line for line in lines if line.label == label], look),
            Line2D([], [], **{**style, "marker": style["marker"] or None}),
        )
        for label, style in list(styles.items())[:MOST_NAMES]
    ]
    if len(styles) > MOST_NAMES:
        entries[-1] = (f"... and {len(styles) - MOST_NAMES + 1} more", Line2D([], [], linestyle=""))
    if any((line.summary.n < line.runs).any() for line in lines):
        entries.append(("fewer runs", Line2D([], [], color="#555555", linestyle=_FEWER)))
    for _, color, style, name in look.marks:
        if name:
            shown: Any = {"color": color or "#555555", "linestyle": style or "--"}
            entries.append((name, Line2D([], [], linewidth=1.2, **shown)))
    return entries


def _add_legend(
    owner: Figure | Axes, entries: Sequence[tuple[str, Line2D]], band: str, look: Look, *, outside: bool
) -> None:
    """One legend for all panels; its title names line and band."""
    place: dict[str, Any] = {"loc": "best"}
    if outside:
        beside = {"loc": "upper left", "bbox_to_anchor": (1.02, 1.0)}
        place = {"loc": "outside right upper"} if isinstance(owner, Figure) else beside
    elif isinstance(owner, Figure):
        owner = owner.axes[-1]
    handles = [handle for _, handle in entries]
    legend = owner.legend(handles, [" "] * len(entries), ncols=look.legend_columns, **place)
    _name_entries(legend, [name for name, _ in entries], band)


def _name_entries(legend: Legend, names: Sequence[str], band: str) -> None:
    """Put the names in afterwards: matplotlib leaves out one that begins with ``_``, and reads ``$`` as mathematics."""
    chosen = mpl.rcParams["legend.fontsize"]
    small = mpl.font_manager.FontProperties(size="small" if chosen == "medium" else chosen)
    for text, name in zip(legend.get_texts(), names, strict=True):
        text.set_parse_math(False)
        text.set_text(name)
        text.set_fontproperties(small)
    legend.set_title(band, prop=small)
    legend.get_frame().set_linewidth(0.0)
    legend.set_alignment("left")


def _name(label: str, lines: Sequence[Line], look: Look) -> str:
    """What the legend calls a line: how many runs it is made of, and where that changes from how many to how many."""
    low = min(int(line.summary.n[line.summary.n > 0].min()) for line in lines)
    high = max(line.runs for line in lines)
    count = f"{high}" if low == high else f"{low} to {high}"
    if not label:
        return f"{count} run{'s' * (high > 1)}"
    return f"{label} (n={count})" if look.show_n else label
