"""Write a file whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import time
from pathlib import Path
from typing import Final

_DIRECTORY: Final = getattr(os, "O_DIRECTORY", 0)
_BINARY: Final = getattr(os, "O_BINARY", 0)
_CANNOT_SYNC: Final = (errno.EINVAL, errno.ENOTSUP)
"""What some network file systems answer: they have no such thing as syncing a directory."""

TEMP_MARK: Final = ".rla-tmp"
"""How every temporary file of rla ends; one that is left after a kill may be removed."""


def atomic_write(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Replace a file's content in one step; a crash leaves the old content or the new.

    The new content is written to a random name beside the target, so that the rename stays on
    one file system. The file's mode follows the umask.

    Args:
        path: The file; its directory exists.
        data: The whole content.
        durable: Wait until the disk has it, file and name both.

    Raises:
        OSError: The content could not be written; the target is untouched and no temporary
            file is left.
    """
    temporary = temporary_beside(path)
    try:
        _write_new(temporary, data, durable=durable)
        os.replace(temporary, path)  # noqa: PTH105 - one system call, on either type of path
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    if durable:
        sync_directory(path.parent)


def temporary_beside(path: Path) -> Path:
    """A name that nobody uses, in the directory of a file that is to be replaced."""
    return path.with_name(f".{path.name[:50]}.{os.urandom(4).hex()}{TEMP_MARK}")


def remove_temporaries(directory: Path, age: float = 0.0) -> None:
    """Remove the temporary files that kills left in a directory of ours.

    Args:
        directory: The directory; it need not be there.
        age: How many seconds ago they must have been written, where a writer may be at work.
    """
    with contextlib.suppress(OSError):
        for left in list(directory.iterdir()):
            if left.name.endswith(TEMP_MARK):
                with contextlib.suppress(OSError):
                    if not age or left.lstat().st_mtime < time.time() - age:
                        left.unlink()


def write_all(descriptor: int, data: bytes) -> None:
    """Write every byte; a short write is continued, a full disk raises."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def sync_file(file: Path) -> None:
    """Wait until the disk has what a file holds.

    Raises:
        OSError: It is not there, or the disk could not take it.
    """
    descriptor = os.open(file, os.O_RDONLY | _BINARY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_directory(directory: Path) -> None:
    """Make the names in a directory durable, where the system can."""
    try:
        descriptor = os.open(directory, os.O_RDONLY | _DIRECTORY)
    except OSError:
        return  # Windows opens no directories; its renames are durable by themselves
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _CANNOT_SYNC:
            raise
    finally:
        os.close(descriptor)


def _write_new(path: Path, data: bytes, *, durable: bool) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, 0o666)
    try:
        write_all(descriptor, data)
        if durable:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
