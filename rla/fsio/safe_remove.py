"""Remove a directory tree without ever leaving it."""

from __future__ import annotations

import contextlib
import os
import stat
from typing import Final

from rla.fsio.tree_walk import Cursor, Event, disk_bytes, open_directory, walk

_OWN: Final = stat.S_IRWXU
_PATH_ONLY: Final = getattr(os, "O_PATH", None)


def remove_tree(parent: int, name: str, *, last: str = "") -> int:
    """Remove a directory and all that is in it.

    Links are removed, never followed, also when somebody puts one in place of a directory while
    this goes on. Files and directories without write permission are removed if they are ours.
    Removing again what was removed half-way is fine.

    Args:
        parent: A descriptor of the directory that holds it.
        name: Its name there.
        last: The file that tells what the directory is; it goes after everything else.

    Returns:
        How many bytes of disk are free now; a file that has other links frees none.

    Raises:
        OSError: Something cannot be removed; what is left still tells what it is.
    """
    _make_enterable(name, parent)
    freed = 0
    with Cursor(open_directory(name, parent)) as cursor:
        for event, entry in walk(cursor, last=last):
            if event is Event.ENTER:
                _make_enterable(entry, cursor.fd)
            elif event is Event.FILE:
                freed += _unlink(entry, cursor.fd)
            else:
                freed += _rmdir(entry, cursor.fd)
    return freed + _rmdir(name, parent)


def _unlink(name: str, parent: int) -> int:
    with contextlib.suppress(FileNotFoundError):
        found = os.stat(name, dir_fd=parent, follow_symlinks=False)
        os.unlink(name, dir_fd=parent)
        return disk_bytes(found) if found.st_nlink == 1 else 0
    return 0


def _rmdir(name: str, parent: int) -> int:
    with contextlib.suppress(FileNotFoundError):
        size = disk_bytes(os.stat(name, dir_fd=parent, follow_symlinks=False))
        os.rmdir(name, dir_fd=parent)
        return size
    return 0


def _make_enterable(name: str, parent: int) -> None:
    """Give the owner the permissions that removing needs; the link-proof way to change a mode is Linux's."""
    if _PATH_ONLY is None:
        return
    with contextlib.suppress(OSError):
        found = os.stat(name, dir_fd=parent, follow_symlinks=False)
        if not stat.S_ISDIR(found.st_mode) or found.st_mode & _OWN == _OWN:
            return
        handle = os.open(name, _PATH_ONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
        try:
            if stat.S_ISDIR(os.fstat(handle).st_mode):
                os.chmod(f"/proc/self/fd/{handle}", stat.S_IMODE(found.st_mode) | _OWN)  # noqa: PTH101
        finally:
            os.close(handle)
