"""``progress.json``: one JSON object per dump and line."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from rla.core import json_codec
from rla.writers.append_file import AppendFile
from rla.writers.base import TIME_STEP, TIMESTAMP, Dump, Writer


class JsonWriter(Writer):
    """One object per line: the recorded keys in their order, then ``time-step`` and ``timestamp``.

    ``rla.core.json_codec`` says how NaN and its like are written.
    """

    name: ClassVar = "json"

    def __init__(self, path: Path) -> None:
        """Open the file; a torn last line is removed.

        Raises:
            OSError: The file cannot be opened.
        """
        self._file = AppendFile(path)
        self._file.drop_torn_line()

    def write(self, dump: Dump) -> None:
        """Append one line.

        Raises:
            OSError: The line is not in the file.
        """
        dump = dump.seen_by(self.name)
        if dump.settled:
            line = json_codec.dumps({**dump.settled, TIME_STEP: dump.step, TIMESTAMP: dump.timestamp})
            self._file.append(line.encode() + b"\n")

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        self._file.close()
