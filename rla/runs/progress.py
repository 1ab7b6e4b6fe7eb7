"""How far a run has come that has not said that it ended: its last row tells, not its last heartbeat."""

from __future__ import annotations

import math
from typing import Any

import msgspec

from rla.core.layout import RunPaths
from rla.core.manifest import State
from rla.runs.csv_tail import last_row
from rla.writers.base import TIME_STEP, TIMESTAMP

_NOT_RECORDED = frozenset({TIME_STEP, TIMESTAMP})


def progress_of(paths: RunPaths, state: State) -> State:
    """The state with its time step and last values true to ``progress.csv``; without one, as it was."""
    row = last_row(paths.csv)
    if row is None:
        return state
    step = _number(row.get(TIME_STEP, ""))
    if not isinstance(step, int):
        return state
    last = {key: _number(text) for key, text in row.items() if key not in _NOT_RECORDED and text}
    return msgspec.structs.replace(state, time_step=step, summary={**state.summary, **last})


def _number(text: str) -> Any:
    """A field of the table as the value it was; text that is no number stays text."""
    try:
        return int(text)
    except ValueError:
        pass
    try:
        number = float(text)
    except ValueError:
        return text
    return number if math.isfinite(number) or text in {"NaN", "inf", "-inf"} else text
