"""``hermes.info``: what is known of an experiment, ``key:value`` lines that grow with it; and ``exec_arguments``."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from rla.fsio.atomic_write import write_all
from rla.hermes.command import arguments_of

INFO_FILE: Final = "hermes.info"
ARGUMENTS_FILE: Final = "exec_arguments"
RE_EXECUTION_FILE: Final = "re_execution.hermes"
TIME_FORMAT: Final = "%Y_%m_%d_%H%M%S%f"
_TO_QUOTE: Final = re.compile(r"""[\s"'\\]""")
_ESCAPES: Final = str.maketrans({"\n": "\\n", "\r": "\\r", "\\": "\\\\"})


def time_text(moment: datetime) -> str:
    """A moment in local time, as identifiers and ``hermes.info`` have it."""
    return moment.strftime(TIME_FORMAT)


def parse_time(text: str) -> datetime | None:
    """The moment that a text says, or None."""
    try:
        return datetime.strptime(text.strip(), TIME_FORMAT)  # noqa: DTZ007 - local time by design
    except ValueError:
        return None


def append_info(directory: Path, values: Mapping[str, object]) -> None:
    """Add lines to a directory's ``hermes.info``.

    Raises:
        OSError: They could not be written.
    """
    text = "".join(f"{key}:{str(value).translate(_ESCAPES)}\n" for key, value in values.items() if value is not None)
    _append(directory / INFO_FILE, text)


def read_info_file(directory: Path) -> dict[str, str]:
    """The lines of a directory's ``hermes.info``; of a key that comes twice the last counts.

    Raises:
        OSError: There is none, or it cannot be read.
    """
    text = (directory / INFO_FILE).read_text(encoding="utf-8", errors="replace")
    pairs = (line.partition(":") for line in text.split("\n") if ":" in line)
    return {key.strip(): _unescaped(value.removesuffix("\r")) for key, _, value in pairs}


def write_arguments(directory: Path, words: Sequence[str]) -> None:
    """Write ``exec_arguments``: what belongs to no option first, then an option a line with its values.

    Raises:
        OSError: It could not be written.
    """
    positionals, options = arguments_of(words)
    lines = [_quoted([word]) for word in positionals]
    lines += [_quoted([option, *values]) for option, values in options.items()]
    _append(directory / ARGUMENTS_FILE, "".join(f"{line}\n" for line in lines))


def read_arguments(directory: Path) -> list[str]:
    """The lines of ``exec_arguments``.

    Raises:
        OSError: There is none, or it cannot be read.
    """
    text = (directory / ARGUMENTS_FILE).read_text(encoding="utf-8", errors="replace")
    return [line.strip() for line in text.split("\n") if line.strip()]


def argument_words(line: str) -> list[str]:
    """The words of a line of ``exec_arguments``, also of one that an older hermes wrote without quoting."""
    try:
        return shlex.split(line)
    except ValueError:
        return line.split()


def _quoted(words: Iterable[str]) -> str:
    """Words that are quoted only where they must be."""
    return " ".join(word if word and not _TO_QUOTE.search(word) else shlex.quote(word) for word in words)


def _unescaped(text: str) -> str:
    parts = text.split("\\\\")
    return "\\".join(part.replace("\\n", "\n").replace("\\r", "\r") for part in parts)


def _append(file: Path, text: str) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
    try:
        write_all(descriptor, text.encode("utf-8", "surrogateescape"))
    finally:
        os.close(descriptor)
