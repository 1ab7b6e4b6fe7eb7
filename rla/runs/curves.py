"""Recorded values of stored runs, as arrays: of one run, or of many at once.

Only the columns that are needed become numbers, and what was read once is kept
(:mod:`rla.runs.curve_cache`), so that reading again costs next to nothing.

Where a run went back, as after a resume, the same x is recorded twice: the newest value counts there.
What was recorded later than the point it went back to stays, unless it is recorded again.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

import numpy as np

from rla.errors import RunNotFoundError, SelectionError
from rla.runs.csv_cells import Array, present
from rla.runs.csv_columns import Extent, crc_of, read_columns
from rla.runs.curve_cache import Cached, CurveCache, Source, curve_cache, now
from rla.runs.run import Run
from rla.runs.unknown import nearest
from rla.writers.csv_table import read_header

_GROWTH: Final = 8
"""A cached column is written anew when an eighth has been added to it; until then the rest is read each time."""


class Curve(NamedTuple):
    """One recorded value over the course of one run.

    Attributes:
        x: Shape (n,), rising, without repetitions.
        y: Shape (n,), the value there.
    """

    x: Array
    y: Array


@dataclass(frozen=True)
class RunCurves:
    """What was read of one run.

    Attributes:
        run: The run.
        curves: The curves that it has, by key; a key that it did not record is left out.
        keys: Everything that it recorded.
        damage: Why nothing could be read, or empty.
    """

    run: Run
    curves: dict[str, Curve] = field(default_factory=dict)
    keys: tuple[str, ...] = ()
    damage: str = ""


def read_curve(path: Path, key: str, x: str, cache: CurveCache | None = None) -> Curve:
    """Read two columns of a ``progress.csv``; see :meth:`rla.runs.run.Run.curve`.

    Rows in which one of them is empty do not count; a text is NaN.

    Raises:
        RunNotFoundError: There is no such file.
        SelectionError: It has no such column.
    """
    table = _Table(path, cache)
    columns = table.columns([x, key])
    for name in (key, x):
        if name not in columns:
            raise SelectionError(f"the run recorded no {name!r}; {nearest(name, table.header)}")
    if cache is not None:
        cache.trim()
    return _curve(columns[x], columns[key])


def read_curves(runs: Sequence[Run], keys: Sequence[str], x: str = "time-step") -> list[RunCurves]:
    """Curves of many runs.

    Args:
        runs: The runs.
        keys: What was recorded.
        x: The column to read it over.

    Returns:
        What each run has, in the order of the runs. A run whose file is missing or damaged is there
        too, and says so.
    """
    caches: dict[Path, CurveCache] = {}
    for run in runs:
        if run.paths is not None and run.paths.root not in caches:
            caches[run.paths.root] = curve_cache(run.paths)
    read = [_read_run(run, keys, x, caches) for run in runs]
    for cache in caches.values():
        cache.trim()
    return read


def _read_run(run: Run, keys: Sequence[str], x: str, caches: dict[Path, CurveCache]) -> RunCurves:
    """The curves of one run. Two threads, when tried, gained nothing: pandas holds the interpreter half the time."""
    try:
        paths = run.require_paths()
        table = _Table(paths.csv, caches[paths.root])
        columns = table.cached([x, *keys]) or table.columns([x, *keys])
    except RunNotFoundError as error:
        return RunCurves(run, damage=str(error))
    except (OSError, ValueError) as error:
        return RunCurves(run, damage=f"its progress.csv cannot be read: {error}")
    found = {key: _curve(columns[x], columns[key]) for key in keys if x in columns and key in columns}
    return RunCurves(run, found, tuple(table.header))


class _Table:
    """The ``progress.csv`` of one run, as it is when it is opened."""

    def __init__(self, path: Path, cache: CurveCache | None) -> None:
        self._path = os.path.abspath(path)  # noqa: PTH100 - the cache knows the file by this text
        self._cache = cache
        self.header: list[str] = []
        """The columns, once something was read."""

    def cached(self, names: Sequence[str]) -> dict[str, Array] | None:
        """The columns, when all of them are in the cache and certainly what the file holds; else None."""
        if self._cache is None:
            return None
        source = self._status()
        found: dict[str, Array] = {}
        for name in names:
            known = self._cache.load(self._path, name)
            if known is None or not known.is_of(source):
                return None
            found[name] = known.values
        self.header = list(found)
        return found

    def columns(self, names: Sequence[str]) -> dict[str, Array]:
        """The columns that the file has of these, all of one length.

        Raises:
            RunNotFoundError: There is no such file.
            ValueError: It is no table.
            OSError: It cannot be read.
        """
        read_at = now()
        try:
            stream = open(self._path, "rb")  # noqa: PTH123, SIM115 - it is closed below, on every path
        except FileNotFoundError:
            raise RunNotFoundError(self._path, hint="the run has recorded nothing as csv") from None
        with stream:
            source = Source.of(os.fstat(stream.fileno()))
            self.header, header_size = read_header(stream)
            head = Extent(header_size, crc_of(stream, header_size) or 0)
            wanted = [name for name in dict.fromkeys(names) if name in self.header]
            known = self._known(wanted, source, stream, head)
            found: dict[str, Array] = {}
            for begin in dict.fromkeys(each.extent for each in known.values()):
                alike = [name for name in wanted if known[name].extent == begin]
                added, extent = self._added(stream, alike, begin, source)
                for name, values in zip(alike, added, strict=True):
                    found[name] = _behind(known[name].values, values)
                    self._keep(name, known[name], Cached(found[name], extent, source, read_at))
        return found

    def _status(self) -> Source:
        """The file as it is now.

        Raises:
            RunNotFoundError: There is no such file.
        """
        try:
            return Source.of(os.stat(self._path))  # noqa: PTH116 - it is a text
        except FileNotFoundError:
            raise RunNotFoundError(self._path, hint="the run has recorded nothing as csv") from None

    def _known(self, names: Sequence[str], source: Source, stream: BinaryIO, head: Extent) -> dict[str, Cached]:
        """What can be believed of what was read before; nothing but the header where there is nothing."""
        known: dict[str, Cached] = {}
        crcs: dict[int, int | None] = {}
        for name in names:
            cached = None if self._cache is None else self._cache.load(self._path, name)
            if cached is not None and not cached.is_of(source):
                end = cached.extent.end
                if end not in crcs:
                    crcs[end] = crc_of(stream, end) if end <= source.size else None
                if crcs[end] != cached.extent.crc:
                    cached = None
            known[name] = cached or Cached(np.empty(0), head, source, 0)
        return known

    def _added(
        self, stream: BinaryIO, names: Sequence[str], begin: Extent, source: Source
    ) -> tuple[list[Array], Extent]:
        """What the file holds behind what is known."""
        if begin.end >= source.size:
            return [np.empty(0)] * len(names), begin
        places = [self.header.index(name) for name in names]
        return read_columns(stream, places, len(self.header), begin, source.size)

    def _keep(self, name: str, old: Cached, new: Cached) -> None:
        if self._cache is None or old.is_of(new.source):
            return
        grown = (len(new.values) - len(old.values)) * _GROWTH > len(old.values)
        if grown or new.is_settled():
            self._cache.save(self._path, name, new)


def _behind(old: Array, new: Array) -> Array:
    """Two pieces of a column as one; nothing is copied where there is only one."""
    return np.concatenate([old, new]) if len(old) and len(new) else new if len(new) else old


def _curve(xs: Array, ys: Array) -> Curve:
    """The rows in which both were recorded, in rising order of x; of equal ones the last that was written."""
    there = present(xs) & present(ys) & ~np.isnan(xs)
    if not there.all():
        xs, ys = xs[there], ys[there]
    if np.all(xs[1:] > xs[:-1]):
        return Curve(xs, ys)
    order = np.argsort(xs, kind="stable")
    xs, ys = xs[order], ys[order]
    last = np.append(xs[1:] != xs[:-1], True)
    return Curve(xs[last], ys[last])
