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


def echo_json(value: object) -> None:
    """One JSON document on stdout."""
    import msgspec

    from rla.core import json_codec

    click.echo(msgspec.json.format(json_codec.dumps(value), indent=2))


def echo_table(rows: Iterable[Sequence[object]]) -> None:
    """Columns as wide as their widest cell; a line is cut where the terminal ends."""
    lines = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    limit = shutil.get_terminal_size().columns if sys.stdout.isatty() else PIPED_WIDTH
    for line in lines:
        text = "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        click.echo(text if len(text) <= limit else (text[: max(limit - 3, 0)] + "...")[:limit])


def printable(value: object) -> str:
    """Any value as one line of text that cannot move the cursor."""
    text = "" if value is None else number(value) if isinstance(value, float) else str(value)
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


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
