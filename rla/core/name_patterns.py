"""Patterns that index names are selected by: regular expressions, and the shell patterns of RLA."""

from __future__ import annotations

import fnmatch
import re
import time
from collections.abc import Iterable, Sequence
from typing import Final

from rla.errors import SelectionError

REGEX_SECONDS: Final = 2.0
"""How long one selection may search, however many runs there are."""

_MAX_PATTERN: Final = 2_000
_MAX_SIZE: Final = 100_000
"""Parts of a pattern when each ``{n}`` is written out, as its compiler does; so many take some 50 MB."""

_PART: Final = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\{(?P<least>\d*)(?P<comma>,?)(?P<most>\d*)\}|.", re.DOTALL)
_LEVELS: Final = 4
"""Year, month, day, name."""
_MAGIC: Final = re.compile(r"[*?\[]")


class RegexPattern:
    """A Python regular expression; a search with it ends within :data:`REGEX_SECONDS`, on any thread."""

    def __init__(self, pattern: str) -> None:
        """Read it.

        Raises:
            SelectionError: It is no regular expression.
        """
        import regex  # noqa: PLC0415 - 50 ms that only those pay who use it; re cannot be interrupted

        if len(pattern) > _MAX_PATTERN or _size(pattern) > _MAX_SIZE:
            raise SelectionError(
                f"the regular expression is too large: longer than {_MAX_PATTERN} characters, or {{n}} too often"
            )
        self._text = pattern
        try:
            self._compiled = regex.compile(pattern)
        except regex.error as error:
            message = f"this is no regular expression: {str(error).partition(' at position')[0]}"
            raise SelectionError(message, expression=pattern, position=getattr(error, "pos", 0) or 0) from None
        except (RecursionError, OverflowError, MemoryError, ValueError) as error:
            raise SelectionError(f"this is no regular expression: {error}") from None

    def found_in(self, texts: Iterable[str | None]) -> list[bool]:
        """In which texts it is found; None is no text.

        Raises:
            SelectionError: The search takes too long.
        """
        end = time.monotonic() + REGEX_SECONDS
        try:
            return [text is not None and self._search(text, end) for text in texts]
        except TimeoutError:
            message = (
                f"the regular expression {self._text!r:.80} takes longer than {REGEX_SECONDS:g} s; "
                "repetitions inside repetitions, as (a+)+, are the usual cause"
            )
            raise SelectionError(message) from None

    def _search(self, text: str, end: float) -> bool:
        left = end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return self._compiled.search(text, timeout=left) is not None


def _size(pattern: str) -> int:
    """How many parts a regular expression has when its counted repetitions are written out."""
    open_groups, last = [0], 0
    for part in _PART.finditer(pattern):
        if part[0] == "(":
            open_groups.append(0)
        elif part[0] == ")" and len(open_groups) > 1:
            last = open_groups.pop()
            open_groups[-1] += last
        elif part[0][0] == "{" and (part["least"] or part["most"]):
            times = int(part["most"] or part["least"])
            open_groups[-1] += last * max(times - 1, 0)
            last *= times
        else:
            open_groups[-1] += 1
            last = 1
        if open_groups[-1] > _MAX_SIZE:
            break
    return sum(open_groups)


class GlobPattern:
    """A pattern that is matched against ``YYYY/MM/DD/<name>``, level by level, as a shell does.

    With fewer than four levels it selects everything below what it fits, as RLA did.
    """

    def __init__(self, pattern: str) -> None:
        """Split it into levels."""
        pattern = pattern.removeprefix("./").rstrip("/")
        levels = pattern.split("/", _LEVELS - 1) if pattern else []
        self._levels = [re.compile(fnmatch.translate(level)) for level in levels]
        self.prefix = _literal_beginning(levels)

    def fits(self, created: str, names: Sequence[str]) -> bool:
        """Whether it selects a run.

        Args:
            created: The time stamp, ``YYYY/MM/DD/HH-MM-SS-ffffff``.
            names: The spellings of its index name; one that fits is enough.
        """
        *dates, _ = created.split("/", _LEVELS - 1)
        if not all(level.match(date) for level, date in zip(self._levels, dates, strict=False)):
            return False
        if len(self._levels) < _LEVELS:
            return True
        return any(self._levels[-1].match(name) for name in names)


def _literal_beginning(levels: Sequence[str]) -> str:
    """What every time stamp that fits begins with."""
    text = "/".join(levels)
    magic = _MAGIC.search(text)
    beginning = text if magic is None else text[: magic.start()]
    return beginning[: len("YYYY/MM/DD/HH-MM-SS-ffffff")]
