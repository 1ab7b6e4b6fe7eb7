"""``progress.csv``: one row per dump, rectangular at every moment, whatever keys come late.

The first dump fixes the first columns: its keys in alphabetical order, then ``time-step`` and
``timestamp``. Keys that come later are appended behind them, each batch in alphabetical order,
and the rows before are padded with empty fields in a copy of the file that replaces it in one
step. That costs about one copy of the file per dump with new keys.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from operator import itemgetter
from pathlib import Path
from typing import Any, ClassVar, Final, NamedTuple

import msgspec

from rla.core.interrupts import pass_interrupt_on
from rla.fsio.atomic_write import temporary_beside, write_all
from rla.writers import csv_table
from rla.writers.append_file import AppendFile
from rla.writers.base import TIME_STEP, TIMESTAMP, Dump, PartialRowError, Plans, Shape, Writer

_NUMBERS: Final = frozenset({float, int})
_RETRY_SHARE: Final = 10
"""A failing widening is tried again after ten times its own duration: it never costs more than a tenth."""
_encode = msgspec.json.Encoder().encode


class _Plan(NamedTuple):
    """How a row of one shape is written."""

    pick: Callable[[tuple[Any, ...]], tuple[Any, ...]]
    """Takes the cells with None behind them, gives them in the order of the columns."""
    missing: int
    """Columns that this row leaves empty."""
    numbers: bool
    """Whether all cells are numbers, so that their JSON is their CSV."""
    lost: int
    """Values without a column, because the table could not be widened."""


class CsvWriter(Writer):
    """Appends to ``progress.csv``; an existing one is continued.

    A key is found by the text of its column, so what a file called it before goes on there.
    """

    name: ClassVar = "csv"

    def __init__(self, path: Path) -> None:
        """Open the table and remove a torn last row.

        Raises:
            OSError: The file cannot be opened.
        """
        self._path = path
        self._plans = Plans(self._plan)
        self._retry_at = 0.0
        self._file: AppendFile | None = None
        self._closed = False
        self._open()

    def write(self, dump: Dump) -> None:
        """Append one row.

        Raises:
            PartialRowError: The row is there, without values for which no column could be made.
            OSError: The row is not in the file.
        """
        if dump.excluded:
            dump = dump.seen_by(self.name)
        if not dump.settled:
            return
        plan = self._plans[dump.shape]
        assert self._file is not None
        self._file.append((_numbers_row(plan, dump.cells) if plan.numbers else None) or _row(plan, dump.cells))
        if plan.lost:
            self._plans.clear()  # the next dump tries to widen the table again
            raise PartialRowError(f"{self._path} could not be widened; new keys are missing in it", plan.lost)

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        self._closed = True
        if self._file is not None:
            self._file.close()

    def _open(self) -> None:
        """Take the table as it is on the disk."""
        file = AppendFile(self._path)
        try:
            with self._path.open("rb") as stream:
                file.truncate(csv_table.whole_rows(stream))
                stream.seek(0)
                header, size = csv_table.read_header(stream) if file.size else ([], 0)
        except BaseException:
            file.close()
            raise
        self._adopt(file, header, size)

    def _adopt(self, file: AppendFile, header: list[str], header_size: int) -> None:
        if self._file is not None and self._file is not file:
            self._file.close()
        self._file = file
        self._header = header
        self._header_size = header_size
        self._unsure = False

    def _plan(self, shape: Shape) -> _Plan:
        if self._unsure and not self._closed:  # an interrupt came while the file was being replaced
            self._open()
        names = [*map(csv_table.writable, shape[0]), TIME_STEP, TIMESTAMP]
        new = set(names).difference(self._header)
        if new:
            self._try_to_widen([*sorted(new - {TIME_STEP, TIMESTAMP}), *(n for n in names[-2:] if n in new)])
        place = {name: index for index, name in enumerate(names)}
        nothing = len(names)
        order = [place.get(name, nothing) for name in self._header]
        return _Plan(
            pick=itemgetter(*order),
            missing=order.count(nothing),
            numbers=_NUMBERS.issuperset(shape[1]),
            lost=len(new.difference(self._header)),
        )

    def _try_to_widen(self, new: list[str]) -> None:
        """Add columns, unless that failed a moment ago.

        Raises:
            OSError: There is no table yet, and none could be begun.
        """
        started = time.monotonic()
        if self._header and started < self._retry_at:
            return
        self._plans.clear()
        self._unsure = True
        try:
            self._widen([*self._header, *new], len(new))
        except OSError as error:
            pass_interrupt_on(error)
            self._unsure = False  # all is as it was
            if not self._header:
                raise
            now = time.monotonic()
            self._retry_at = now + _RETRY_SHARE * (now - started)

    def _widen(self, header: list[str], added: int) -> None:
        assert self._file is not None
        line = csv_table.row(map(csv_table.quote, header))
        self._file.settle()
        if self._file.size:
            self._adopt(self._replace(line, b"," * added), header, len(line))
        else:
            self._file.append(line)
            self._adopt(self._file, header, len(line))

    def _replace(self, header: bytes, padding: bytes) -> AppendFile:
        """Put a padded copy under another header in the file's place, whole or not at all."""
        temporary = temporary_beside(self._path)
        file = None
        try:
            self._copy_padded(temporary, header, padding)
            file = AppendFile(temporary)  # before it has its name: after that nothing may fail
            os.replace(temporary, self._path)  # noqa: PTH105 - one system call
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            if file is not None:
                file.close()
            raise
        return file

    def _copy_padded(self, target: Path, header: bytes, padding: bytes) -> None:
        with self._path.open("rb", buffering=0) as old, target.open("xb", buffering=0) as new:
            with contextlib.suppress(OSError):  # a file system without modes
                os.fchmod(new.fileno(), os.fstat(old.fileno()).st_mode & 0o7777)
            write_all(new.fileno(), header)
            old.seek(self._header_size)
            inside = False
            while chunk := old.read(csv_table.CHUNK):
                padded, inside = csv_table.pad_rows(chunk, padding, inside=inside)
                write_all(new.fileno(), padded)


def _numbers_row(plan: _Plan, cells: tuple[Any, ...]) -> bytes | None:
    """The row of numbers by the shortest way; None when one of them is NaN or infinite.

    JSON says ``null`` for those, and for the columns that this row leaves empty.
    """
    text = _encode(plan.pick((*cells, None)))
    if text.count(b"null") != plan.missing:
        return None
    if plan.missing:
        text = text.replace(b"null", b"")
    return text[1:-1] + b"\n"


def _row(plan: _Plan, cells: tuple[Any, ...]) -> bytes:
    """The row of any cells."""
    return csv_table.row(map(csv_table.cell_text, plan.pick((*cells, None))))
