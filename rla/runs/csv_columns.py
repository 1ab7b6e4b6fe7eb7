"""Some columns of a ``progress.csv`` as numbers, read block by block: the other columns are not converted.

What stays in memory is eight bytes per row and column, however large the file is.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final

import crc32c
import numpy as np

from rla.runs.csv_cells import Array
from rla.writers.csv_table import whole_rows

_BLOCK: Final = 1 << 20


@dataclass(frozen=True)
class Extent:
    """The first part of a file that consists of whole rows.

    Attributes:
        end: How many bytes it has.
        crc: Their CRC-32C.
    """

    end: int
    crc: int


def read_columns(
    stream: BinaryIO, places: Sequence[int], width: int, begin: Extent, size: int
) -> tuple[list[Array], Extent]:
    """Columns of the rows from one place on.

    Args:
        stream: The table.
        places: Which columns, by number; no two alike.
        width: How many columns it has.
        begin: What comes before: the header, or rows that are known already.
        size: How many bytes there are to read at most. Rows that are not whole there do not count.

    Returns:
        An array per column, all of one length, with :data:`~rla.runs.csv_cells.EMPTY` in empty cells and NaN for texts;
        and how far the whole rows reach.

    Raises:
        ValueError: A row has more cells than there are columns.
        OSError: The file cannot be read.
    """
    from rla.runs.csv_block import parse_block  # noqa: PLC0415 - pandas takes half a second to import

    crc = begin.crc
    end = begin.end
    parts: list[list[Array]] = [[] for _ in places]
    for block in _whole_blocks(stream, begin.end, size):
        for part, values in zip(parts, parse_block(block, places, width), strict=True):
            part.append(values)
        crc = crc32c.crc32c(block, crc)
        end += len(block)
    return [_joined(part) for part in parts], Extent(end, crc)


def crc_of(stream: BinaryIO, end: int) -> int | None:
    """The CRC-32C of the first bytes of a file; None when it has fewer."""
    stream.seek(0)
    crc, left = 0, end
    while left and (block := stream.read(min(_BLOCK, left))):
        crc = crc32c.crc32c(block, crc)
        left -= len(block)
    return None if left else crc


def _joined(parts: list[Array]) -> Array:
    """The pieces of one column as one array; the pieces are let go of, so that no two columns are there twice."""
    whole = parts[0] if len(parts) == 1 else np.concatenate(parts) if parts else np.empty(0)
    parts.clear()
    return whole


def _whole_blocks(stream: BinaryIO, start: int, size: int) -> Iterator[bytes]:
    """Pieces of a table that begin and end with a row."""
    stream.seek(start)
    left, rest = size - start, b""
    while left > 0 and (read := stream.read(min(_BLOCK, left))):
        left -= len(read)
        block = rest + read if rest else read
        end = whole_rows(io.BytesIO(block)) if b'"' in block else block.rfind(b"\n") + 1
        rest = block[end:]
        if end:
            yield block[:end] if rest else block
