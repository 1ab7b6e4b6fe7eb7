"""One recorded value of one run, as arrays."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rla.errors import RunNotFoundError, SelectionError
from rla.runs.unknown import nearest
from rla.writers.csv_table import read_header, whole_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]


def read_curve(path: Path, key: str, x: str) -> tuple[Array, Array]:
    """Read two columns of a ``progress.csv``; see :meth:`rla.runs.run.Run.curve`.

    Rows in which one of them is empty do not count; a text is NaN.

    Raises:
        RunNotFoundError: There is no such file.
        SelectionError: It has no such column.
    """
    data = _whole_rows(path)
    header, _ = read_header(io.BytesIO(data))
    for name in (key, x):
        if name not in header:
            raise SelectionError(f"the run recorded no {name!r}; {nearest(name, header)}")
    if key == x:
        xs, ys = (_columns(data, header, [x])[0],) * 2
    else:
        xs, ys = _columns(data, header, [x, key])
    return _newest_of_each(xs, ys)


def _whole_rows(path: Path) -> bytes:
    """The table without a last row that is still being written, or was torn by a kill."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise RunNotFoundError(str(path), hint="the run has recorded nothing as csv") from None
    end = whole_rows(io.BytesIO(data)) if b'"' in data else data.rfind(b"\n") + 1
    return data[:end]


def _columns(data: bytes, header: list[str], names: list[str]) -> list[Array]:
    """Some columns, as long as each other, without the rows in which one of them is empty."""
    from rla.runs.frame import csv_columns  # noqa: PLC0415 - pandas takes half a second to import

    texts = csv_columns(data, [header.index(name) for name in names])
    there = np.logical_and.reduce([present for _, present in texts])
    return [values[there] for values, _ in texts]


def _newest_of_each(xs: Array, ys: Array) -> tuple[Array, Array]:
    """In rising order of x, of equal ones the last that was written; where x is no number it is left out."""
    known = ~np.isnan(xs)
    xs, ys = xs[known], ys[known]
    if np.all(xs[1:] > xs[:-1]):
        return xs, ys
    order = np.argsort(xs, kind="stable")
    xs, ys = xs[order], ys[order]
    last = np.append(xs[1:] != xs[:-1], True)
    return xs[last], ys[last]
