"""The settings of hermes: one ``name:value`` a line, in ``.hermes_settings`` or below PRE.

========================  =========  ================================================================
setting                   default    means
========================  =========  ================================================================
``path_to_experiments``   ``./``     where ``experiments/`` is, from the repository's root;
                                     ``path_to_experiment`` is the same
``threads``               1          how many jobs run at once
``chat_id``                          whom Telegram tells; may stand several times
``identifier``            ``on``     ``off``: scripts do not get the identifier as an argument
``retries``               0          how often a job that failed is run again
``timeout``                          how long a job may run: seconds, or 90s, 30m, 12h, 2d
``halt``                             after how many failures no further job is started
``gpus``                             the GPUs to share out, as 0,1; 0:2 takes two jobs on GPU 0
``memory_free``                      start a job only while so much memory is free, as 4G
========================  =========  ================================================================

A value may stand in quotes. The command line counts before PRE, and PRE before the file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from rla.hermes.source import Line, read_lines
from rla.hermes.words import WordError, without_comment, words_of

SETTINGS_FILE: Final = ".hermes_settings"
_SPAN: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd]?)")
_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", re.IGNORECASE)
_GPU: Final = re.compile(r"[\w.-]+?(?::(\d+))?")
_SECONDS: Final = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_BYTES: Final = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}
_KIBI: Final = 1024
_SWITCH: Final = {"on": True, "true": True, "off": False, "false": False}
_OTHER_NAMES: Final = {"path_to_experiment": "path_to_experiments"}


@dataclass(frozen=True)
class Settings:
    """What hermes is to do wherever a job says nothing else.

    Attributes:
        path_to_experiments: Where ``experiments/`` is, relative to the root.
        threads: How many jobs run at once.
        chat_id: Whom Telegram tells.
        identifier: Whether scripts get the identifier as their first argument.
        retries: How often a job that failed is run again.
        timeout: How long a job may run, in seconds.
        halt: After how many failures no further job is started.
        gpus: A name for each slot.
        memory_free: How many bytes of memory must be free for a job to start.
    """

    path_to_experiments: str = "./"
    threads: int = 1
    chat_id: tuple[str, ...] = ()
    identifier: bool = True
    retries: int = 0
    timeout: float | None = None
    halt: int | None = None
    gpus: tuple[str, ...] = ()
    memory_free: int | None = None


def load_settings(root: Path) -> Settings:
    """The settings of a repository; without a file, the defaults.

    Raises:
        OSError: The file cannot be read.
        HermesFileError: A line of it is wrong.
    """
    try:
        lines = read_lines(root / SETTINGS_FILE)
    except FileNotFoundError:
        return Settings()
    return read_settings(lines, Settings())


def read_settings(lines: Iterable[Line], settings: Settings) -> Settings:
    """Settings with what some lines say over them.

    Raises:
        HermesFileError: A line is wrong.
    """
    seen: set[str] = set()
    for line in lines:
        if not without_comment(line.text).strip():
            continue
        name, value, position = _pair(line)
        if name in seen and name != "chat_id":
            raise line.error(f"{name} is set twice: remove one of the lines")
        parsed = _parsed(name, value, line, position)
        if name == "chat_id" and name in seen:
            parsed = (*settings.chat_id, *parsed)
        settings = replace(settings, **{name: parsed})
        seen.add(name)
    return settings


def span(text: str) -> float:
    """Seconds, from ``90``, ``90s``, ``30m``, ``12h`` or ``2d``.

    Raises:
        ValueError: It is no time.
    """
    match = _SPAN.fullmatch(text)
    if match is None or float(match[1]) <= 0:
        raise ValueError("it takes a time above 0: seconds, or 90s, 30m, 12h, 2d")
    return float(match[1]) * _SECONDS[match[2]]


def size(text: str) -> int:
    """Bytes, from ``500M`` or ``4G``.

    Raises:
        ValueError: It is no size.
    """
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ValueError("it takes a size, as 500M or 4G")
    return int(float(match[1]) * _KIBI ** _BYTES[match[2].upper()])


def gpu_slots(text: str) -> tuple[str, ...]:
    """A name per slot: ``0,1:2`` gives 0, 1, 1.

    Raises:
        ValueError: It names no GPUs.
    """
    slots: list[str] = []
    for part in text.replace(" ", "").split(","):
        match = _GPU.fullmatch(part)
        if match is None or match[1] == "0":
            raise ValueError("it takes GPUs, as 0,1 - and 0:2 for two jobs at once on GPU 0")
        slots += [part.partition(":")[0]] * int(match[1] or 1)
    return tuple(slots)


def count(text: str) -> int:
    """A number from 1 on.

    Raises:
        ValueError: It is none.
    """
    if not (text.isascii() and text.isdigit()) or int(text) < 1:
        raise ValueError("it takes a whole number from 1 on")
    return int(text)


def _retries(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ValueError("it takes a whole number from 0 on")
    return int(text)


def _switch(text: str) -> bool:
    if text.lower() not in _SWITCH:
        raise ValueError("it takes on or off")
    return _SWITCH[text.lower()]


def _path(text: str) -> str:
    if not text:
        raise ValueError("it takes a directory: write ./ for the repository's root")
    return text


def _chat(text: str) -> tuple[str, ...]:
    if not re.fullmatch(r"-?\d+|@\w+", text):
        raise ValueError("it takes the number of a chat, or @channel")
    return (text,)


_READERS: Final[dict[str, Callable[[str], Any]]] = {
    "path_to_experiments": _path,
    "threads": count,
    "chat_id": _chat,
    "identifier": _switch,
    "retries": _retries,
    "timeout": span,
    "halt": count,
    "gpus": gpu_slots,
    "memory_free": size,
}


def _pair(line: Line) -> tuple[str, str, int]:
    """Name, value and where the value begins."""
    text = without_comment(line.text)
    name, colon, value = text.partition(":")
    if not colon:
        raise line.error("a setting is name:value, for example threads:2", len(text) - len(text.lstrip()))
    name = _OTHER_NAMES.get(name.strip(), name.strip())
    if name not in _READERS:
        at = len(text) - len(text.lstrip())
        raise line.error(f"there is no setting {name!r}; there are {', '.join(_READERS)}", at)
    return name, value, len(text) - len(value.lstrip())


def _parsed(name: str, value: str, line: Line, position: int) -> Any:
    """The value, out of its quotes if it stands in some."""
    text = value.strip().replace("\u201c", '"').replace("\u201d", '"')
    try:
        if text[:1] in {"'", '"'}:
            text = " ".join(word.text for word in words_of(text))
        return _READERS[name](text)
    except WordError as error:
        raise line.error(str(error), position + error.position) from error
    except ValueError as error:
        raise line.error(f"{name}: {error}, not {text!r}", position) from error
