"""The words of a ``where`` expression, before Python parses it.

Python's grammar does the reading; what it has not (``like`` between two operands) is put into it
here, and what it would pass over in silence (comments) or warn about (odd escapes) is refused.
"""

from __future__ import annotations

import keyword
import re
from typing import Final

from rla.errors import SelectionError

MAX_LENGTH: Final = 20_000
LIKE: Final = "@"
NOT_LIKE: Final = "//"
"""Operators that the language has no use for; they stand for ``like`` and ``not like`` in the parsed text."""

_TOKEN: Final = re.compile(
    r"""(?P<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")
      | (?P<number>(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d+)?)
      | (?P<word>[^\W\d]\w*)
      | (?P<space>\s+)
      | (?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE: Final = re.compile(
    r"""\\(?:['"\\nrt]|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U00(?:0[0-9a-fA-F]|10)[0-9a-fA-F]{4}|(?P<unknown>.?))""",
    re.DOTALL,
)
_FULL_WIDTH: Final = 0xFEE0
"""From a letter to its wide form. Python takes a word with one for a name, and reads it as the plain word."""

_REFUSED: Final = {
    "#": "there are no comments here",
    LIKE: "'@' is no operator here",
    "/": "there is no arithmetic here",
    "\\": "a backslash stands only inside quotes",
    ";": "';' ends nothing here",
}
_OPERATORS: Final = frozenset({"and", "or", "not", "in", "is", "like"})
_OWN_WORDS: Final = frozenset({"and", "or", "not", "in", "is", "None", "True", "False"})


def prepare(text: str) -> str:
    """The expression as Python can parse it, every character in its place.

    Raises:
        SelectionError: It is too long, or holds what the language has not.
    """
    if len(text) > MAX_LENGTH:
        raise SelectionError(f"the expression is longer than {MAX_LENGTH} characters")
    tokens = [match for match in _TOKEN.finditer(text) if match.lastgroup != "space"]
    for before, token in zip([None, *tokens], tokens, strict=False):
        _check(text, before, token)
    characters = [" " if char.isspace() else char for char in text]  # one line: places are columns
    for start, end, operator in _likes(tokens):
        characters[start:end] = operator.ljust(end - start)
    for before, token in zip([None, *tokens], tokens, strict=False):
        if token.lastgroup == "word" and _is_key(before, token[0]):
            characters[token.start()] = chr(ord(token[0][0]) + _FULL_WIDTH)
        if token.lastgroup == "text":
            characters[token.start() : token.end()] = token[0].replace("\n", " ").replace("\r", " ")
    return "".join(characters)


def _is_key(before: re.Match[str] | None, word: str) -> bool:
    """Whether Python would take a key for a word of its own."""
    return keyword.iskeyword(word) and (word not in _OWN_WORDS or (before is not None and before[0] == "."))


def _check(text: str, before: re.Match[str] | None, token: re.Match[str]) -> None:
    touches = before is not None and before.end() == token.start()
    if token.lastgroup == "other" and token[0] in _REFUSED:
        raise SelectionError(_REFUSED[token[0]], expression=text, position=token.start())
    if token.lastgroup == "other" and token[0] in {"'", '"'}:
        raise SelectionError("this quote is not closed", expression=text, position=token.start())
    if token.lastgroup == "text" and touches and before is not None and before.lastgroup == "word":
        raise SelectionError(f"a text has no {before[0]!r} before it", expression=text, position=before.start())
    if token.lastgroup == "text":
        _check_escapes(text, token)
    if token.lastgroup == "word" and touches and before is not None and before.lastgroup == "number":
        raise SelectionError("a number goes over into a word", expression=text, position=token.start())


def _check_escapes(text: str, token: re.Match[str]) -> None:
    for escape in _ESCAPE.finditer(token[0]):
        if escape["unknown"] is not None:
            message = f"{escape[0]} means nothing; write a backslash as two"
            raise SelectionError(message, expression=text, position=token.start() + escape.start())


def _likes(tokens: list[re.Match[str]]) -> list[tuple[int, int, str]]:
    """Where ``like`` stands between two operands, and what is to stand there instead."""
    found = []
    for place, token in enumerate(tokens):
        negated = place > 0 and tokens[place - 1][0] == "not"
        if token[0] == "like" and _ends_operand(tokens[: place - negated]):
            start = tokens[place - negated].start()
            found.append((start, token.end(), NOT_LIKE if negated else LIKE))
    return found


def _ends_operand(before: list[re.Match[str]]) -> bool:
    """Whether the last of some tokens ends what can stand left of an operator."""
    if not before:
        return False
    if before[-1].lastgroup == "other":
        return before[-1][0] in ")]"
    return before[-1][0] not in _OPERATORS or (len(before) > 1 and before[-2][0] == ".")
