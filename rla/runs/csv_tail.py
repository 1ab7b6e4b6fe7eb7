"""The last whole row of a progress.csv, without reading what comes before it."""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path
from typing import Final

_FIRST_CHUNK: Final = 16 * 1024


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
        row = _last_whole(file.read(size - start), len(header[0]), at_row_start=start == body)
        if row is not None:
            return dict(zip(header[0], row, strict=True))
        if start == body:
            return None
        chunk *= 8
    return None


def _last_whole(data: bytes, width: int, *, at_row_start: bool) -> list[str] | None:
    """The last row of the right width in a piece that may begin inside a row."""
    whole = data[: data.rfind(b"\n") + 1]
    end = len(whole)
    start = end
    while start > 0:
        start = whole.rfind(b"\n", 0, start - 1) + 1
        if start == 0 and not at_row_start:
            return None
        rows = _parse(whole[start:end])
        if whole[start:end].count(b'"') % 2 == 0 and len(rows) == 1 and len(rows[0]) == width:
            return rows[0]
    return None


def _parse(data: bytes) -> list[list[str]]:
    try:
        return list(csv.reader(io.StringIO(data.decode("utf-8", "replace"), newline="")))
    except csv.Error:
        return []
