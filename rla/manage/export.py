"""Runs as a table for other programs: CSV for spreadsheets, JSON, LaTeX.

The three have the same columns. Names and values are data: none of them becomes a formula of a
spreadsheet or a command of TeX.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from rla.core import json_codec
from rla.core.hyperparams import flatten
from rla.errors import ConfigError, SelectionError
from rla.fsio.output_file import write_output
from rla.runs.cells import cell_text, decimal
from rla.runs.latex import latex_table
from rla.runs.run import Run
from rla.runs.unknown import nearest

_FIXED: Final = ("uid", "task", "name", "state", "started", "duration", "time_step", "tags", "notes")
_BEGINS_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""First characters by which spreadsheets take a text for a formula, and their full-width twins.

Source: OWASP, CSV Injection; OWASP ASVS 1.2.10.
"""

Table = tuple[list[str], list[list[Any]]]
"""The names of the columns, and a row of values for each run; None where a run has none."""


def export(runs: Sequence[Run], kind: str, columns: Sequence[str] | None = None) -> str:
    """The runs as one text, in their order.

    Args:
        runs: Which.
        kind: ``csv``, ``json`` or ``latex``.
        columns: Which columns, in this order; by default all: the run's own, each hyperparameter by its
            dotted name (with ``hp.`` before it where a column of the run has that name), then
            ``summary.<key>`` for each last value.

    Raises:
        ConfigError: There is no such kind.
        SelectionError: No run has one of the columns.
    """
    if kind not in FORMATS:
        raise ConfigError(f"runs are exported as {', '.join(FORMATS)}, not as {kind!r}", allowed=list(FORMATS))
    text = FORMATS[kind](*table(runs, columns))
    return text.encode("utf-8", "backslashreplace").decode("utf-8")  # a lone surrogate is no text elsewhere


def write_export(path: Path, text: str, *, force: bool = False) -> None:
    """Write a file whole or not at all.

    Args:
        path: The file.
        text: Its content.
        force: Replace a file that is there.

    Raises:
        ConfigError: There is something already, and it is not to be replaced or no plain file.
        OSError: It cannot be written.
    """
    write_output(path, text.encode("utf-8"), force=force)


def table(runs: Sequence[Run], columns: Sequence[str] | None = None) -> Table:
    """The table that all formats show.

    Raises:
        SelectionError: No run has one of the columns.
    """
    records = [_record(run) for run in runs]
    known = [*_FIXED]
    for part in (1, 2):  # the hyperparameters of all runs before the values of any
        known = list(dict.fromkeys([*known, *(key for record in records for key in record[part])]))
    for name in columns or ():
        if name not in known:
            raise SelectionError(f"no run has a column {name!r}; {nearest(name, known)}")
    chosen = known if columns is None else list(columns)
    whole = [{**fixed, **hyperparameters, **summary} for fixed, hyperparameters, summary in records]
    return chosen, [[record.get(name) for name in chosen] for record in whole]


def _record(run: Run) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    started = run.row["started"]
    fixed = {name: run.row[name] for name in ("uid", "task", "name", "time_step", "notes")}
    fixed |= {"state": run.state, "duration": run.duration, "tags": run.tags}
    fixed["started"] = None if started is None else datetime.fromtimestamp(started).astimezone().isoformat()
    hyperparameters = {f"hp.{key}" if key in _FIXED else key: value for key, value in flatten(run.hyperparameters)}
    return fixed, hyperparameters, {f"summary.{key}": value for key, value in run.summary.items()}


def _csv(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Every text in quotes, so that a separator of another country's spreadsheet begins no cell."""
    lines = [columns, *rows]
    return "".join(",".join(map(_csv_cell, line)) + "\n" for line in lines)


def _csv_cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, int):
        return decimal(value)
    if isinstance(value, float):
        return "NaN" if math.isnan(value) else repr(value)
    text = _harmless(cell_text(value)).replace('"', '""')
    return f'"{text}"'


def _harmless(text: str) -> str:
    """A text that no spreadsheet takes for a formula: the quote before it says that it is text."""
    return f"'{text}" if text.startswith(_BEGINS_FORMULA) else text


def _json(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A list of objects, with the encoding that the files of a run have."""
    objects = [dict(zip(columns, row, strict=True)) for row in rows]
    return msgspec.json.format(json_codec.dumps(objects), indent=2) + "\n"


FORMATS: Final[dict[str, Callable[[Sequence[str], Iterable[Sequence[Any]]], str]]] = {
    "csv": _csv,
    "json": _json,
    "latex": latex_table,
}
"""How each format is written, by its name."""
