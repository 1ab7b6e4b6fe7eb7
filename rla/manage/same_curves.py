"""Whether two runs recorded the same: row by row, value by value, up to which step, and by how much not."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import zip_longest
from pathlib import Path
from typing import Final

from rla.writers.base import TIME_STEP, TIMESTAMP

MEASURES_OF_TIME: Final = ("time/*", "*/time", "time_used/*", "time_elapsed", "fph", "fps", "*/fps", "*/time_elapsed")
"""Keys that no two runs have in common, however equal they are."""


@dataclass
class Sameness:
    """What a comparison of two curves found.

    Attributes:
        rows: How many rows are the same from the beginning on.
        until: The time step of the last of them, or None.
        others: How many rows follow in either run.
        difference: The largest difference of two numbers, or None where none differs.
        key: The key that has it.
        step: The time step at which it is.
        missing: Keys that only one of them recorded.
        left_out: Keys that were not compared, since they measure time.
    """

    rows: int = 0
    until: int | None = None
    others: int = 0
    difference: float | None = None
    key: str = ""
    step: int | None = None
    missing: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    @property
    def is_equal(self) -> bool:
        """Whether everything that was compared is the same, bit by bit."""
        return not self.others and not self.missing and self.difference is None

    def verdict(self) -> str:
        """One line for people."""
        if self.is_equal:
            return f"equal: {self.rows} rows"
        where = f"equal until step {self.until}, then different" if self.rows else "different from the first row on"
        told = [where]
        if self.difference is not None:
            told.append(f"largest difference {self.difference:.6g} in {self.key!r} at step {self.step}")
        if self.missing:
            told.append(f"recorded by one of them only: {', '.join(self.missing)}")
        return "; ".join(told)


def compare_curves(old: Path, new: Path, left_out: Sequence[str] = MEASURES_OF_TIME) -> Sameness:
    """Compare two ``progress.csv`` exactly; texts are compared as texts, NaN is the same as NaN.

    Args:
        old: One of them.
        new: The other.
        left_out: Shell patterns of keys that are not compared; timestamps never are.

    Raises:
        OSError: One of them cannot be read.
    """
    found = Sameness()
    with old.open(newline="", encoding="utf-8") as one, new.open(newline="", encoding="utf-8") as other:
        before, after = csv.DictReader(one), csv.DictReader(other)
        keys = _keys(before.fieldnames or (), after.fieldnames or (), left_out, found)
        for row, twin in zip_longest(before, after):
            if row is None or twin is None or not _same_row(row, twin, keys, found):
                found.others += 1
            elif not found.others:
                found.rows += 1
                found.until = _step(row)
    return found


def _keys(before: Sequence[str], after: Sequence[str], left_out: Sequence[str], found: Sameness) -> list[str]:
    every = [key for key in dict.fromkeys([*before, *after]) if key != TIMESTAMP]
    found.left_out = [key for key in every if any(fnmatchcase(key, pattern) for pattern in left_out)]
    compared = [key for key in every if key not in found.left_out]
    found.missing = [key for key in compared if key not in before or key not in after]
    return [key for key in compared if key not in found.missing]


def _same_row(row: dict[str, str], twin: dict[str, str], keys: Sequence[str], found: Sameness) -> bool:
    differing = [key for key in keys if row[key] != twin[key]]
    for key in differing:
        gap = _gap(row[key], twin[key])
        if found.difference is None or gap > found.difference:
            found.difference, found.key, found.step = gap, key, _step(row)
    return not differing


def _gap(one: str, other: str) -> float:
    """How far two cells that differ are apart; a text, an empty one or NaN is infinitely far."""
    try:
        gap = abs(float(one) - float(other))
    except ValueError:
        return math.inf
    return math.inf if math.isnan(gap) else gap


def _step(row: dict[str, str]) -> int | None:
    try:
        return int(row[TIME_STEP])
    except (KeyError, TypeError, ValueError):
        return None
