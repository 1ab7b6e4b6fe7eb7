r"""Split the text of a hermes file into words: blanks and commas separate, quotes and brackets hold together.

* Between ``'`` everything stands for itself; between ``"`` a backslash makes ``"`` and ``\\`` stand for themselves.
* Outside of quotes a backslash makes the next character stand for itself.
* Inside brackets, ``[64, 64]`` or ``{"a": 1}``, nothing separates and everything is kept as written, quotes included.
* Nothing is expanded: ``$HOME``, ``*`` and ``;`` are ordinary characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_CLOSING: Final = {"[": "]", "{": "}", "(": ")"}
_PLAIN: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./=+:@%^~!?$*;&|<>`")
_BLANKS: Final = re.compile(r"\s*")
_COMMENT: Final = re.compile(r"(?<!\S)(?:#|//)")
_ORDINARY: Final = re.compile(r"""[^\s,'"\\\[\](){}]+""")
"""Characters that are neither blanks, nor quotes, nor brackets, nor end anything."""


class WordError(ValueError):
    """A text cannot be split; ``position`` is where in it the trouble begins, from 0."""

    def __init__(self, message: str, position: int) -> None:
        """Keep the place beside the message."""
        super().__init__(message)
        self.position = position


@dataclass(frozen=True)
class Word:
    """A word, and where it begins in its text, from 0."""

    text: str
    position: int


class Scanner:
    """Reads a text from a position on."""

    def __init__(self, text: str, position: int = 0) -> None:
        """Begin at a position."""
        self.text = text
        self.position = position

    def peek(self) -> str:
        """The next character, or nothing at the end."""
        return self.text[self.position : self.position + 1]

    def skip_blanks(self) -> None:
        """Go to the next character that is no blank."""
        self.position = _end(_BLANKS, self)

    def at_comment(self) -> bool:
        """Whether a comment begins here: ``#`` or ``//`` at the beginning of the line or after a blank."""
        return _COMMENT.match(self.text, self.position) is not None

    def word(self, stop: str = "") -> Word:
        """The next word; one of the characters of ``stop`` ends it, as a blank does.

        Raises:
            WordError: A quote or a bracket is not closed.
        """
        begin, parts = self.position, []
        while (char := self.peek()) and not char.isspace() and char not in stop:
            if char in "'\"":
                parts.append(self._quoted(char))
            elif char == "\\":
                parts.append(self._escaped())
            elif char in _CLOSING:
                parts.append(self._bracketed())
            else:
                end = max(_end(_ORDINARY, self), self.position + 1)
                parts.append(self.text[self.position : end])
                self.position = end
        return Word("".join(parts), begin)

    def _escaped(self) -> str:
        if self.position + 1 >= len(self.text):
            raise WordError("nothing follows the backslash: write \\\\ for a backslash", self.position)
        self.position += 2
        return self.text[self.position - 1]

    def _quoted(self, quote: str) -> str:
        begin, parts = self.position, []
        self.position += 1
        while (char := self.peek()) != quote:
            if not char:
                raise WordError(f"this quote is not closed: add {quote}", begin)
            if quote == '"' and self.text[self.position : self.position + 2] in {'\\"', "\\\\"}:
                self.position += 1
                char = self.peek()
            parts.append(char)
            self.position += 1
        self.position += 1
        return "".join(parts)

    def _bracketed(self) -> str:
        """A balanced bracket as it stands; quotes inside it hide other brackets."""
        begin, closing = self.position, [_CLOSING[self.peek()]]
        self.position += 1
        while closing:
            char = self.peek()
            if not char:
                raise WordError(f"this bracket is not closed: add {closing[0]}, or quote the argument", begin)
            if char in "'\"":
                self._quoted(char)
                continue
            if char in _CLOSING:
                closing.append(_CLOSING[char])
            elif char == closing[-1]:
                closing.pop()
            self.position += 1
        return self.text[begin : self.position]


def words_of(text: str, position: int = 0, *, comments: bool = False) -> list[Word]:
    """The words of a whole text.

    Args:
        text: What to split.
        position: Where to begin.
        comments: Let a comment end it.

    Raises:
        WordError: A quote or a bracket is not closed.
    """
    return list(_words(Scanner(text, position), comments=comments))


def without_comment(text: str) -> str:
    """A line up to its comment; quotes and brackets count for nothing here."""
    return _COMMENT.split(text, maxsplit=1)[0].rstrip()


def quoted(word: str) -> str:
    """A word as it is written in a hermes file: :func:`words_of` gives the same word back."""
    if word and _PLAIN.issuperset(word) and not word.startswith("//"):
        return word
    if "'" not in word:
        return f"'{word}'"
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _end(pattern: re.Pattern[str], scanner: Scanner) -> int:
    """Where what follows ends that matches; the scanner's own position when nothing does."""
    match = pattern.match(scanner.text, scanner.position)
    return scanner.position if match is None else match.end()


def _words(scanner: Scanner, *, comments: bool) -> Iterator[Word]:
    scanner.skip_blanks()
    while scanner.peek() and not (comments and scanner.at_comment()):
        yield scanner.word()
        scanner.skip_blanks()
