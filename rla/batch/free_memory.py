"""How much memory is free, and whether that is enough for one more job."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from rla.core.wording import size_text
from rla.errors import ConfigError

_MEMORY: Final = Path("/proc/meminfo")
_KIBI: Final = 1024
_LEAST_LOOK: Final = 1.0
"""Seconds between looks: a job that has just begun has not taken its memory yet."""


def free_memory() -> int:
    """How many bytes of memory a new process could have.

    Raises:
        ConfigError: The system does not tell.
    """
    try:
        lines = _MEMORY.read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * _KIBI for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError) as error:
        system = os.uname().sysname
        raise ConfigError(f"{system} does not tell how much memory is free: leave out --memory-free") from error


class MemoryGate:
    """Lets a job start only while enough memory is free.

    Attributes:
        is_shut: Whether there was too little at the last look.
    """

    def __init__(self, needed: int | None, tell: Callable[[str], None]) -> None:
        """Nothing was looked at yet.

        Args:
            needed: How many bytes must be free, or None to let everything pass.
            tell: Is told when jobs begin to wait.
        """
        self.is_shut = False
        self._needed = needed
        self._tell = tell
        self._next_look = 0.0

    def opens(self) -> bool:
        """Whether a job may start now."""
        if self._needed is not None and time.monotonic() >= self._next_look:
            free = free_memory()
            short = free < self._needed
            if short and not self.is_shut:
                self._tell(f"waiting for memory: {size_text(free)} of {size_text(self._needed)} are free")
            self.is_shut = short
            self._next_look = time.monotonic() + _LEAST_LOOK
        return not self.is_shut
