"""A piece of a CSV table as pandas reads it."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rla.runs.csv_cells import EMPTY, Array, present

_LARGEST_KEPT: Final = (32 << 20) - (64 << 10)
"""Bytes of the largest piece of memory that glibc keeps when it is freed, less some room for its own notes."""


def parse_block(block: bytes, places: Sequence[int], width: int) -> list[Array]:
    """Columns of whole rows; see :func:`rla.runs.csv_columns.read_columns`.

    Raises:
        ValueError: A row has more cells than there are columns.
    """
    _keep_freed_memory()
    file: Any = _Led(b"0," * width + b"\n", block)
    frame = pd.read_csv(
        file,
        header=None,
        usecols=[*places, width],
        index_col=False,
        keep_default_na=False,
        na_values=[""],
        skip_blank_lines=False,
        encoding_errors="replace",
    )
    if present(_numbers(frame[width])).any():
        raise ValueError("a row has more cells than there are columns")
    return [_numbers(frame[place]) for place in places]


class _Led:
    """A table behind a row that is one cell longer: then pandas does not drop a cell too many in silence."""

    def __init__(self, leader: bytes, block: bytes) -> None:
        self._leader = leader
        self._rest = io.BytesIO(block)

    def read(self, size: int) -> bytes:
        leader, self._leader = self._leader, b""
        return leader or self._rest.read(size)

    def __iter__(self) -> Iterator[bytes]:
        """Pandas takes this for the sign of a file, and does not call it."""
        return iter(self._rest)


def _numbers(column: pd.Series[Any]) -> NDArray[np.float64]:
    """A column without its leading cell. Where it has ``NaN`` or a text in it, pandas has read it as texts."""
    values = column.to_numpy()[1:]
    if values.dtype == np.int64:
        return values.astype(np.float64)
    if values.dtype == np.float64:
        missing = np.isnan(values)
    else:
        values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)[1:]
        missing = column.isna().to_numpy()[1:]
    if missing.any():
        values = values.copy()
        values.view(np.uint64)[missing] = EMPTY
    return values


@cache
def _keep_freed_memory() -> None:
    """Once, take and free one large, untouched piece of memory: then glibc keeps smaller ones for the next block.

    Otherwise each block's megabytes go back to the system and come anew, zeroed page by page, which takes as
    long as reading does. Other allocators do not mind.

    Source: https://man7.org/linux/man-pages/man3/mallopt.3.html, M_MMAP_THRESHOLD, "dynamic mmap threshold".
    """
    np.empty(_LARGEST_KEPT, dtype=np.uint8)
