"""The values of a TensorBoard ``Summary`` that are more than a number, encoded without TensorFlow.

Sources: summary.proto of github.com/tensorflow/tensorboard (tensorboard/compat/proto), and what
tensorboard/data_compat.py makes of these fields.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from rla.writers.protobuf import data, double, integer, text


def image(tag: str, encoded: bytes, width: int, height: int, channels: int) -> bytes:
    """A value that the images page shows.

    Args:
        tag: Its name.
        encoded: A PNG, JPEG or GIF file, animated ones included: the browser shows it as it is.
        width: In pixels.
        height: In pixels.
        channels: 1 for grey, 3 for RGB, 4 for RGBA.
    """
    content = integer(1, height) + integer(2, width) + integer(3, channels) + data(4, encoded)
    return data(1, text(1, tag) + data(4, content))


def histogram(
    tag: str, values: tuple[float, float, float, float], edges: Sequence[float], counts: Sequence[int]
) -> bytes:
    """A value that the histograms and the distributions page show.

    Args:
        tag: Its name.
        values: Of all that was counted: the smallest, the largest, the sum and the sum of squares.
        edges: Of the bins, ascending; one more than there are bins.
        counts: How many values are in each bin.
    """
    smallest, largest, total, squares = values
    head = double(1, smallest) + double(2, largest) + double(3, sum(counts)) + double(4, total) + double(5, squares)
    content = head + data(6, _doubles(edges[1:])) + data(7, _doubles(counts))
    return data(1, text(1, tag) + data(5, content))


def _doubles(numbers: Sequence[float]) -> bytes:
    return struct.pack(f"<{len(numbers)}d", *numbers)
