"""Runs as pandas has them."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas import DataFrame

from rla.core import states
from rla.core.hyperparams import flatten
from rla.core.uncollected import uncollected
from rla.errors import SelectionError
from rla.runs.run_list import LightRow
from rla.runs.unknown import nearest

__all__ = ["DataFrame", "runs_frame"]

_Column = Any
"""A NumPy or pandas array."""

_FIXED: Final = ("uid", "task", "state", "started", "duration", "time_step")
_MAX_FLOAT: Final = int(sys.float_info.max)
_INT64: Final = range(-(2**63), 2**63)


@uncollected()
def runs_frame(
    rows: Sequence[LightRow], columns: Sequence[str] | None, whole: Callable[[], Sequence[Mapping[str, Any]]]
) -> DataFrame:
    """See :meth:`rla.runs.run_list.RunList.frame`.

    Args:
        rows: What every list of runs holds of each.
        columns: Which columns, or None.
        whole: Reads the whole rows, for columns that the others do not have.

    Raises:
        SelectionError: A column is in no run.
    """
    made = _columns(rows)
    if columns is None:
        return DataFrame(made)
    if any(name not in made for name in columns):
        made |= _rare_columns(whole(), made)
    for name in columns:
        if name not in made:
            raise SelectionError(f"no run has a column {name!r}; {nearest(name, made)}")
    return DataFrame({name: made[name] for name in columns})


def _columns(rows: Sequence[LightRow]) -> dict[str, _Column]:
    held = LightRow._make(zip(*rows, strict=True)) if rows else LightRow._make([()] * len(LightRow._fields))
    values: dict[str, Any] = held._asdict()
    started = _floats(values["started"])
    made: dict[str, _Column] = {
        **{name: _texts(values[name]) for name in ("uid", "task", "state")},
        "started": pd.to_datetime(started, unit="s", utc=True).as_unit("us"),
        "duration": _ends(values) - started,
        "time_step": _integers(values["time_step"]),
    }
    hyperparameters = _leaves([each or {} for each in values["hyperparameters"]])
    made |= {f"hp.{key}" if key in _FIXED else key: column for key, column in hyperparameters.items()}
    summaries = _by_key([each or {} for each in values["summary"]])
    return made | {f"summary.{key}": _typed(column) for key, column in summaries.items()}


def _rare_columns(rows: Sequence[Mapping[str, Any]], made: Mapping[str, _Column]) -> dict[str, _Column]:
    """Columns of the table that a list does not hold, and the ranges of recorded values."""
    names = [
        name for name in (rows[0] if rows else ()) if name not in {*made, "hyperparameters", "summary", "summary_range"}
    ]
    found = {name: _typed([row[name] for row in rows]) for name in names}
    for key, ranges in _by_key([row["summary_range"] or {} for row in rows]).items():
        for stat in ("min", "max", "mean"):
            found[f"summary.{key}.{stat}"] = _typed([None if each is None else each.get(stat) for each in ranges])
    return found


def _leaves(dictionaries: Sequence[Mapping[str, Any]]) -> dict[str, _Column]:
    """A column per leaf of nested dictionaries, by its dotted key."""
    columns = _by_key(dictionaries)
    if any(dict in map(type, values) for values in columns.values()):
        columns = _by_key([dict(flatten(each)) for each in dictionaries])
    return {key: _typed(values) for key, values in columns.items()}


def _by_key(dictionaries: Sequence[Mapping[str, Any]]) -> dict[str, Sequence[Any]]:
    shapes = list(map(tuple, dictionaries))
    keys = tuple(dict.fromkeys(chain.from_iterable(dict.fromkeys(shapes))))
    alike = [
        each.values() if shape == keys else [each.get(key) for key in keys]
        for each, shape in zip(dictionaries, shapes, strict=True)
    ]  # nearly all of one task: their values are taken as they stand
    return dict(zip(keys, zip(*alike, strict=True), strict=True))


def _typed(values: Sequence[Any]) -> _Column:
    """A column of the type that all of its values have; None is missing."""
    kinds = set(map(type, values)) - {type(None)}
    if not kinds:
        return _floats(values)
    if kinds == {int} and all(value is None or value in _INT64 for value in values):
        return _integers(values)
    if kinds <= {int, float} and kinds != {int}:
        return _floats(values)
    if kinds == {str}:
        return _texts(values)
    if kinds == {bool}:
        return pd.array(values, dtype="boolean")
    return np.array([*values, None], dtype=object)[:-1]  # else NumPy makes one array of lists of equal length


def _floats(values: Sequence[float | None]) -> NDArray[np.float64]:
    try:
        return np.array(values, dtype=np.float64)
    except OverflowError:  # an integer beyond all floats
        return np.array(
            [math.inf if value is not None and value > _MAX_FLOAT else value for value in values], dtype=float
        )


def _integers(values: Sequence[int | None]) -> _Column:
    missing = np.array([value is None for value in values], dtype=bool)
    filled = np.array([0 if value is None else value for value in values], dtype=np.int64)
    return pd.arrays.IntegerArray(filled, missing)


def _texts(values: Sequence[str | None]) -> _Column:
    return pd.array(values, dtype="str")


def _ends(values: Mapping[str, Any]) -> NDArray[np.float64]:
    """When each run ended: for those that have not now, or a lost one's last word."""
    ended, heartbeat = _floats(values["ended"]), _floats(values["heartbeat"])
    lost = np.array([state == states.LOST for state in values["state"]], dtype=bool)
    return np.where(np.isnan(ended), np.where(lost, heartbeat, time.time()), ended)
