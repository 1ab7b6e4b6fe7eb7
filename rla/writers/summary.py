"""The last value and the range of every key, without reading the files again."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from rla.writers.values import Cell, to_cell

_NUMBERS: Final = frozenset({float, int, bool})
_FOLD_AT: Final = 256
_KEY_SETS: Final = 16
_KEYS: Final = 10_000
_TEXT: Final = 200
_PARTS: Final = ("last", "low", "high", "mean", "count")

Row = tuple[Any, ...]


class SummaryTracker:
    """Keeps last, minimum, maximum and mean per key.

    Rows are gathered and folded together, column by column, which costs far less than one by one.
    Memory is bounded: a few hundred rows, and the first 10,000 keys.
    """

    def __init__(self) -> None:
        """Start without a value."""
        self._forget()

    def _forget(self) -> None:
        self._keys: tuple[str, ...] = ()
        self._rows: list[Row] = []
        self._gathered: dict[tuple[str, ...], list[Row]] = {}
        self._columns: dict[str, _Column] = {}

    def add(self, values: dict[str, Any]) -> None:
        """Take in one dump.

        Args:
            values: Key -> raw value. None is nothing; text has a last value but no range.
        """
        keys, row = tuple(values), tuple(values.values())
        if not _NUMBERS.issuperset(map(type, row)):
            keys, row = _settled(values)
        if keys != self._keys:
            self._switch(keys)
        self._rows.append(row)
        if len(self._rows) >= _FOLD_AT:
            self._fold()

    def snapshot(self) -> tuple[dict[str, Any], dict[str, dict[str, float]]]:
        """What is known now.

        Returns:
            Key -> last value (a number, bool or short text), and key -> ``min``, ``max`` and
            ``mean`` of its finite values, for those that had one.
        """
        self._fold()
        last = {key: column.last for key, column in self._columns.items()}
        ranges = {
            key: {"min": column.low, "max": column.high, "mean": column.mean}
            for key, column in self._columns.items()
            if column.count
        }
        return last, ranges

    def state(self) -> dict[str, list[Any]]:
        """What a tracker of a run that goes on elsewhere is to know: per key last, low, high, mean and count."""
        self._fold()
        return {key: [getattr(column, name) for name in _PARTS] for key, column in self._columns.items()}

    def restore(self, state: Mapping[str, Sequence[Any]]) -> None:
        """Go on from a state of :meth:`state`, and forget what is known."""
        self._forget()
        for key, values in state.items():
            column = self._columns[key] = _Column()
            for name, value in zip(_PARTS, values, strict=True):
                setattr(column, name, value)

    def _switch(self, keys: tuple[str, ...]) -> None:
        """Go on with other keys; the key set used last stands last, so that its values win."""
        if len(self._gathered) >= _KEY_SETS:
            self._fold()
        self._keys = keys
        self._rows = self._gathered.pop(keys, [])
        self._gathered[keys] = self._rows

    def _fold(self) -> None:
        gathered, self._gathered = self._gathered, {}
        self._keys, self._rows = (), []
        for keys, rows in gathered.items():
            for key, values in zip(keys, zip(*rows, strict=True), strict=False):
                column = self._column(key)
                if column is not None:
                    column.fold(values)

    def _column(self, key: str) -> _Column | None:
        column = self._columns.get(key)
        if column is None and len(self._columns) < _KEYS:
            column = self._columns[key] = _Column()
        return column


class _Column:
    """The summary of one key."""

    __slots__ = ("count", "high", "last", "low", "mean")

    def __init__(self) -> None:
        self.last: Cell = None
        self.low, self.high = math.inf, -math.inf
        self.mean = 0.0
        self.count = 0

    def fold(self, values: Row) -> None:
        """Take in the values of some rows, the newest last."""
        self.last = values[-1]
        try:
            total = sum(values, 0.0)
            plain = math.isfinite(total)
        except (TypeError, OverflowError):  # text among them; an integer beyond float
            plain = False
        if not plain:
            values = tuple(number for number in map(_number, values) if math.isfinite(number))
            total = math.inf
        if values:
            self._widen(values, total)

    def _widen(self, values: Row, total: float) -> None:
        self.low = min(self.low, float(min(values)))
        self.high = max(self.high, float(max(values)))
        count = len(values)
        self.count += count
        mean = total / count if math.isfinite(total) else sum(value / count for value in values)
        share = count / self.count
        moved = self.mean * (1 - share) + mean * share
        self.mean = min(max(moved, self.low), self.high)


def _settled(values: dict[str, Any]) -> tuple[tuple[str, ...], Row]:
    """Keys and cells of what is something, text cut short."""
    cells = {key: to_cell(value)[0] for key, value in values.items()}
    kept = {key: cell for key, cell in cells.items() if cell is not None}
    return tuple(kept), tuple(cell[:_TEXT] if isinstance(cell, str) else cell for cell in kept.values())


def _number(value: Cell) -> float:
    cell, _ = to_cell(value)  # an integer beyond float becomes one
    return float(cell) if isinstance(cell, float | int) else math.nan
