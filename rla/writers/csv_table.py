r"""The bytes of a CSV table (RFC 4180, line ends ``\n``): cells, rows, and finding one's way among quotes.

Source: https://www.rfc-editor.org/rfc/rfc4180, section 2. A quote character inside a quoted field
is doubled, so a line end is the end of a row exactly where an even number of quotes came before.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable
from typing import BinaryIO, Final

import msgspec

from rla.writers.values import Cell

CHUNK: Final = 1 << 22
_MUST_QUOTE: Final = re.compile('[",\r\n]')
_UNWRITABLE: Final = re.compile("[\0\ud800-\udfff]")
_encode = msgspec.json.Encoder().encode


def cell_text(cell: Cell) -> str:
    """How a cell is written; floats by the same digits as msgspec's JSON, which round-trip."""
    if cell is None:
        return ""
    if isinstance(cell, str):
        return quote(cell)
    if isinstance(cell, int):
        return str(int(cell))  # True is 1
    if math.isfinite(cell):
        return _encode(cell).decode()
    return "NaN" if math.isnan(cell) else "inf" if cell > 0 else "-inf"


def quote(text: str) -> str:
    """A text as a field, in quotes where it must be."""
    text = writable(text)
    return '"' + text.replace('"', '""') + '"' if _MUST_QUOTE.search(text) else text


def writable(text: str) -> str:
    """A text with NUL and lone surrogates replaced by their escapes: no reader takes them."""
    return _UNWRITABLE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def row(fields: Iterable[str]) -> bytes:
    """Fields that are quoted already, as one row."""
    return ",".join(fields).encode() + b"\n"


def read_header(stream: BinaryIO) -> tuple[list[str], int]:
    """Read the first row.

    Returns:
        Its fields, and how many bytes it takes with its line end.
    """
    header = b""
    for line in stream:
        header += line
        if header.count(b'"') % 2 == 0:
            break
    text = io.StringIO(header.decode("utf-8", "replace"), newline="")
    return next(csv.reader(text), []), len(header)


def whole_rows(stream: BinaryIO) -> int:
    """How many bytes from the start are whole rows; what follows was torn off by a kill."""
    end = position = 0
    inside = False
    while chunk := stream.read(CHUNK):
        parts = chunk.split(b'"')
        for part in parts:
            if not inside and (found := part.rfind(b"\n")) >= 0:
                end = position + found + 1
            position += len(part) + 1
            inside = not inside
        position -= 1  # there is one quote less than there are parts,
        inside = not inside  # and one turn less
    return end


def pad_rows(chunk: bytes, padding: bytes, *, inside: bool) -> tuple[bytes, bool]:
    """Put a padding before every row end of a piece of a table.

    Args:
        chunk: The piece; it may begin and end anywhere.
        padding: The commas of the new, empty fields.
        inside: Whether the piece begins within quotes.

    Returns:
        The padded piece, and whether it ends within quotes.
    """
    if b'"' not in chunk and not inside:
        return chunk.replace(b"\n", padding + b"\n"), inside
    parts = chunk.split(b'"')
    parts[inside::2] = [part.replace(b"\n", padding + b"\n") for part in parts[inside::2]]
    return b'"'.join(parts), inside ^ (len(parts) % 2 == 0)
