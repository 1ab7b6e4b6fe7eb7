"""A command that is to be run, and how it ended."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

_SIGNALLED: Final = 128
"""What a shell adds to the number of the signal that ended a command."""


@dataclass(frozen=True)
class Job:
    """A command, and where its traces go.

    Attributes:
        command: Its words. No shell reads them.
        directory: Where it runs.
        stdout: The file its output is added to.
        stderr: The file its errors are added to.
        exit_code: The file that gets its exit code, whoever still waits for it then. One that :func:`make_room` has
            made takes it on a full disk, too.
        environment: All its variables.
    """

    command: tuple[str, ...]
    directory: Path
    stdout: Path
    stderr: Path
    exit_code: Path
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class JobResult:
    """How a job ended.

    Attributes:
        exit_code: As a shell tells it: 128 and the number for a signal. None when nobody knows.
        ended: When, in seconds since the epoch.
    """

    exit_code: int | None
    ended: float

    @property
    def signal(self) -> int | None:
        """The signal that ended it, or None."""
        if self.exit_code is None or self.exit_code <= _SIGNALLED:
            return None
        return self.exit_code - _SIGNALLED

    @property
    def succeeded(self) -> bool:
        """Whether it ended with exit code 0."""
        return self.exit_code == 0

    def __str__(self) -> str:
        """In words."""
        if self.exit_code is None:
            return "ended without an exit code"
        if self.signal is None:
            return f"exit code {self.exit_code}"
        try:
            return f"ended by {signal.Signals(self.signal).name}"
        except ValueError:
            return f"exit code {self.exit_code}"


def make_room(exit_code: Path) -> None:
    """Take the room that an exit code needs while there is some.

    Raises:
        OSError: There is none.
    """
    exit_code.write_bytes(b"\n")


def end_of(exit_code: Path) -> JobResult:
    """How a job that does not live any more ended, by its file; without an exit code when it wrote none."""
    with contextlib.suppress(OSError):
        if (found := read_exit_code(exit_code)) is not None:
            return found
    return JobResult(None, time.time())


def read_exit_code(file: Path) -> JobResult | None:
    """What a job wrote at its end, or None when it wrote nothing.

    Raises:
        OSError: The file is there and cannot be read.
    """
    try:
        text, ended = file.read_text(encoding="ascii", errors="replace").strip(), file.stat().st_mtime
    except FileNotFoundError:
        return None
    return JobResult(int(text), ended) if text.isdigit() else None
