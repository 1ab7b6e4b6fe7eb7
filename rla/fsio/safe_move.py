"""Move a directory to another place of its file system, without following links on either side."""

from __future__ import annotations

import contextlib
import errno
import os
import random
import stat
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rla.fsio.atomic_write import TEMP_MARK, sync_directory, write_all
from rla.fsio.claim_dir import make_dirs
from rla.fsio.tree_walk import open_directory

_TOP: Final = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
_NO_LINK: Final = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)
_RACES: Final = 50
"""How often another process may remove an empty parent between making it and using it."""
_STEP_ASIDE: Final = 0.002
"""Seconds, at most, to let it get on before the next try: two that go on at once can keep step for long."""


@dataclass(frozen=True)
class Spot:
    """Where a directory lies, or is to lie.

    Attributes:
        top: Where its tree begins. Links in this part are followed: a tree may lie on another disk.
        place: The rest of the path. No link in it is ever followed.
    """

    top: Path
    place: str

    def __post_init__(self) -> None:
        """A place is words between slashes, whoever wrote it down.

        Raises:
            ValueError: It could lead out of its tree.
        """
        if any(part in {"", ".", ".."} or "\0" in part for part in self.place.split("/")):
            message = f"not a place below a directory: {self.place!r}"
            raise ValueError(message)

    @property
    def name(self) -> str:
        """The last word of the place."""
        return self.place.rpartition("/")[2]

    @property
    def path(self) -> Path:
        """The whole path, for messages and for making it durable."""
        return self.top / self.place


@contextmanager
def opened(spot: Spot) -> Iterator[int]:
    """A descriptor of the directory at a spot.

    Raises:
        OSError: It is not there, or a link is in its place.
    """
    with parent_of(spot) as parent:
        directory = open_directory(spot.name, parent)
    try:
        yield directory
    finally:
        os.close(directory)


@contextmanager
def parent_of(spot: Spot, *, make: bool = False) -> Iterator[int]:
    """A descriptor of the directory that holds a spot, made with all above it if asked.

    Raises:
        OSError: It is not there, or a link is in the place of one of its parents.
    """
    directory = _make_and_open_parent(spot) if make else _open_parent(spot, make=False)
    try:
        yield directory
    finally:
        os.close(directory)


def is_there(spot: Spot) -> bool:
    """Whether anything has that name, be it a link or a file.

    Raises:
        OSError: That cannot be known.
    """
    try:
        with parent_of(spot) as parent:
            os.stat(spot.name, dir_fd=parent, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def move(source: Spot, target: Spot) -> None:
    """Rename a directory; the target's parents are made. Only an empty directory may be there already.

    Nothing is durable before :func:`make_durable`.

    Raises:
        OSError: The source is not there, the target is taken, or they lie on different disks (EXDEV).
            The directory is where it was.
    """
    for _ in range(_RACES):
        with contextlib.suppress(FileNotFoundError):
            _move(source, target)
            return
        if not is_there(source):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(source.path))
        _step_aside()
    _move(source, target)


def make_durable(spots: Iterable[Spot]) -> None:
    """Wait until the disk knows what is in the directories that hold the spots, and in those above."""
    below = {(spot.top, spot.place.rpartition("/")[0]) for spot in spots}
    directories = {top.parent for top, _ in below}
    for top, place in below:
        directories.add(top / place)
        while place:
            place = place.rpartition("/")[0]  # noqa: PLW2901 - up to the top
            directories.add(top / place)
    for directory in sorted(directories, reverse=True):
        sync_directory(directory)


def drop_empty_parents(spot: Spot) -> None:
    """Remove the directories between a tree's top and a spot that hold nothing, the lowest first."""
    while "/" in spot.place:
        spot = Spot(spot.top, spot.place.rpartition("/")[0])
        try:
            with parent_of(spot) as parent:
                os.rmdir(spot.name, dir_fd=parent)
        except FileNotFoundError:
            pass
        except OSError:
            return


def read_file(directory: int, name: str, limit: int) -> bytes:
    """The content of a file in a directory; links, pipes and what is longer than the limit are refused.

    Raises:
        OSError: There is no such file.
    """
    descriptor = os.open(name, os.O_RDONLY | _NO_LINK, dir_fd=directory)
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_size > limit:
            raise OSError(errno.EINVAL, "not a file of rla", name)
        return file.read()


def read_start(directory: int, name: str, length: int) -> bytes:
    """The first bytes of a file in a directory; links and pipes are refused.

    Raises:
        OSError: There is no such file.
    """
    descriptor = os.open(name, os.O_RDONLY | _NO_LINK, dir_fd=directory)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "not a file of rla", name)
        return file.read(length)


def replace_file(directory: int, name: str, data: bytes) -> None:
    """Replace a file in a directory in one step, durably; what a kill leaves is used by the next try.

    Raises:
        OSError: It could not be written; the old content is still there.
    """
    temporary = f".{name}{TEMP_MARK}"
    descriptor = os.open(temporary, _NEW, 0o666, dir_fd=directory)
    try:
        try:
            write_all(descriptor, data)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.rename(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(temporary, dir_fd=directory)
        raise
    os.fsync(directory)


def _open_top(top: Path, *, make: bool) -> int:
    if make and not top.is_dir():
        make_dirs(top)
    return os.open(top, _TOP)


def _make_and_open_parent(spot: Spot) -> int:
    for _ in range(_RACES):
        with contextlib.suppress(FileNotFoundError):
            return _open_parent(spot, make=True)
        _step_aside()
    return _open_parent(spot, make=True)


def _open_parent(spot: Spot, *, make: bool) -> int:
    directory = _open_top(spot.top, make=make)
    try:
        for part in spot.place.split("/")[:-1]:
            if make:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(part, dir_fd=directory)
            below = open_directory(part, directory)
            os.close(directory)
            directory = below
    except BaseException:
        os.close(directory)
        raise
    return directory


def _step_aside() -> None:
    time.sleep(random.uniform(0, _STEP_ASIDE))  # noqa: S311 - no secret


def _move(source: Spot, target: Spot) -> None:
    try:
        with parent_of(source) as old, parent_of(target, make=True) as new:
            try:
                _rename(source.name, old, target.name, new)
            except PermissionError:
                _rename_read_only(source, old, target, new)
    except OSError:
        drop_empty_parents(target)
        raise


def _rename(source: str, old: int, target: str, new: int) -> None:
    os.rename(source, target, src_dir_fd=old, dst_dir_fd=new)


def _rename_read_only(source: Spot, old: int, target: Spot, new: int) -> None:
    """A directory that moves has its ``..`` rewritten, so that its owner needs write permission for it."""
    directory = open_directory(source.name, old)
    try:
        mode = stat.S_IMODE(os.fstat(directory).st_mode)
        if mode & stat.S_IWUSR:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(source.path))
        os.fchmod(directory, mode | stat.S_IWUSR)
        try:
            _rename(source.name, old, target.name, new)
        finally:
            os.fchmod(directory, mode)
    finally:
        os.close(directory)
