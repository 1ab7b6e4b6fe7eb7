"""Copy a directory tree so that it can be trusted: whole, compared, and on disk.

A copy is *verified* when every file of it was read back through the file system and is, byte for
byte, what its source is, and no source changed meanwhile. That does not prove what a disk holds
below the system's cache; :func:`sync_tree` waits until the disk says that it has everything.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from rla.fsio.copy_file import copy_file
from rla.fsio.tree_walk import Cursor, Event, walk

_READ: Final = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
ONE_BY_ONE: Final = 64
"""More files than these had better be synced with all else on their disk."""

KeepLink = Callable[[str, str], bool]


@dataclass(frozen=True)
class CopyRules:
    """How the files of a tree are copied; each function is given a path relative to the source.

    Attributes:
        leave_out: What is not copied, and nothing below it.
        may_share: Files that are linked rather than copied, where the file system allows it: only
            such as nobody changes in place.
        compare: Read each copy back and compare it with its source.
    """

    leave_out: Callable[[str], bool] = lambda _path: False
    may_share: Callable[[str], bool] = lambda _path: False
    compare: bool = True


VERIFIED: Final = CopyRules()
"""Everything is copied and compared."""


@dataclass
class CopyReport:
    """What was copied.

    Attributes:
        files: How many files, links to files of the code store among them.
        bytes: Their size together.
        skipped: Paths that were left out, and why.
    """

    files: int = 0
    bytes: int = 0
    skipped: list[tuple[str, str]] = field(default_factory=list)


def copy_tree(
    source: int,
    target: int,
    keep_link: KeepLink,
    *,
    progress: Callable[[int], None] = lambda _size: None,
    rules: CopyRules = VERIFIED,
) -> CopyReport:
    """Copy what is in a directory into an empty one, and verify it.

    Modes, modification times, holes of sparse files and hard links among the files are kept. A
    read-only file that has other links (the code of a run) is linked once more, where the
    file system allows it. Links are copied as links or left out, never followed.

    Args:
        source: A descriptor of the directory to copy; it is closed.
        target: A descriptor of the empty directory; it is closed.
        keep_link: Whether to copy a symbolic link, given the directory it is in, relative to the
            source, and its text.
        progress: Called after each step with the bytes that it copied.
        rules: How files are copied.

    Returns:
        What was copied, and what was left out.

    Raises:
        OSError: Something could not be read or written, or a file changed meanwhile.
    """
    with Cursor(source) as old, Cursor(target) as new:
        top = os.dup(new.fd)
        try:
            copier = _Copier(old, new, top, keep_link, rules)
            for event, name in walk(old, skip=copier.is_left_out):
                progress(copier.take(event, name))
        finally:
            os.close(top)
        _copy_mode_and_times(os.fstat(old.fd), new.fd)
        return copier.report


class SyncedDisks:
    """Disks that were synced as a whole, each but once: one wait instead of one for each file."""

    def __init__(self) -> None:
        """None so far."""
        self._devices: set[int] = set()

    def sync(self, directory: int) -> bool:
        """Wait until the disk of a directory has everything; false where there is no such call.

        Raises:
            OSError: The disk does not have it.
        """
        device = os.fstat(directory).st_dev
        if device not in self._devices and not _sync_disk(directory):
            return False
        self._devices.add(device)
        return True


def sync_tree(directory: int) -> None:
    """Wait until the disk has everything below a directory.

    Args:
        directory: A descriptor of it; it is closed.

    Raises:
        OSError: The disk does not have it.
    """
    with Cursor(directory) as cursor:
        for event, name in walk(cursor):
            if event is Event.FILE:
                _sync_file(name, cursor.fd)
            elif event is Event.ENTER:
                os.fsync(cursor.fd)
            else:
                _sync_directory(name, cursor.fd)
        os.fsync(cursor.fd)


def differences(source: int, target: int, keep_link: KeepLink) -> list[str]:
    """The paths by which a tree differs from its copy, judged by type, size and modification time.

    Args:
        source: A descriptor of the tree; it is closed.
        target: A descriptor of the copy; it is closed.
        keep_link: As it was when the copy was made.

    Returns:
        At most a hundred of them.
    """
    one, other = _signatures(source, keep_link), _signatures(target, keep_link)
    return sorted(path for path in one.keys() | other.keys() if one.get(path) != other.get(path))[:100]


class _Copier:
    """Two cursors that move alike; one reads, one writes."""

    def __init__(self, old: Cursor, new: Cursor, top: int, keep_link: KeepLink, rules: CopyRules) -> None:
        self.report = CopyReport()
        self._rules = rules
        self._old = old
        self._new = new
        self._top = top
        self._keep_link = keep_link
        self._directories: list[str] = []
        self._copied: dict[tuple[int, int], str] = {}

    def is_left_out(self, name: str) -> bool:
        """Whether an entry of the directory where the cursors are is passed over."""
        return self._rules.leave_out(self._path(name))

    def take(self, event: Event, name: str) -> int:
        """One step of the walk; the bytes it copied."""
        if event is Event.FILE:
            return self._take_file(name)
        if event is Event.ENTER:
            os.mkdir(name, dir_fd=self._new.fd)
            self._new.down(name)
            self._directories.append(name)
        else:
            found = os.stat(name, dir_fd=self._old.fd, follow_symlinks=False)
            _copy_mode_and_times(found, self._new.fd)
            self._new.up()
            self._directories.pop()
        return 0

    def _take_file(self, name: str) -> int:
        found = os.stat(name, dir_fd=self._old.fd, follow_symlinks=False)
        if stat.S_ISLNK(found.st_mode):
            self._take_link(name)
            return 0
        if not stat.S_ISREG(found.st_mode):
            self._skip(name, "it is neither a file nor a directory nor a link")
            return 0
        shared = self._rules.may_share(self._path(name))
        if not (shared or found.st_nlink > 1) or not self._link_again(name, found, shared=shared):
            copy_file(self._old.fd, self._new.fd, name, compare=self._rules.compare)
            if found.st_nlink > 1:
                self._copied[found.st_dev, found.st_ino] = self._path(name)
        self.report.files += 1
        self.report.bytes += found.st_size
        return found.st_size

    def _take_link(self, name: str) -> None:
        text = os.readlink(name, dir_fd=self._old.fd)
        if self._keep_link("/".join(self._directories), text):
            os.symlink(text, name, dir_fd=self._new.fd)
        else:
            self._skip(name, f"it is a link to {text}, which lies outside the run")

    def _link_again(self, name: str, found: os.stat_result, *, shared: bool) -> bool:
        """Keep two names of one file one file: with each other, or with an original that nobody changes."""
        twin = self._copied.get((found.st_dev, found.st_ino))
        try:
            if twin is not None:
                os.link(twin, name, src_dir_fd=self._top, dst_dir_fd=self._new.fd, follow_symlinks=False)
            elif found.st_mode & 0o222 and not shared:
                return False
            else:
                os.link(name, name, src_dir_fd=self._old.fd, dst_dir_fd=self._new.fd, follow_symlinks=False)
        except OSError as error:
            if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EIO}:
                raise
            return False  # another disk, another user's file, too many links: a copy does as well
        return True

    def _skip(self, name: str, reason: str) -> None:
        self.report.skipped.append((self._path(name), reason))

    def _path(self, name: str) -> str:
        return "/".join([*self._directories, name])


def _copy_mode_and_times(found: os.stat_result, new: int) -> None:
    """Of a directory, after it was filled: writing into it needs the one and changes the other."""
    os.fchmod(new, stat.S_IMODE(found.st_mode) & 0o777 | stat.S_IRWXU)
    os.utime(new, ns=(found.st_atime_ns, found.st_mtime_ns))


def _signatures(directory: int, keep_link: KeepLink) -> dict[str, tuple[object, ...]]:
    found: dict[str, tuple[object, ...]] = {}
    inside: list[str] = []
    with Cursor(directory) as cursor:
        for event, name in walk(cursor):
            path = "/".join([*inside, name])
            if event is Event.LEAVE:
                inside.pop()
            elif event is Event.ENTER:
                inside.append(name)
                found[path] = ("directory",)
            elif signature := _signature(name, cursor.fd, lambda text: keep_link("/".join(inside), text)):
                found[path] = signature
    return found


def _signature(name: str, parent: int, keep_link: Callable[[str], bool]) -> tuple[object, ...] | None:
    """What a file must have in common with its copy; None for what is not copied."""
    found = os.stat(name, dir_fd=parent, follow_symlinks=False)
    if stat.S_ISLNK(found.st_mode):
        text = os.readlink(name, dir_fd=parent)
        return ("link", text) if keep_link(text) else None
    return ("file", found.st_size, found.st_mtime_ns) if stat.S_ISREG(found.st_mode) else None


def _sync_disk(directory: int) -> bool:
    """Everything of one file system at once; False where there is no such call."""
    try:
        call = ctypes.CDLL(None, use_errno=True).syncfs
    except (OSError, AttributeError, TypeError):
        return False
    if call(directory) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return True


def _sync_file(name: str, parent: int) -> None:
    try:
        descriptor = os.open(name, _READ, dir_fd=parent)
    except OSError as error:
        if error.errno == errno.ELOOP:  # a link has no data of its own
            return
        raise
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_directory(name: str, parent: int) -> None:
    descriptor = os.open(name, _READ, dir_fd=parent)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
