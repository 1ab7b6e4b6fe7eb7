"""``log.txt`` and the terminal: a table per dump and lines in between, for people."""

from __future__ import annotations

import math
import re
import sys
from abc import abstractmethod
from collections.abc import Callable
from operator import itemgetter
from pathlib import Path
from typing import Any, ClassVar, Final, NamedTuple

from rla.core.interrupts import pass_interrupt_on
from rla.writers.append_file import AppendFile
from rla.writers.base import TIME_STEP, TIMESTAMP, Dump, Plans, Shape, Writer
from rla.writers.values import Cell

_WIDTH: Final = 14
"""The least width of the value column: any ``%.3g``, and a timestamp, fit."""
_LONGEST: Final = 80
_CUT: Final = 40
_FORMATS: Final = {float: b"%-14.3g", int: b"%-14d"}
_CONTROL: Final = re.compile("[\0-\x08\x0a-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_CONTROL_IN_LINES: Final = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


class _Plan(NamedTuple):
    """How a table of one shape is written."""

    keys: tuple[str, ...]
    """What is shown of the keys, in the order of the lines, all of one width."""
    pick: Callable[[tuple[Any, ...]], tuple[Any, ...]]
    """Gives the cells in the order of the lines."""
    clock: int
    """The line of the timestamp."""
    template: bytes
    """The whole table with a ``%`` format for each number; empty when not all cells are numbers."""
    length: int
    """Its length when no number is wider than its column."""


class TextWriter(Writer):
    """Draws each dump as a table and takes log lines.

    Keys are sorted without regard to case. Control characters are shown as escapes, so that
    neither a key nor a value can move the cursor of a terminal or forge a line.
    """

    def __init__(self) -> None:
        """Start with no table drawn."""
        self._plans = Plans(_plan)

    @abstractmethod
    def _emit(self, data: bytes) -> None:
        """Bring UTF-8 text to its reader."""

    def write(self, dump: Dump) -> None:
        """Write one table.

        Raises:
            OSError: The table is not in the file.
        """
        if dump.excluded:
            dump = dump.seen_by(self.name)
        if dump.settled:
            plan = self._plans[dump.shape]
            cells = plan.pick(dump.cells)
            table = plan.template % cells if plan.template else b""
            self._emit(table if len(table) == plan.length else _table(plan, cells))

    def write_line(self, text: str) -> None:
        r"""Write a log line; ``\n`` within it begins another line.

        Raises:
            OSError: The line is not in the file.
        """
        self._emit(_escape(text.replace("\r\n", "\n"), _CONTROL_IN_LINES).encode() + b"\n")


class LogWriter(TextWriter):
    """Appends tables and lines to a file, by default ``log.txt``."""

    name: ClassVar = "log"

    def __init__(self, path: Path) -> None:
        """Open the file; a torn last line is removed.

        Raises:
            OSError: The file cannot be opened.
        """
        super().__init__()
        self._file = AppendFile(path)
        self._file.drop_torn_line()

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        self._file.close()

    def _emit(self, data: bytes) -> None:
        self._file.append(data)


class StdoutWriter(TextWriter):
    """Writes to whatever ``sys.stdout`` is at that moment; a terminal that is gone is no error."""

    name: ClassVar = "stdout"

    def close(self) -> None:
        """Leave the terminal open: it is not ours."""

    def _emit(self, data: bytes) -> None:
        try:
            stream = sys.stdout
            encoding = getattr(stream, "encoding", None) or "utf-8"
            stream.write(data.decode().encode(encoding, "replace").decode(encoding))
            stream.flush()
        except Exception as error:  # noqa: BLE001 - closed, broken pipe, a notebook's own: nobody is there to be told
            pass_interrupt_on(error)


def _plan(shape: Shape) -> _Plan:
    names = [_shown(name) for name in (*shape[0], TIME_STEP, TIMESTAMP)]
    order = sorted(range(len(names)), key=lambda index: names[index].lower())
    width = max(map(len, names))
    keys = tuple(names[index].ljust(width) for index in order)
    clock = order.index(len(names) - 1)
    template = b""
    if _FORMATS.keys() >= set(shape[1]):
        formats = [_FORMATS[shape[1][index]] for index in order]
        formats[clock] = b"%-14.3f"
        lines = [b"| %b | %b |\n" % (_literal(key), form) for key, form in zip(keys, formats, strict=True)]
        edge = _edge(width, _WIDTH)
        template = edge + b"".join(lines) + edge
    length = len(template % ((0,) * len(order))) if template else -1
    return _Plan(keys, itemgetter(*order), clock, template, length)


def _table(plan: _Plan, cells: tuple[Cell, ...]) -> bytes:
    """The table of any cells, as wide as its widest value."""
    values = [_value_text(cell) for cell in cells]
    values[plan.clock] = f"{cells[plan.clock]:.3f}"
    width = max(_WIDTH, *map(len, values))
    lines = [f"| {key} | {value.ljust(width)} |\n" for key, value in zip(plan.keys, values, strict=True)]
    edge = _edge(len(plan.keys[0]), width)
    return edge + "".join(lines).encode() + edge


def _value_text(cell: Cell) -> str:
    if type(cell) is float:
        return f"{cell:.3g}" if math.isfinite(cell) else str(cell)
    return _shown(str(cell))


def _shown(text: str) -> str:
    """What the table shows of a text."""
    return _escape(text if len(text) <= _LONGEST else text[:_CUT] + "...", _CONTROL)


def _escape(text: str, dangerous: re.Pattern[str]) -> str:
    return dangerous.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}"  # noqa: PLR2004


def _edge(key_width: int, value_width: int) -> bytes:
    return b"-" * (key_width + value_width + 7) + b"\n"


def _literal(key: str) -> bytes:
    return key.encode().replace(b"%", b"%%")
