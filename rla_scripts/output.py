"""How commands print: tables that fit the terminal, JSON, and text without control characters."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterable, Sequence
from typing import Any

import click

PIPED_WIDTH = 10_000
NOTHING_MATCHED = 3
"""The exit code when a selection is empty."""
SOME_FAILED = 4
"""The exit code when something could not be done to some of the runs."""


def echo_json(value: object) -> None:
    """One JSON document on stdout."""
    import msgspec

    from rla.core import json_codec

    click.echo(msgspec.json.format(json_codec.dumps(value), indent=2))


def echo_table(rows: Iterable[Sequence[object]], *, err: bool = False) -> None:
    """Columns as wide as their widest cell; a line is cut where the terminal ends."""
    is_terminal = (sys.stderr if err else sys.stdout).isatty()
    for line in table_lines(rows, shutil.get_terminal_size().columns if is_terminal else PIPED_WIDTH):
        click.echo(line, err=err)


def table_lines(rows: Iterable[Sequence[object]], limit: int) -> list[str]:
    """The lines of a table, none longer than the limit."""
    lines = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    texts = ("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)
    return [text if len(text) <= limit else (text[: max(limit - 3, 0)] + "...")[:limit] for text in texts]


def printable(value: object) -> str:
    """Any value as one line of text that cannot move the cursor."""
    text = "" if value is None else number(value) if isinstance(value, float) else str(value)
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def visible(line: str) -> str:
    """A line of a file as a terminal may have it: with its tabs, and nothing else that moves the cursor."""
    return "\t".join(map(printable, line.split("\t")))


def number(value: float) -> str:
    """A float as short as people read it."""
    return f"{value:.6g}"


def moment(seconds: float | None) -> str:
    """A time in the local zone."""
    return "" if seconds is None else time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


def pairs(values: dict[str, Any], limit: int | None = None) -> str:
    """``key=value`` texts in a row."""
    shown = list(values.items())[:limit]
    return " ".join(f"{key}={printable(value)}" for key, value in shown)
