"""Three plots in one call each, saved into the run's ``results`` directory.

::

    from rla.easy_log import simple_mat_plot

    simple_mat_plot.simple_plot("losses", data=[actor, critic], labels=["actor", "critic"], xlabel="update")

The file is ``<results>/<name>.png``, or ``.pdf`` when ``pretty``; an ending in the name decides
otherwise. There is no time step in it. ``save_path`` is another directory, or, where it ends in a
format, the file. For ``cover``, and for what happens when something goes wrong, see
:mod:`rla.easy_log.complex_data_recorder`. matplotlib's backend and settings stay as they are.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from rla.artifacts.pictures import figures
from rla.artifacts.pictures.images import to_array
from rla.artifacts.pictures.result_file import write_result
from rla.easy_log.result_target import result_target

SavePath = str | os.PathLike[str] | None


def simple_plot(  # noqa: PLR0913, PLR0917 - the signature is RLA's
    name: str,
    data: Any = None,
    x: Any = None,
    y: Any = None,
    labels: Sequence[str] | str | None = None,
    pretty: bool = False,
    xlabel: str = "",
    ylabel: str = "",
    colors: Sequence[Any] | None = None,
    styles: Sequence[str] | None = None,
    cover: bool = False,
    title: str | None = None,
    legend_outside: bool = False,
    save_path: SavePath = None,
    *args: Any,
    **kwargs: Any,
) -> Path | None:
    """Draw lines.

    Args:
        name: What to call the file.
        data: The heights of one line, shape (N,), or of several: a sequence of these, of any lengths.
        x: Where they stand: one array for all lines, or one for each; without it 0, 1, 2, ...
        y: Another name for ``data``.
        labels: One per line, for the legend.
        pretty: Draw for a paper, into a PDF.
        xlabel: Below.
        ylabel: At the left.
        colors: One per line.
        styles: One per line, as ``"-"``, ``"--"``, ``":"``.
        cover: Replace a file of the same name.
        title: Above.
        legend_outside: Put the legend at the right of the axes.
        save_path: A directory or a file instead of the run's results directory.
        args: For ``Axes.plot``, behind the values.
        kwargs: For ``Axes.plot``.

    Returns:
        The file, or None when there is none.

    Raises:
        NotConfiguredError: No run was started, and ``save_path`` is not given.
    """

    def plot(axes: figures.Axes) -> None:
        heights = _several(data if data is not None else y)
        places = _several(x) if x is not None else [range(len(one)) for one in heights]
        if len(places) == 1:
            places *= len(heights)
        for index, (place, height) in enumerate(zip(places, heights, strict=True)):
            style = _given(label=_nth(labels, index), color=_nth(colors, index), linestyle=_nth(styles, index))
            axes.plot(place, height, *args, **{**style, **kwargs})

    look = figures.Look(xlabel, ylabel, title or "", legend_outside, pretty)
    return _save("simple_plot", name, plot, look, cover=cover, save_path=save_path)


def simple_scatter(  # noqa: PLR0913, PLR0917 - the signature is RLA's
    name: str,
    datas: Iterable[Any],
    texts: Sequence[str] | str | None = None,
    pretty: bool = False,
    xlabel: str = "",
    ylabel: str = "",
    cover: bool = False,
    save_path: SavePath = None,
    *args: Any,
    **kwargs: Any,
) -> Path | None:
    """Draw points.

    Args:
        name: What to call the file.
        datas: Points, shape (N, 2); or groups of points, each of that shape and with its own colour.
        texts: For points one each, written beside it; for groups one each, in the legend.
        pretty: Draw for a paper, into a PDF.
        xlabel: Below.
        ylabel: At the left.
        cover: Replace a file of the same name.
        save_path: A directory or a file instead of the run's results directory.
        args: For ``Axes.scatter``, behind the values.
        kwargs: For ``Axes.scatter``.

    Returns:
        The file, or None when there is none.

    Raises:
        NotConfiguredError: No run was started, and ``save_path`` is not given.
    """

    def plot(axes: figures.Axes) -> None:
        groups = [to_array(one) for one in datas]
        if groups and groups[0].ndim == 1:
            points = to_array(groups)
            axes.scatter(points[:, 0], points[:, 1], *args, **kwargs)
            for point, text in zip(points, _as_list(texts), strict=False):
                axes.annotate(str(text), point, xytext=(5, 5), textcoords="offset points")
            return
        for index, group in enumerate(groups):
            axes.scatter(group[:, 0], group[:, 1], *args, **{**_given(label=_nth(texts, index)), **kwargs})

    return _save(
        "simple_scatter", name, plot, figures.Look(xlabel, ylabel, pretty=pretty), cover=cover, save_path=save_path
    )


def simple_hist(  # noqa: PLR0913, PLR0917 - the signature is RLA's
    name: str,
    data: Any,
    labels: Sequence[str] | str | None = None,
    pretty: bool = False,
    xlabel: str = "",
    ylabel: str = "",
    title: str | None = None,
    colors: Sequence[Any] | None = None,
    styles: Sequence[str] | None = None,
    cover: bool = False,
    save_path: SavePath = None,
    *args: Any,
    **kwargs: Any,
) -> Path | None:
    """Draw how values are distributed; NaN and infinities are left out.

    Args:
        name: What to call the file.
        data: Values, shape (N,); or several sets of them, which share their bins.
        labels: One per set, for the legend.
        pretty: Draw for a paper, into a PDF.
        xlabel: Below.
        ylabel: At the left.
        title: Above.
        colors: One per set.
        styles: The line style of each set's outline.
        cover: Replace a file of the same name.
        save_path: A directory or a file instead of the run's results directory.
        args: For ``Axes.hist``, behind the values: the bins come first.
        kwargs: For ``Axes.hist``.

    Returns:
        The file, or None when there is none.

    Raises:
        NotConfiguredError: No run was started, and ``save_path`` is not given.
    """

    def plot(axes: figures.Axes) -> None:
        sets = [_finite(one) for one in _several(data)]
        options = {"alpha": 0.6 if len(sets) > 1 else 1.0, **kwargs}
        bins = _shared_bins(sets, args[0] if args else options.pop("bins", None))
        for index, values in enumerate(sets):
            style = _given(label=_nth(labels, index), color=_nth(colors, index), linestyle=_nth(styles, index))
            if "linestyle" in style:
                style["edgecolor"] = "black"
            axes.hist(values, bins, *args[1:], **{**style, **options})

    look = figures.Look(xlabel, ylabel, title or "", pretty=pretty)
    return _save("simple_hist", name, plot, look, cover=cover, save_path=save_path)


def _several(values: Any) -> list[Any]:
    """One array per line or set, of one or of many."""
    if values is None:
        raise ValueError("there is nothing to draw: give data")
    parts = [to_array(part) for part in values]
    return parts if parts and parts[0].ndim else [to_array(parts)]


def _finite(values: Any) -> Any:
    import numpy as np  # noqa: PLC0415 - only who draws pays for it

    numbers = np.asarray(values, dtype=float).ravel()
    return numbers[np.isfinite(numbers)]


def _shared_bins(sets: list[Any], bins: Any) -> Any:
    import numpy as np  # noqa: PLC0415 - only who draws pays for it

    return np.histogram_bin_edges(np.concatenate(sets), 30 if bins is None else bins)


def _as_list(texts: Sequence[str] | str | None) -> Sequence[str]:
    return [texts] if isinstance(texts, str) else texts or []


def _nth(values: Any, index: int) -> Any:
    """What belongs to one of several, or None where the user gave nothing for it."""
    several = [values] if isinstance(values, str) else values
    return several[index] if several is not None and index < len(several) else None


def _given(**options: Any) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def _save(
    call: str,
    name: str,
    plot: Callable[[figures.Axes], object],
    look: figures.Look,
    *,
    cover: bool,
    save_path: SavePath,
) -> Path | None:
    target = result_target(call, save_path)
    if target is None:
        return None
    if target.directory.suffix.lower() in figures.FORMATS:  # save_path is the file
        path = target.directory
    else:
        path = target.path(name, figures.FORMATS, ".pdf" if look.pretty else ".png", add_timestamp=False)
    return target.keep(
        "figure", path, lambda: write_result(path, figures.draw(plot, look, path.suffix.lower()), cover=cover)
    )
