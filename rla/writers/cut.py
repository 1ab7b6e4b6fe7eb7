"""Copies of what a run recorded, cut after a time step: what a run begins with that continues another."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from rla.core.layout import EVENT_FILES
from rla.writers import csv_table
from rla.writers.base import TIME_STEP, TIMESTAMP
from rla.writers.protobuf import double, fields

_WALL_TIME: Final = 1
_STEP: Final = 2
_FILE_VERSION: Final = 3
_SUMMARY: Final = 5
_SIGN: Final = 1 << 63


def cut_csv(source: Path, target: Path, step: int, but: float | None = None) -> float | None:
    """Copy the rows of a ``progress.csv`` up to a time step; a torn last row is left out.

    A row whose time step is no number is kept.

    Args:
        source: The table.
        target: A file that does not exist.
        step: The last time step to keep.
        but: The timestamp of a row that is left out.

    Returns:
        When the last row that was kept was dumped, in seconds since the epoch; None without any.

    Raises:
        OSError: One of the files cannot be read or written.
    """
    last = b""
    with source.open("rb") as old, target.open("xb") as new:
        header, size = csv_table.read_header(old)
        old.seek(0)
        new.write(old.read(size))
        of_step, of_time = (header.index(name) if name in header else len(header) for name in (TIME_STEP, TIMESTAMP))
        for row in _rows(old):
            is_left_out = but is not None and _number(_field(row, of_time)) == but
            if not is_left_out and _is_within(_field(row, of_step), step):
                new.write(row)
                last = row
    return _number(_field(last, of_time))


def cut_json(source: Path, target: Path, step: int, but: float | None = None) -> None:
    """Copy the lines of a ``progress.json`` up to a time step, but for one; what is no such line is left out.

    Raises:
        OSError: One of the files cannot be read or written.
    """
    with source.open("rb") as old, target.open("xb") as new:
        new.writelines(line for line in old if line.endswith(b"\n") and _is_line_within(line, step, but))


def cut_events(source: Path, target: Path, step: int, but: float | None = None) -> None:
    """Copy the events of a directory up to a time step into one file.

    The hyperparameters are left out: the new run tells its own. So is everything behind a torn or
    damaged record, which no reader can pass.

    Args:
        source: The directory of event files.
        target: A file that does not exist.
        step: The last time step to keep.
        but: The wall time of the dump that is left out.

    Raises:
        OSError: One of the files cannot be read or written.
    """
    skipped = b"" if but is None else double(_WALL_TIME, but)
    from rla.writers.record import contents, frame  # noqa: PLC0415 - crc32c takes 30 ms to import

    with target.open("xb") as new:
        for number, file in enumerate(sorted(source.glob(EVENT_FILES))):
            with file.open("rb") as old:
                kept = (event for event in contents(old) if not skipped or not event.startswith(skipped))
                new.writelines(frame(event) for event in kept if _is_kept(event, step, first=number == 0))


def _rows(stream: BinaryIO) -> Iterator[bytes]:
    """The whole rows of a table from here on."""
    row = b""
    for line in stream:
        row += line
        if line.endswith(b"\n") and row.count(b'"') % 2 == 0:
            yield row
            row = b""


def _field(row: bytes, place: int) -> bytes:
    if b'"' not in row:
        parts = row.split(b",", place + 1)
    else:
        text = io.StringIO(row.decode("utf-8", "replace"), newline="")
        parts = [part.encode() for part in next(csv.reader(text), [])]
    return parts[place] if place < len(parts) else b""


def _is_within(field: bytes, step: int) -> bool:
    number = _number(field)
    return number is None or number <= step


def _number(field: bytes) -> float | None:
    try:
        return int(field)
    except ValueError:
        pass
    try:
        return float(field)
    except ValueError:
        return None


class _Line(msgspec.Struct):
    step: int = msgspec.field(name=TIME_STEP)
    timestamp: float = msgspec.field(name=TIMESTAMP)


_decode_line = msgspec.json.Decoder(_Line).decode


def _is_line_within(line: bytes, step: int, but: float | None) -> bool:
    try:
        values = _decode_line(line)
    except msgspec.MsgspecError:
        return False
    return values.step <= step and values.timestamp != but


def _is_kept(event: bytes, step: int, *, first: bool) -> bool:
    try:
        content = dict(fields(event))
    except ValueError:
        return False
    if _FILE_VERSION in content:
        return first
    return _signed(content.get(_STEP)) <= step and not _tells_hyperparameters(content.get(_SUMMARY))


def _signed(number: bytes | int | None) -> int:
    """A varint of type int64; a field that is not there is 0."""
    value = number if isinstance(number, int) else 0
    return value - 2 * _SIGN if value >= _SIGN else value


def _tells_hyperparameters(summary: bytes | int | None) -> bool:
    """Whether a ``Summary`` is what a run tells TensorBoard of its start and its end."""
    for _, value in fields(summary) if isinstance(summary, bytes) else ():
        tag = dict(fields(value)).get(1) if isinstance(value, bytes) else None
        return isinstance(tag, bytes) and (tag.startswith(b"_hparams_/") or tag == b"hyperparameters")
    return False
