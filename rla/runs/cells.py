"""The values in the cells of a table, as text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from rla.core.hyperparams import value_text

_DECIMAL_BITS: Final = 10_000


def cell_text(value: Any) -> str:
    """Any value; texts in a list stand one after the other."""
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    return value_text(value)


def decimal(value: int) -> str:
    """An integer as text, also that Python refuses to write in decimal."""
    return str(value) if value.bit_length() <= _DECIMAL_BITS else hex(value)


def is_numeric(values: Iterable[Any]) -> bool:
    """Whether a column has numbers and nothing else; a truth value is none."""
    given = [value for value in values if value is not None]
    return bool(given) and all(isinstance(value, int | float) and not isinstance(value, bool) for value in given)
