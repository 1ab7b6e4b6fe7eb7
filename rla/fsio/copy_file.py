"""Copy one file, holes included, and compare the copy with its source byte by byte."""

from __future__ import annotations

import errno
import os
import stat
from typing import Final

_CHUNK: Final = 2**20
_PIECE: Final = 2**18
_NOT_THIS_WAY: Final = frozenset(
    getattr(errno, name) for name in ("EXDEV", "EINVAL", "ENOSYS", "EOPNOTSUPP", "ENOTSUP", "EBADF", "ETXTBSY", "EPERM")
)
"""What copying inside the kernel answers where it cannot; the bytes then go through this process."""
_READ: Final = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
_NEW: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)


def copy_file(source: int, target: int, name: str, *, compare: bool = True) -> None:
    """Copy one file from a directory into another, and compare the two unless that is not wanted.

    Raises:
        OSError: It could not be copied, or changed meanwhile.
    """
    old = os.open(name, _READ, dir_fd=source)
    try:
        before = os.fstat(old)
        new = os.open(name, _NEW, 0o600, dir_fd=target)
        try:
            _fill(old, new, before)
            if compare:
                _compare(old, new, before, name)
            os.fchmod(new, stat.S_IMODE(before.st_mode) & 0o777)
            os.utime(new, ns=(before.st_atime_ns, before.st_mtime_ns))
        finally:
            os.close(new)
    finally:
        os.close(old)


def _fill(old: int, new: int, found: os.stat_result) -> None:
    for start, end in _extents(old, found):
        _copy_range(old, new, start, end)
    if os.fstat(new).st_size < found.st_size:
        os.ftruncate(new, found.st_size)


def _extents(file: int, found: os.stat_result) -> list[tuple[int, int]]:
    """Where a file has data; a sparse one has holes between."""
    if found.st_size == 0 or found.st_blocks * 512 >= found.st_size or not hasattr(os, "SEEK_DATA"):
        return [(0, found.st_size)]
    extents = []
    end = 0
    while end < found.st_size:
        try:
            start = os.lseek(file, end, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:  # only a hole is left
                break
            return [(0, found.st_size)]
        end = os.lseek(file, start, os.SEEK_HOLE)
        extents.append((start, end))
    return extents


def _copy_range(old: int, new: int, start: int, end: int) -> None:
    """Inside the kernel where that is possible."""
    while start < end and hasattr(os, "copy_file_range"):
        try:
            copied = os.copy_file_range(old, new, end - start, start, start)
        except OSError as error:
            if error.errno not in _NOT_THIS_WAY:
                raise
            break
        if copied == 0:
            break
        start += copied
    while start < end:
        data = os.pread(old, min(_CHUNK, end - start), start)
        if not data:
            return  # it has become shorter: the comparison tells
        written = os.pwrite(new, data, start)
        start += written


def _compare(old: int, new: int, before: os.stat_result, name: str) -> None:
    for start, end in _extents(old, before):
        if not _is_same(old, new, start, end):
            raise OSError(errno.EIO, "the copy is not like its source", name)
    after = os.fstat(old)
    if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
        raise OSError(errno.EBUSY, "it changed while it was copied", name)
    if os.fstat(new).st_size != before.st_size:
        raise OSError(errno.EIO, "the copy is not as long as its source", name)


def _is_same(old: int, new: int, start: int, end: int) -> bool:
    """Compare piece by piece; small pieces in two buffers that stay in the processor's cache."""
    one, other = bytearray(min(_PIECE, end - start)), bytearray(min(_PIECE, end - start))
    while start < end:
        length = min(len(one), end - start)
        if length < len(one):
            one, other = bytearray(length), bytearray(length)
        read = os.preadv(old, [one], start)
        if read == 0 or os.preadv(new, [memoryview(other)[:read]], start) != read:
            return False
        if one[:read] != other[:read] if read < length else one != other:
            return False
        start += read
    return True
