"""Contents kept once, however many backups hold them: files named by their hash, and links to them.

An entry ``ab/cdef...`` is named by the blake2b-256 of its content, plus its mode if that is not
0444. It appears whole, by a rename, so that a kill leaves a temporary file at worst. It is
read-only, like every link to it.

All links share one inode, so whoever may write in spite of the mode (root, or the owner after a
chmod) changes every copy at once. Nothing that is cheap prevents that: on most file systems two
files that share their blocks share their inode too. So it is found instead. Before an entry is
linked again, its inode, size, mtime and ctime are compared with those of the last backup; where
they leave a doubt the entry is compared byte by byte with the source file, and a damaged one is
replaced by a new file. The damaged inode stays with the old backups alone, and ``verify_code``
tells which of their files it changed. To make an edit always move the mtime visibly, an entry's
mtime is set at least two seconds back.

Where a link is refused (another device, another user's file under ``protected_hardlinks``, too
many links, a file system without links), the file is copied.
"""

# Paths are strings here: they keep any bytes, and no objects are made by the thousand.
# ruff: noqa: PTH101, PTH103, PTH105, PTH108, PTH120

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
import time
from pathlib import Path
from typing import Final, NamedTuple

from rla.artifacts.code.cache import RACY_NS, Record
from rla.fsio.atomic_write import TEMP_MARK, write_all

TEMP_DIR: Final = "tmp"
PLAIN_MODE: Final = 0o444
DIGEST_LENGTH: Final = 64
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_NO_LINKS: Final = frozenset({errno.EXDEV, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EROFS})
_PLAIN_FILE: Final = (
    os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
)
_RACES: Final = 5
_ABANDONED_S: Final = 3600
_NEW_FILE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)


class Spot(NamedTuple):
    """Where a file of a backup is to appear.

    Attributes:
        name: Its name in the directory, or its path where directories cannot be opened.
        directory: The directory's descriptor; a name in it is found twice as fast as a long path.
    """

    name: str
    directory: int | None


class Entry(NamedTuple):
    """A sound entry of the store.

    Attributes:
        name: Its path below the store.
        inode: The inode that was found sound.
        mtime: Its mtime, in nanoseconds.
    """

    name: str
    inode: int
    mtime: int


def entry_name(digest: str, mode: int) -> str:
    """The entry for a content and the mode of its source; who may not read the source may not read the entry."""
    mode = entry_mode(mode)
    suffix = "" if mode == PLAIN_MODE else f"-{mode:o}"
    return f"{digest[:2]}/{digest[2:]}{suffix}"


def entry_mode(mode: int) -> int:
    """The mode of an entry: the source's, read-only."""
    return mode & 0o555 | 0o400


def digest_of(name: str) -> str:
    """The hash in an entry's name."""
    return name[:2] + name[3 : DIGEST_LENGTH + 1]


class CodeStore:
    """The entries below one directory.

    Attributes:
        refused: Why the store could not be written, if it could not.
    """

    def __init__(self, directory: Path, sound_until: int) -> None:
        """Open a store; missing directories are made when something is put into it.

        Args:
            directory: Where the entries lie.
            sound_until: An entry whose ctime is later is in doubt; nanoseconds.
        """
        self._base = str(directory)
        self._descriptor = open_directory(self._base)
        self._sound_until = sound_until
        self._links = True
        self._user = os.geteuid() if hasattr(os, "geteuid") else 0
        self.refused = ""

    def close(self) -> None:
        """Let go of the directory."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def link_known(self, record: Record, target: Spot) -> bool:
        """Link an entry that was sound at the last backup; False if there is any doubt.

        Raises:
            FileExistsError: The target is there already.
            OSError: The disk is full.
        """
        directory = self._descriptor
        name = record.entry if directory is not None else f"{self._base}/{record.entry}"
        try:
            found = os.stat(name, dir_fd=directory, follow_symlinks=False)
            if (
                found.st_ino != record.store_inode
                or found.st_mtime_ns != record.store_mtime
                or found.st_size != record.size
                or found.st_ctime_ns > self._sound_until
                or found.st_uid != self._user
                or not stat.S_ISREG(found.st_mode)
            ):
                return False
            os.link(name, target.name, src_dir_fd=directory, dst_dir_fd=target.directory)
        except FileExistsError:
            raise
        except OSError as error:
            _raise_if_full(error)
            return False
        return True

    def link_data(self, name: str, data: bytes, mode: int, mtime: int, target: Spot) -> Entry | None:
        """Make sure that an entry holds a content, and link it; None if a copy is needed.

        Args:
            name: The entry, as :func:`entry_name` says it.
            data: The content.
            mode: The mode of its source.
            mtime: The mtime of its source, in nanoseconds.
            target: Where the link is to appear.

        Raises:
            FileExistsError: The target is there already.
            OSError: The disk is full.
        """
        if not self._links:
            return None
        for candidate in (name, f"{name}.{self._user}"):
            if entry := self._try_to_link(candidate, data, entry_mode(mode), mtime, target):
                return entry
        return None

    def drop_abandoned(self) -> None:
        """Remove temporary files that a killed process left an hour ago or earlier."""
        limit = time.time() - _ABANDONED_S
        with contextlib.suppress(OSError), os.scandir(f"{self._base}/{TEMP_DIR}") as listing:
            for item in listing:
                if item.stat(follow_symlinks=False).st_mtime < limit:
                    os.unlink(item.path)

    def _try_to_link(self, name: str, data: bytes, mode: int, mtime: int, target: Spot) -> Entry | None:
        for _ in range(_RACES):
            try:
                return self._link_sound(name, data, mode, mtime, target)
            except FileExistsError:
                raise
            except FileNotFoundError:
                continue  # another process replaced the entry in this instant
            except OSError as error:
                self._note_refusal(error)
                return None
        return None

    def _link_sound(self, name: str, data: bytes, mode: int, mtime: int, target: Spot) -> Entry | None:
        path = f"{self._base}/{name}"
        if not _holds(path, data, mode):
            self._write(path, data, mode, mtime)
        found = os.lstat(path)
        if found.st_uid != self._user:  # its owner could change this copy
            return None
        try:
            os.link(path, target.name, dst_dir_fd=target.directory)
        except OSError as error:
            if error.errno != errno.EMLINK:
                raise
            self._write(path, data, mode, mtime)  # the full one stays with the backups that link it
            found = os.lstat(path)
            os.link(path, target.name, dst_dir_fd=target.directory)
        return Entry(name, found.st_ino, found.st_mtime_ns)

    def _note_refusal(self, error: OSError) -> None:
        _raise_if_full(error)
        self.refused = self.refused or str(error.strerror)
        if error.errno in _NO_LINKS:
            self._links = False

    def _write(self, path: str, data: bytes, mode: int, mtime: int) -> None:
        temporary = f"{self._base}/{TEMP_DIR}/{secrets.token_hex(8)}{TEMP_MARK}"
        try:
            self._write_temporary(temporary, data)
            os.chmod(temporary, mode)
            oldest = min(mtime, time.time_ns() - RACY_NS)
            os.utime(temporary, ns=(oldest, oldest))
            self._rename(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise

    def _write_temporary(self, temporary: str, data: bytes) -> None:
        try:
            descriptor = os.open(temporary, _NEW_FILE, 0o600)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(temporary), exist_ok=True)
            descriptor = os.open(temporary, _NEW_FILE, 0o600)
        try:
            write_all(descriptor, data)
        finally:
            os.close(descriptor)

    def _rename(self, temporary: str, path: str) -> None:
        try:
            os.replace(temporary, path)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            os.replace(temporary, path)


def open_directory(path: str) -> int | None:
    """A descriptor to name files by, or None where there is no such thing."""
    if os.link not in os.supports_dir_fd:
        return None
    try:
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return None


def open_plain(path: str, _flags: int = 0) -> int:
    """Open what is meant to be a file; never a link, and without waiting for anybody."""
    return os.open(path, _PLAIN_FILE)


def write_copy(target: Spot, data: bytes, mode: int) -> None:
    """Write a file of a backup that cannot be a link; no trace of it is left if that fails.

    Raises:
        FileExistsError: The target is there already.
        OSError: The file cannot be written.
    """
    descriptor = os.open(target.name, _NEW_FILE, entry_mode(mode), dir_fd=target.directory)
    try:
        try:
            write_all(descriptor, data)
        finally:
            os.close(descriptor)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(target.name, dir_fd=target.directory)
        raise


def remove_unlinked(directory: Path) -> int:
    """Remove the entries that no backup links any more, as after runs were deleted.

    A backup that runs at the same time loses nothing: it stores again what it finds missing.

    Args:
        directory: The code store.

    Returns:
        How many entries were removed.
    """
    removed = 0
    for entry in directory.glob("??/*"):
        with contextlib.suppress(OSError):
            if entry.lstat().st_nlink == 1:
                entry.unlink()
                removed += 1
    return removed


def _holds(path: str, data: bytes, mode: int) -> bool:
    """Whether an entry is a plain file of a mode that holds exactly a content."""
    try:
        found = os.lstat(path)
        if found.st_mode != stat.S_IFREG | mode or found.st_size != len(data):
            return False
        with open(path, "rb", opener=open_plain) as file:
            return file.read(len(data) + 1) == data
    except (FileNotFoundError, NotADirectoryError):
        return False


def _raise_if_full(error: OSError) -> None:
    if error.errno in _FULL:
        raise error
