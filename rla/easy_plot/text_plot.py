"""Lines in plain characters, for a terminal without a picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby
from typing import Final

import numpy as np

from rla.easy_plot.estimates import FloatArray
from rla.easy_plot.lines import Line

MARKS: Final = "*o+x#%@=abcdefghijklmnopqrstuvwyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
SMALLEST: Final = (30, 10)
"""Columns and rows below which nothing can be read."""

_LABEL: Final = 10
"""Columns left of the axis."""


def text_plot(lines: Sequence[Line], x: str, band: str, columns: int, rows: int) -> list[str]:
    """Draw each panel below the other, every line with a character of its own.

    Args:
        lines: At least one.
        x: What their x is.
        band: What line and band are.
        columns: How wide.
        rows: How high in all; each panel has its part.

    Returns:
        Lines of plain characters and of the names that runs and metrics have, none longer than ``columns``.
    """
    columns, rows = max(columns, SMALLEST[0]), max(rows, SMALLEST[1])
    marks = {
        label: MARKS[place % len(MARKS)] for place, label in enumerate(dict.fromkeys(line.label for line in lines))
    }
    panels = [list(mine) for _, mine in groupby(lines, key=lambda line: line.panel)]
    names = sum(map(len, panels))
    height = max(SMALLEST[1] // 2, (rows - names) // len(panels) - 3)
    text = [line for mine in panels for line in _panel(mine, x, band, marks, columns, height)]
    return [line[:columns] for line in text]


def mark_notes(lines: Sequence[Line]) -> list[str]:
    """That there are more lines than characters for them."""
    labels = len({line.label for line in lines})
    if labels <= len(MARKS):
        return []
    return [f"{labels} lines share {len(MARKS)} characters, and cannot be told apart; group by fewer keys"]


def _panel(lines: Sequence[Line], x: str, band: str, marks: dict[str, str], columns: int, height: int) -> list[str]:
    first, last = min(line.x[0] for line in lines), max(line.x[-1] for line in lines)
    values = np.concatenate([line.summary.estimate for line in lines])
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    width = columns - _LABEL - 1
    canvas = [[" "] * width for _ in range(height)]
    for line in lines:
        for column, row in _cells(line, (first, last), (low, high), width, height):
            canvas[row][column] = marks[line.label]
    heights = {0: high, height // 2: high - (high - low) * (height // 2) / (height - 1), height - 1: low}
    drawn = [f"{_short(heights[r]) if r in heights else '':>{_LABEL - 1}} |{''.join(canvas[r])}" for r in range(height)]
    ends = f"{_short(first)}{x:^{max(width - 16, 1)}}{_short(last):>8}"
    title = f"{lines[0].panel}: {band}" if lines[0].panel else f"{lines[0].metric}: {band}"
    axis = " " * _LABEL + "+" + "-" * (width - 1)
    return [title, *drawn, axis, " " * (_LABEL + 1) + ends, *(_named(line, marks[line.label]) for line in lines), ""]


def _cells(
    line: Line, xs: tuple[float, float], ys: tuple[float, float], width: int, height: int
) -> list[tuple[int, int]]:
    """Which cells of the canvas a line goes through, one for each column that it covers."""
    there = np.isfinite(line.summary.estimate)
    x, y = line.x[there], line.summary.estimate[there]
    ends = _scaled(x[[0, -1]], *xs, width - 1)
    places = np.arange(ends[0], ends[1] + 1)
    at = xs[0] + places * (xs[1] - xs[0]) / max(width - 1, 1)
    rows = height - 1 - _scaled(np.interp(at, x, y), *ys, height - 1)
    return list(zip(places.tolist(), rows.tolist(), strict=True))


def _scaled(values: FloatArray, low: float, high: float, steps: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Values between two bounds as whole numbers from 0 to ``steps``."""
    part = (values - low) / (high - low) if high > low else np.full(len(values), 0.5)
    return np.rint(part * steps).astype(np.int64)


def _named(line: Line, mark: str) -> str:
    """What a character stands for, and where its line has got to."""
    s = line.summary
    place = int(np.flatnonzero(s.n)[-1])
    n = int(s.n[place])
    band = f" [{_short(s.low[place])}, {_short(s.high[place])}]" if math.isfinite(s.low[place]) else ""
    count = f"n={n}" if n == line.runs else f"n={n} of {line.runs}"
    return f"{mark} {line.label or 'all runs'} ({count}): {_short(s.estimate[place])}{band} at {_short(line.x[place])}"


def _short(value: float) -> str:
    return f"{value:.4g}"
