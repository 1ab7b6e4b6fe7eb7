"""The last whole row of a progress.csv, without reading what comes before it."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_FIRST_CHUNK: Final = 16 * 1024
_BLOCK: Final = 1 << 20
_CHEAP: Final = 1 << 20
"""Bytes that are read to know whether a piece begins inside a quoted field; more only where the piece has quotes."""


def last_row(path: Path) -> dict[str, str] | None:
    """The newest row that was written whole, by column.

    A last line without its newline is a row still being written, or torn by a kill: it does not count.

    Returns:
        The row's texts, or None when there is no file or no whole row.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        return _last_row(file, os.fstat(descriptor).st_size)


def _last_row(file: io.BufferedReader, size: int) -> dict[str, str] | None:
    header_text = file.readline()
    header = _parse(header_text)
    while header_text.count(b'"') % 2 and (more := file.readline()):  # a quoted newline in a key
        header_text += more
        header = _parse(header_text)
    body = file.tell()
    chunk = _FIRST_CHUNK
    while header:
        start = max(body, size - chunk)
        file.seek(start)
        data = file.read(size - start)
        may_quote = b'"' in data or start - body < _CHEAP
        inside = start > body and may_quote and _count_quotes(file, body, start) % 2 == 1
        for row in _rows_backward(data, inside=inside, at_row_start=start == body):
            if len(row) == len(header[0]):
                return dict(zip(header[0], row, strict=True))
        if start == body:
            return None
        chunk *= 8
    return None


def _rows_backward(data: bytes, *, inside: bool, at_row_start: bool) -> Iterator[list[str]]:
    """The whole rows of a piece, the last one first.

    Args:
        data: The piece; what follows its last row end is no row.
        inside: Whether it begins inside a quoted field.
        at_row_start: Whether it begins where a row does.
    """
    ends = _row_ends_backward(data, inside=inside)
    end = next(ends, None)
    while end is not None:
        start = next(ends, None)
        if start is not None or at_row_start:
            yield from _parse(data[start or 0 : end])
        end = start


def _row_ends_backward(data: bytes, *, inside: bool) -> Iterator[int]:
    """Where rows end: after each newline that is in no quoted field."""
    end = len(data)
    quotes = inside + data.count(b'"')
    while (newline := data.rfind(b"\n", 0, end)) >= 0:
        quotes -= data.count(b'"', newline, end)
        if quotes % 2 == 0:
            yield newline + 1
        end = newline


def _count_quotes(file: io.BufferedReader, start: int, end: int) -> int:
    """How many quotation marks lie between two places: an odd number leaves a field open."""
    file.seek(start)
    count = 0
    while start < end and (block := file.read(min(_BLOCK, end - start))):
        count += block.count(b'"')
        start += len(block)
    return count


def _parse(data: bytes) -> list[list[str]]:
    try:
        return list(csv.reader(io.StringIO(data.decode("utf-8", "replace"), newline="")))
    except csv.Error:
        return []
