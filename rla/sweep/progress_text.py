"""Take in what a logger of spinningup's kind wrote, so that its curves are drawn like any other.

``progress.txt`` has a header and a line for each epoch, with tabs between the fields; stable-learning-control
writes ``progress.csv`` of the same columns. A run that recorded with rla is left as it is.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from typing import Final

from rla.core.layout import JobRunPaths
from rla.core.manifest import State
from rla.fsio.atomic_write import atomic_write
from rla.runs.csv_tail import last_row
from rla.writers.base import TIME_STEP

_STEPS: Final = ("TotalEnvInteracts", "Epoch")
"""The columns that can be the time step, the better one first."""


def take_in_progress(paths: JobRunPaths, state: State) -> State:
    """Write ``progress.csv`` from ``progress.txt``, and take time step and last values from its last row.

    Args:
        paths: The run.
        state: What is known of it.

    Returns:
        The same state, with what the last row says where nothing was known.

    Raises:
        OSError: A file cannot be read or written.
    """
    if paths.joined.exists():
        return state
    if paths.progress_text.is_file() and not paths.csv.exists():
        rows = _rows(paths.progress_text.read_bytes())
        if len(rows) > 1:
            atomic_write(paths.csv, _as_csv(rows), durable=False)
    row = last_row(paths.csv) or {}
    numbers = {key: number for key, text in row.items() if (number := _number(text)) is not None}
    step = next((numbers[name] for name in (TIME_STEP, *_STEPS) if name in numbers), None)
    if state.time_step is None and step is not None and math.isfinite(step):
        state.time_step = int(step)
    numbers.pop(TIME_STEP, None)
    state.summary = {**numbers, **state.summary}
    return state


def _rows(content: bytes) -> list[list[str]]:
    """The header and every whole row; a last line without an end was cut off."""
    lines = content.decode("utf-8", "replace").split("\n")[:-1]
    rows = [line.rstrip("\r").split("\t") for line in lines if line.strip()]
    return [row for row in rows if len(row) == len(rows[0])]


def _as_csv(rows: Sequence[Sequence[str]]) -> bytes:
    header, *body = rows
    place = next((header.index(name) for name in _STEPS if name in header), None)
    text = io.StringIO(newline="")
    table = csv.writer(text, lineterminator="\n")
    table.writerow([*header, TIME_STEP])
    for number, row in enumerate(body):
        step = None if place is None else _number(row[place])
        known = step is not None and math.isfinite(step)
        fields = ["NaN" if field.lower() == "nan" else field for field in row]
        table.writerow([*fields, int(step) if known and step is not None else number])
    return text.getvalue().encode()


def _number(text: str) -> float | None:
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return None
