"""The kinds of values that settings take: how each is checked, and read from a variable."""

from __future__ import annotations

import reprlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Final

_TRUE: Final = frozenset({"1", "true", "yes", "on"})
_FALSE: Final = frozenset({"0", "false", "no", "off"})
_LAST_PORT: Final = 65_535
_SHORT_NUMBER: Final = 10**12


class RefusedValueError(ValueError):
    """A value that a kind does not take; where it stands is added by who knows it.

    Attributes:
        value: What was found.
        wanted: The end of a sentence that tells what is taken instead.
        at: Which item of a list it is, as ``[1]``, or nothing.
        allowed: The values that are taken, where they can be listed.
    """

    def __init__(self, value: object, wanted: str, *, at: str = "", allowed: Sequence[str] = ()) -> None:
        """Keep what was found beside what is wanted."""
        super().__init__(wanted)
        self.value = value
        self.wanted = wanted
        self.at = at
        self.allowed = tuple(allowed)


class Kind(ABC):
    """One kind of value. A subclass checks what a file holds, and reads what a variable holds."""

    @abstractmethod
    def check(self, value: object) -> Any:
        """The value in the type the configuration keeps.

        Raises:
            RefusedValueError: The value is not of this kind.
        """

    @abstractmethod
    def from_text(self, text: str) -> Any:
        """The value that an environment variable spells.

        Raises:
            RefusedValueError: The text spells none.
        """


@dataclass(frozen=True)
class Text(Kind):
    """Text; where it is optional, nothing at all means the empty text."""

    optional: bool = True

    def check(self, value: object) -> str:
        """Text without NUL, which no path and no address can hold."""
        if value is None and self.optional:
            return ""
        text = str(value) if isinstance(value, PurePath) else value
        if not isinstance(text, str):
            raise RefusedValueError(value, "text is wanted, in quotes where YAML would read something else")
        if "\0" in text:
            raise RefusedValueError(value, "text without NUL is wanted")
        return text

    def from_text(self, text: str) -> str:
        """The text as it is."""
        return self.check(text)


@dataclass(frozen=True)
class Choice(Kind):
    """One of a few words."""

    words: tuple[str, ...]

    def check(self, value: object) -> str:
        """The word, if it is one of them."""
        if isinstance(value, str) and value in self.words:
            return value
        raise RefusedValueError(value, f"allowed: {', '.join(self.words)}", allowed=self.words)

    def from_text(self, text: str) -> str:
        """The word without blanks around it."""
        return self.check(text.strip())


@dataclass(frozen=True)
class Flag(Kind):
    """True or false."""

    def check(self, value: object) -> bool:
        """A YAML boolean; a quoted one is text and might mean the opposite of what it says."""
        if isinstance(value, bool):
            return value
        raise RefusedValueError(value, "allowed: true, false (without quotes)", allowed=("true", "false"))

    def from_text(self, text: str) -> bool:
        """``1, true, yes, on`` or ``0, false, no, off``."""
        word = text.strip().lower()
        if word in _TRUE or word in _FALSE:
            return word in _TRUE
        raise RefusedValueError(text, "allowed: true, false, 1, 0, yes, no, on, off", allowed=("true", "false"))


@dataclass(frozen=True)
class Items(Kind):
    """A list of values of one kind; a variable separates them by commas."""

    item: Kind

    def check(self, value: object) -> list[Any]:
        """The list, each item checked."""
        if not isinstance(value, Sequence) or isinstance(value, (str, bytes)):
            words = self.item.words if isinstance(self.item, Choice) else ()
            wanted = f"a list is wanted of: {', '.join(words)}" if words else "a list is wanted, as [a, b]"
            raise RefusedValueError(value, wanted, allowed=words)
        return [self._check_item(index, item) for index, item in enumerate(value)]

    def from_text(self, text: str) -> list[Any]:
        """The parts between commas, without blanks around them."""
        return self.check([part.strip() for part in text.split(",") if part.strip()])

    def _check_item(self, index: int, item: object) -> Any:
        try:
            return self.item.check(item)
        except RefusedValueError as refusal:
            raise RefusedValueError(item, refusal.wanted, at=f"[{index}]", allowed=refusal.allowed) from refusal


@dataclass(frozen=True)
class Port(Kind):
    """A port of a server; nothing means the protocol's own."""

    def check(self, value: object) -> int | None:
        """The number, which may be written as text."""
        if value is None or value == "":
            return None
        number = value
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= len(str(_LAST_PORT)):
            number = int(value)
        if isinstance(number, int) and not isinstance(number, bool) and 0 < number <= _LAST_PORT:
            return int(number)
        raise RefusedValueError(value, f"a number from 1 to {_LAST_PORT} is wanted")

    def from_text(self, text: str) -> int | None:
        """The number that the text spells."""
        return self.check(text.strip())


def found(value: object, *, secret: bool = False) -> str:
    """What was found, as the middle of a sentence: short, on one line, and never a secret."""
    if value is None:
        return "has no value"
    if isinstance(value, Mapping):
        return "is a mapping"
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return "is a list"
    if isinstance(value, bool):
        return "is a truth value" if secret else f"is {str(value).lower()}"
    if isinstance(value, (int, float)):
        return "is a number" if secret or not abs(value) < _SHORT_NUMBER else f"is the number {value!r}"
    if isinstance(value, str):
        return "is text" if secret else f"is {reprlib.repr(str(value))}"
    return f"is a {type(value).__name__}"
