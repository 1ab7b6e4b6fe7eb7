"""A line of a file, which knows where it stands, and so can say what is wrong with it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rla.errors import HermesFileError

_ENDS: Final = re.compile(r"\r\n|\n|\r")
"""What ends a line. Other characters that break lines elsewhere, as U+2028, may stand in an argument."""


@dataclass(frozen=True)
class Line:
    """A line.

    Attributes:
        text: What it says, without its end.
        number: Which line of the file, from 1.
        path: The file, or None for a command line.
    """

    text: str
    number: int = 1
    path: Path | None = None

    def error(self, message: str, position: int = 0) -> HermesFileError:
        """What is wrong at a position, from 0."""
        return HermesFileError(message, path=self.path, line=self.number, column=position + 1, text=self.text)

    def saying(self, text: str) -> Line:
        """The same place with another text: what a directive of it makes."""
        return Line(text, self.number, self.path)


def read_lines(path: Path) -> list[Line]:
    """The lines of a text file in UTF-8, whatever ends them.

    Raises:
        OSError: It cannot be read.
        HermesFileError: It is no text.
    """
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = _ENDS.split(content[: error.start].decode("utf-8-sig"))
        text = before[-1] + content[error.start :].partition(b"\n")[0].decode("utf-8", "replace").rstrip("\r")
        raise Line(text, len(before), path).error(
            "this is not UTF-8: save the file as UTF-8", len(before[-1])
        ) from error
    lines = [Line(line, number, path) for number, line in enumerate(_ENDS.split(text), start=1)]
    for line in lines:
        if "\0" in line.text:
            raise line.error("no argument can hold this character, NUL: remove it", line.text.index("\0"))
    return lines if lines[-1].text else lines[:-1]
