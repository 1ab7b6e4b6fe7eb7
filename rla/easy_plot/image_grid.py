"""Images beside each other, each with a caption."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import Final, NamedTuple

from rla.easy_plot.figure import Figure, ShownFigure
from rla.easy_plot.saved_pictures import Pixels

_WIDTH: Final = 2.6
"""Of a square image, in inches."""
_WIDEST: Final = 2.5
"""How many times wider a column is at most, as for the frames of a video."""
_LETTERS: Final = 34
"""How many letters of a caption fit above an image."""
_FEW_PIXELS: Final = 200
"""An image of fewer is drawn with its pixels as squares, not blurred."""
_LINE: Final = 0.17
"""The height of a line of a caption, in inches."""


class Tile(NamedTuple):
    """An image and what stands above it."""

    caption: str
    pixels: Pixels


def draw_grid(tiles: Sequence[Tile], row_lengths: Sequence[int]) -> Figure:
    """Draw tiles.

    Args:
        tiles: At least one.
        row_lengths: How many of them belong together, as those of one run; each lot begins a row,
            unless there is one lot, or all are of one tile: then they make a square.
    """
    rows = _square(tiles) if len(row_lengths) == 1 or max(row_lengths) == 1 else _lots(tiles, row_lengths)
    columns = max(map(len, rows))
    captions = [[_wrapped(tile.caption, columns) for tile in row] for row in rows]
    widths = [
        _WIDTH * min(_WIDEST, max([1.0, *(_aspect(row[place]) for row in rows if place < len(row))]))
        for place in range(columns)
    ]
    heights = [
        max(min(_WIDTH, width / _aspect(tile)) for width, tile in zip(widths, row, strict=False))
        + _LINE * max(caption.count("\n") + 1 for caption in texts)
        for row, texts in zip(rows, captions, strict=True)
    ]
    figure = ShownFigure(figsize=(sum(widths), sum(heights) + 0.1 * len(rows)), layout="constrained")
    axes = figure.subplots(len(rows), columns, squeeze=False, width_ratios=widths, height_ratios=heights)
    for line, row, texts in zip(axes, rows, captions, strict=True):
        for place, tile, caption in zip(line, row, texts, strict=False):
            few = max(tile.pixels.shape[:2]) < _FEW_PIXELS
            place.imshow(tile.pixels, interpolation="nearest" if few else "antialiased")
            place.set_title(caption, fontsize=8, parse_math=False)
        for place in line:
            place.set_axis_off()
            place.set_anchor("N")
    return figure


def _aspect(tile: Tile) -> float:
    height, width, _ = tile.pixels.shape
    return float(width / height)


def _square(tiles: Sequence[Tile]) -> list[Sequence[Tile]]:
    """About as wide as high: of wide tiles, as the frames of videos, fewer stand in a row."""
    aspect = max(1.0, sum(map(_aspect, tiles)) / len(tiles))
    columns = math.ceil(math.sqrt(len(tiles) / aspect))
    return [tiles[start : start + columns] for start in range(0, len(tiles), columns)]


def _lots(tiles: Sequence[Tile], row_lengths: Sequence[int]) -> list[Sequence[Tile]]:
    starts = [sum(row_lengths[:place]) for place in range(len(row_lengths))]
    return [tiles[start : start + length] for start, length in zip(starts, row_lengths, strict=True)]


def _wrapped(caption: str, columns: int) -> str:
    """A caption of lines that fit; of a very long one the beginning."""
    letters = _LETTERS if columns > 1 else 2 * _LETTERS
    lines = (textwrap.wrap(line, letters, max_lines=3, placeholder=" ...") for line in caption.splitlines())
    return "\n".join(piece for pieces in lines for piece in pieces)
