"""Open files whose numbers are never those of standard input, output and error."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

_FIRST: Final = 3


def open_own(path: Path, flags: int, mode: int = 0o666) -> int:
    """Open a file that stays open, and that child processes do not get.

    Where standard output or error is closed, the next file gets its number, and with it all that libraries and
    child processes then write there.

    Raises:
        OSError: As ``os.open``.
    """
    descriptor = os.open(path, flags | getattr(os, "O_CLOEXEC", 0), mode)
    low = []
    try:
        while descriptor < _FIRST:
            low.append(descriptor)
            descriptor = os.dup(descriptor)
    finally:
        for each in low:
            os.close(each)
    return descriptor
