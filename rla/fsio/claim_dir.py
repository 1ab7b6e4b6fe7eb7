"""Take a directory name for oneself."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path
from typing import Final

from rla.fsio.atomic_write import sync_directory

_RACES: Final = 10
"""How often another process may remove an empty parent between making it and using it."""


def claim_dir(path: Path) -> None:
    """Make a directory that nobody else has; the kernel decides between two claimants.

    Missing parents are made and made durable; they may be shared, the leaf never is.

    Raises:
        FileExistsError: Somebody has that name already: take another.
        OSError: The directory could not be made.
    """
    for _ in range(_RACES):
        try:
            os.mkdir(path)  # noqa: PTH102 - the exclusive system call is the point
        except FileNotFoundError:
            make_dirs(path.parent)
        else:
            return
    os.mkdir(path)  # noqa: PTH102


def make_dirs(path: Path) -> None:
    """Make a directory and its parents unless they are there, and make the new names durable."""
    missing = [path]
    while not missing[-1].parent.exists():
        missing.append(missing[-1].parent)
    for directory in reversed(missing):
        with contextlib.suppress(FileNotFoundError):  # its parent was just removed: the caller tries again
            _make_dir(directory)
        sync_directory(directory.parent)


def _make_dir(directory: Path) -> None:
    try:
        directory.mkdir(exist_ok=True)
    except FileExistsError:  # a file, or a link to nowhere: no other name below it would do
        raise NotADirectoryError(errno.ENOTDIR, "Not a directory, or a link to nowhere", str(directory)) from None
