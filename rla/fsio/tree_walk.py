"""Walk a directory tree by descriptors: no link is followed, and no path can grow too long."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from enum import Enum, auto
from types import TracebackType
from typing import Final, NamedTuple, Self

_DIRECTORY: Final = (
    os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
)
_BLOCK: Final = 512


class Event(Enum):
    """What a walk meets."""

    FILE = auto()
    """Anything but a directory, in the directory where the cursor is."""
    ENTER = auto()
    """A directory, before the cursor goes down into it."""
    LEAVE = auto()
    """The same, after the cursor came up from it."""


class _Entry(NamedTuple):
    name: str
    is_directory: bool


class Cursor:
    """A place in a tree, however deep, held by one descriptor.

    Attributes:
        fd: The directory where the cursor is.
    """

    def __init__(self, fd: int) -> None:
        """Begin at an open directory, which is the cursor's from now on."""
        self.fd = fd
        self._above: list[tuple[int, int]] = []

    def down(self, name: str) -> None:
        """Go into a directory.

        Raises:
            OSError: It is gone, a link, or may not be read.
        """
        below = open_directory(name, self.fd)
        self._above.append(_identity(self.fd))
        self._hold(below)

    def up(self) -> None:
        """Go back to where :meth:`down` came from.

        Raises:
            OSError: The directory was moved elsewhere meanwhile.
        """
        above = open_directory("..", self.fd)
        if _identity(above) != self._above.pop():
            os.close(above)
            raise OSError(errno.ESTALE, "A directory was moved while it was walked through")
        self._hold(above)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self.fd)

    def _hold(self, fd: int) -> None:
        os.close(self.fd)
        self.fd = fd


def open_directory(name: str, parent: int | None = None) -> int:
    """A descriptor of a directory; a link to one is refused.

    Raises:
        OSError: There is no such directory, or it may not be read.
    """
    return os.open(name, _DIRECTORY, dir_fd=parent)


def walk(
    cursor: Cursor, *, last: str = "", skip: Callable[[str], bool] = lambda _name: False
) -> Iterator[tuple[Event, str]]:
    """Meet everything below the cursor, sorted by name, each directory's content between ENTER and LEAVE.

    Args:
        cursor: Where the walk begins; it moves along, and is back there at the end.
        last: The entry of the first directory to be met after all others.
        skip: Which entries of the directory where the cursor is are passed over, with all below them.

    Raises:
        OSError: A directory cannot be read.
    """
    levels = [_entries(cursor.fd, skip, last)]
    inside: list[str] = []
    while levels:
        entry = next(levels[-1], None)
        if entry is None:
            levels.pop()
            if inside:
                cursor.up()
                yield Event.LEAVE, inside.pop()
        elif entry.is_directory:
            yield Event.ENTER, entry.name
            cursor.down(entry.name)
            inside.append(entry.name)
            levels.append(_entries(cursor.fd, skip))
        else:
            yield Event.FILE, entry.name


def tree_bytes(directory: int, counted: set[tuple[int, int]] | None = None) -> int:
    """The disk space that a tree takes; a file with several links counts once.

    Args:
        directory: Its descriptor, which is closed.
        counted: Files with several links that were met before; those of this tree are added.
    """
    counted = set() if counted is None else counted
    with Cursor(directory) as cursor:
        size = os.fstat(directory).st_blocks * _BLOCK
        for event, name in walk(cursor):
            if event is not Event.LEAVE:
                size += _new_bytes(os.stat(name, dir_fd=cursor.fd, follow_symlinks=False), counted)
    return size


def disk_bytes(found: os.stat_result) -> int:
    """The disk space of one file."""
    return found.st_blocks * _BLOCK


def _new_bytes(found: os.stat_result, counted: set[tuple[int, int]]) -> int:
    if found.st_nlink > 1 and not stat.S_ISDIR(found.st_mode):
        key = (found.st_dev, found.st_ino)
        if key in counted:
            return 0
        counted.add(key)
    return disk_bytes(found)


def _entries(directory: int, skip: Callable[[str], bool], last: str = "") -> Iterator[_Entry]:
    with os.scandir(directory) as found:
        entries = [_Entry(entry.name, entry.is_dir(follow_symlinks=False)) for entry in found if not skip(entry.name)]
    return iter(sorted(entries, key=lambda entry: (entry.name == last, entry.name)))


def _identity(directory: int) -> tuple[int, int]:
    found = os.fstat(directory)
    return found.st_dev, found.st_ino
