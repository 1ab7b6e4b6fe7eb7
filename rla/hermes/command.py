"""What a job's words mean: environment, interpreter, script, arguments."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Final

_ASSIGNMENT: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)
_PYTHON: Final = re.compile(r"(python|pypy)[0-9.]*[a-z]?(\.exe)?")
_WITH_VALUE: Final = frozenset({"-W", "-X", "--check-hash-based-pycs"})
_COMMAND_TEXT: Final = re.compile(r"-[a-z]*c[a-z]*")
"""What gives a shell a command in place of a script, as ``-c`` and ``-ec``."""
_INTERPRETERS: Final = {
    **dict.fromkeys(("bash", "sh", "dash", "zsh", "ksh"), ""),
    "Rscript": ".R",
    "julia": ".jl",
    "perl": ".pl",
    "ruby": ".rb",
    "node": ".js",
    "lua": ".lua",
}
"""Programs that run scripts; and how these end, where options may have values in words of their own."""
_NUMBER: Final = re.compile(r"-?(\d+\.?\d*([eE][+-]?\d+)?|\.\d+([eE][+-]?\d+)?|inf|nan)")
_INTEGER: Final = re.compile(r"-?\d+")
POSITIONALS: Final = "args"
"""The hyperparameter that holds what belongs to no option."""


@dataclass(frozen=True)
class Command:
    """A job's command, taken apart.

    Attributes:
        environment: Variables that stand in front of it.
        before: Its words up to the script, and the script.
        script: The script as it was written; a module's name after ``-m``.
        is_module: Whether it is one.
        is_program: Whether the script is run by itself, without an interpreter.
        arguments: What follows.
    """

    environment: tuple[tuple[str, str], ...]
    before: tuple[str, ...]
    script: str
    is_module: bool
    is_program: bool
    arguments: tuple[str, ...]

    @property
    def task(self) -> str:
        """The script's name without its directory and ``.py``."""
        if self.is_module:
            return self.script
        name = PurePath(self.script).name
        return name.removesuffix(".py") or name

    def words(self, identifier: str | None, standard: Sequence[str] = ()) -> tuple[str, ...]:
        """The whole command line: the identifier is the first argument, then come those of every job."""
        first = () if identifier is None else (identifier,)
        return (*self.before, *first, *standard, *self.arguments)


def parse_command(words: Sequence[str]) -> Command | None:
    """Take a command apart; None when it has no script.

    The script is what a Python among the words runs; else the first word that ends in ``.py``; else what a known
    interpreter in front runs; else the first word itself.
    """
    environment, rest = _environment(words)
    if not rest:
        return None
    end, is_module = _script_end(rest)
    if end is None:
        return None
    before = tuple(rest[:end])
    return Command(environment, before, before[-1], is_module, end == 1, tuple(rest[end:]))


def _environment(words: Sequence[str]) -> tuple[tuple[tuple[str, str], ...], Sequence[str]]:
    found: list[tuple[str, str]] = []
    for number, word in enumerate(words):
        match = _ASSIGNMENT.fullmatch(word)
        if match is None:
            return tuple(found), words[number:]
        found.append((match[1], match[2]))
    return tuple(found), ()


def _script_end(words: Sequence[str]) -> tuple[int | None, bool]:
    """How many words there are up to the script, and whether it is a module."""
    python = next((number for number, word in enumerate(words) if _PYTHON.fullmatch(os.path.basename(word))), None)  # noqa: PTH119 - of each word of each job
    script = next((number for number, word in enumerate(words) if word.endswith(".py")), None)
    if python is not None and (script is None or python < script):
        end, is_module = _python_script_end(words, python + 1)
        if end is not None or python == 0 or python + 1 < len(words):  # else it is the value of an option
            return end, is_module
    if script is not None:
        return script + 1, False
    if PurePath(words[0]).name in _INTERPRETERS:
        return _other_script_end(words), False
    return 1, False


def _other_script_end(words: Sequence[str]) -> int | None:
    """The first word that is no option; but where it may be the value of one, the first that ends as a script."""
    names = [number for number, word in enumerate(words) if number and not word.startswith("-")]
    suffix = _INTERPRETERS[PurePath(words[0]).name]
    if not suffix and names and any(_COMMAND_TEXT.fullmatch(word) for word in words[1 : names[0]]):
        return None
    if suffix and names and names[0] > 1:
        names = [number for number in names if words[number].endswith(suffix)] or names
    return names[0] + 1 if names else None


def _python_script_end(words: Sequence[str], number: int) -> tuple[int | None, bool]:
    while number < len(words):
        word = words[number]
        if word == "-m":
            return (number + 2, True) if number + 1 < len(words) else (None, False)
        if not word.startswith("-") or word in {"-", "-c"}:
            return (None if word in {"-", "-c"} else number + 1), False
        number += 2 if word in _WITH_VALUE else 1
    return None, False


def arguments_of(words: Sequence[str]) -> tuple[list[str], dict[str, tuple[str, ...]]]:
    """What belongs to no option, and the values of each option; of an option given twice the last counts.

    ``-lr 0.1``, ``--lr=0.1`` and a bare ``--flag`` are options; ``-5`` is a value.
    """
    positionals: list[str] = []
    options: dict[str, tuple[str, ...]] = {}
    current: str | None = None
    for word in words:
        if word.startswith("-") and len(word) > 1 and not _NUMBER.fullmatch(word):
            current, equals, value = word.partition("=")
            options.pop(current, None)
            options[current] = (value,) if equals else ()
            current = None if equals else current
        elif current is None:
            positionals.append(word)
        else:
            options[current] += (word,)
    return positionals, options


def hyperparameters_of(words: Sequence[str]) -> dict[str, Any]:
    """Arguments as hyperparameters: ``-lr 0.001`` gives ``lr``, a bare ``--flag`` is True."""
    positionals, options = arguments_of(words)
    found: dict[str, Any] = {POSITIONALS: [value_of(word) for word in positionals]} if positionals else {}
    for option, values in options.items():
        key = option.lstrip("-").replace("-", "_") or option
        parsed = [value_of(value) for value in values]
        found[key] = True if not parsed else parsed[0] if len(parsed) == 1 else parsed
    return found


def value_of(text: str) -> Any:
    """A number or truth where the text spells one, else the text."""
    if _INTEGER.fullmatch(text) and len(text) <= 18:  # noqa: PLR2004 - longer ones are names, and 64 bits hold these
        return int(text)
    if _NUMBER.fullmatch(text):
        return float(text)
    return {"True": True, "False": False}.get(text, text)
