"""Feed one dump to every format, and let none of them harm the training or each other."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Callable, Sequence
from typing import Final

from rla.core.interrupts import pass_interrupt_on
from rla.writers.base import Dump, PartialRowError, Writer
from rla.writers.text_writer import TextWriter

OnLost = Callable[[str, str, int], None]
"""``on_lost(cause, message, count)``: so many values are missing from a file."""
OnOdd = Callable[[str, str], None]
"""``on_odd(key, message)``: values of this key are not kept as they are; called once per key."""

_TOLD_LIMIT: Final = 1000


class MultiWriter:
    """Fans one dump out to all writers. Nothing it does raises, but an interrupt."""

    def __init__(self, writers: Sequence[Writer], on_lost: OnLost, on_odd: OnOdd | None = None) -> None:
        """Take over the writers; they are closed with this one.

        Args:
            writers: The formats, in the order in which they are written.
            on_lost: Told of every row or value that a file does not hold. The cause
                (``"csv:ENOSPC"``) stays the same while the reason does, so that a caller can warn
                once per cause and count.
            on_odd: Told once per key of a value that had to become text or was left out.
        """
        self._writers = list(writers)
        self._on_lost = on_lost
        self._on_odd = on_odd
        self._told: set[str] = set()

    def write(self, dump: Dump) -> None:
        """Write one row in every format; failures are reported, never raised."""
        for writer in self._writers:
            try:
                writer.write(dump)
            except Exception as error:  # noqa: BLE001 - recording never harms training
                self._report(writer, error, len(dump.settled))
        if dump.oddities:
            self._tell(dump)

    def write_line(self, text: str) -> None:
        """Write a log line to every writer that takes lines; failures are reported, never raised."""
        for writer in self._writers:
            if isinstance(writer, TextWriter):
                try:
                    writer.write_line(text)
                except Exception as error:  # noqa: BLE001 - recording never harms training
                    self._report(writer, error, 1)

    def close(self) -> None:
        """Close every writer; a second call does nothing."""
        for writer in self._writers:
            try:
                writer.close()
            except Exception as error:  # noqa: BLE001 - the other files must still be closed
                self._report(writer, error, 0)

    def _report(self, writer: Writer, error: Exception, count: int) -> None:
        pass_interrupt_on(error)
        kind = errno.errorcode.get(getattr(error, "errno", None) or 0, type(error).__name__)
        lost = error.lost if isinstance(error, PartialRowError) else count
        with contextlib.suppress(Exception):
            self._on_lost(f"{writer.name}:{kind}", f"{writer.name}: {error}", lost)

    def _tell(self, dump: Dump) -> None:
        for key, message in dump.oddities.items():
            if self._on_odd is None or key in self._told or len(self._told) >= _TOLD_LIMIT:
                continue
            self._told.add(key)
            with contextlib.suppress(Exception):
                self._on_odd(key, message)
