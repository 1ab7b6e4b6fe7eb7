"""A file that grows by whole pieces: a piece is in it entirely or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path
from typing import Final

from rla.fsio.own_descriptor import open_own

_APPEND: Final = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)  # Windows: no CRLF
_BLOCK: Final = 1 << 16


class AppendFile:
    """Appends pieces with one system call each, and takes a half-written piece back.

    One process appends to a file. A piece cut short (disk full, quota, interrupt) is truncated
    away at once or, where even that fails, before the next piece.
    """

    def __init__(self, path: Path, *, exclusive: bool = False) -> None:
        """Open the file at its end, and make it when it is missing.

        Args:
            path: The file; its directory exists.
            exclusive: The file must not exist yet.

        Raises:
            OSError: The file cannot be opened (FileExistsError when it had to be new).
        """
        self._descriptor = open_own(path, _APPEND | (os.O_EXCL if exclusive else 0))
        self._size = os.fstat(self._descriptor).st_size
        self._pending = 0

    @property
    def size(self) -> int:
        """Bytes in the file that are known to be whole."""
        return self._size

    def append(self, piece: bytes) -> None:
        """Add a piece at the end.

        Raises:
            OSError: Nothing of the piece is in the file.
        """
        if self._pending:
            self.settle()
        self._pending = length = len(piece)
        try:
            written = os.write(self._descriptor, piece)
            if written != length:
                _write_rest(self._descriptor, piece[written:])
        except OSError:
            with contextlib.suppress(OSError):  # then it is tried again before the next piece
                self.settle()
            raise
        if self._pending:  # else an append that interrupted this one has settled it
            self._size += length
            self._pending = 0

    def settle(self) -> None:
        """Find out what became of a piece whose writing was interrupted; drop it unless it is whole.

        Raises:
            OSError: The torn piece is still there.
        """
        actual = os.fstat(self._descriptor).st_size
        if self._size < actual < self._size + self._pending:
            os.ftruncate(self._descriptor, self._size)
        else:
            self._size = actual
        self._pending = 0

    def truncate(self, size: int) -> None:
        """Cut the file to a size.

        Raises:
            OSError: The file is as it was.
        """
        if size < self._size:
            os.ftruncate(self._descriptor, size)
            self._size = size

    def drop_torn_line(self) -> None:
        """Cut the file after its last line end: a line that was killed half-way is no line.

        Raises:
            OSError: The file is as it was.
        """
        end = self._size
        while end:
            start = max(0, end - _BLOCK)
            found = os.pread(self._descriptor, end - start, start).rfind(b"\n")
            if found >= 0:
                self.truncate(start + found + 1)
                return
            end = start
        self.truncate(0)

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            os.close(descriptor)


def _write_rest(descriptor: int, rest: bytes) -> None:
    """Write what a short write left over; a full disk says so at this second try."""
    while rest:
        written = os.write(descriptor, rest)
        if not written:
            raise OSError(errno.EIO, "the file takes no more bytes")
        rest = rest[written:]
