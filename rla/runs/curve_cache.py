"""Columns of recorded values that were read before, so that a plot need not read them again.

Each column of each ``progress.csv`` is one file: a line of JSON that says what it was read from,
then a little-endian float64 per row. The text is a multiple of eight bytes long. What was read is
believed in two cases only:

* the CSV is the same file, of the same size, last changed at the same moment, and that moment lay well
  before it was read: nothing can have changed within one tick of the disk's clock;
* the CSV begins with the very bytes that were read, by their CRC-32C. Then only what came after is read.

Nothing here ever raises: a cache that is damaged, full or not writable is no cache.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from hashlib import blake2b
from pathlib import Path
from typing import Final

import crc32c
import msgspec
import numpy as np

from rla.core.layout import CURVES, JobRunPaths, JobTreePaths, RootPaths, RunPaths, user_cache_dir
from rla.fsio.atomic_write import TEMP_MARK, atomic_write
from rla.fsio.claim_dir import make_dirs
from rla.fsio.safe_move import Spot, opened, read_start
from rla.fsio.tree_walk import disk_bytes
from rla.runs.csv_cells import Array
from rla.runs.csv_columns import Extent

LARGEST: Final = 1 << 30
"""Bytes that the cache of one data root has at most; the oldest files are removed first."""

_KEPT_SHARE: Final = 0.75
_TICK: Final = 2_000_000_000
"""Nanoseconds within which a change may leave a file's times as they were."""
_FORMAT: Final = 1
_ALIGNMENT: Final = 8
_NAME: Final = re.compile(r"[0-9a-f]{32}")
_LONGEST_HEAD: Final = 1 << 16


class Source(msgspec.Struct, frozen=True):
    """The state of a file when it was read; times in nanoseconds."""

    device: int
    inode: int
    size: int
    changed: int
    status_changed: int

    @classmethod
    def of(cls, status: os.stat_result) -> Source:
        """What the system tells of an open file."""
        return cls(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


class _Head(msgspec.Struct, frozen=True):
    """What the first line of a file of the cache says."""

    format: int
    csv: str
    column: str
    source: Source
    read_at: int
    end: int
    source_crc: int
    rows: int
    crc: int


class Cached(msgspec.Struct, frozen=True):
    """A column as it was read.

    Attributes:
        values: Shape (rows,), as :mod:`rla.runs.csv_columns` gives it.
        extent: The part of the CSV that it was read from.
        source: The CSV, as it was then.
        read_at: When that was, in nanoseconds since the epoch.
    """

    values: Array
    extent: Extent
    source: Source
    read_at: int

    def is_settled(self) -> bool:
        """Whether the CSV had not been changed for a while when it was read."""
        return self.read_at - max(self.source.changed, self.source.status_changed) > _TICK

    def is_of(self, source: Source) -> bool:
        """Whether the CSV is certainly still what was read."""
        return self.source == source and self.is_settled()


class CurveCache:
    """The cache of one data root."""

    def __init__(self, directories: list[Path], largest: int = LARGEST) -> None:
        """Made by :func:`curve_cache`.

        Args:
            directories: Where it may be; the first that can be written is used.
            largest: How many bytes it has at most.
        """
        self._directories = directories
        self._largest = largest
        self._written: set[Path] = set()

    def load(self, csv: str, column: str) -> Cached | None:
        """What was read of a column, or None."""
        for directory in self._directories:
            with contextlib.suppress(OSError, ValueError, msgspec.MsgspecError):
                return _decode((directory / _file_name(csv, column)).read_bytes(), csv, column)
        return None

    def save(self, csv: str, column: str, cached: Cached) -> None:
        """Keep what was read of a column."""
        content = _encode(csv, column, cached)
        for directory in self._directories:
            with contextlib.suppress(OSError):
                if not directory.is_dir():
                    make_dirs(directory)
                atomic_write(directory / _file_name(csv, column), content, durable=False)
                self._written.add(directory)
                return

    def trim(self) -> None:
        """Remove the oldest files where something was written and there is too much now."""
        for directory in self._written:
            with contextlib.suppress(OSError):
                _trim(directory, self._largest)
        self._written.clear()


def curve_cache(paths: RunPaths) -> CurveCache:
    """The cache for a run: in its data root, or the user's where that is read only."""
    kind = JobTreePaths if isinstance(paths, JobRunPaths) else RootPaths
    roots = map(kind, (paths.root, *paths.root.parents[:2]))  # an archived copy lies one or two levels lower
    own = [root.curve_cache for root in roots if root.state_dir.is_dir()]
    return CurveCache([*own[:1], user_cache_dir() / CURVES])


def drop_cached(state_dir: Path, directory: Path, *, below: Path | None = None, every: bool = False) -> int:
    """Remove what was read of files that are gone, and what kills left.

    Args:
        state_dir: What no link leads out of.
        directory: A cache in it.
        below: Only of files that lay below this; by default of any.
        every: Also of files that are there.

    Returns:
        How many bytes of the disk are free now.
    """
    freed = 0
    with contextlib.suppress(OSError), opened(Spot(state_dir, directory.relative_to(state_dir).as_posix())) as cache:
        for name in os.listdir(cache):  # noqa: PTH208 - of a descriptor
            with contextlib.suppress(OSError):
                if name.endswith(TEMP_MARK) or (_NAME.fullmatch(name) and _is_useless(cache, name, below, every=every)):
                    found = os.stat(name, dir_fd=cache, follow_symlinks=False)
                    os.unlink(name, dir_fd=cache)
                    freed += disk_bytes(found)
    return freed


def _is_useless(cache: int, name: str, below: Path | None, *, every: bool) -> bool:
    """Whether a file of a cache is of a CSV that is gone, or of any; nobody knows it of one that is damaged."""
    line = read_start(cache, name, _LONGEST_HEAD).partition(b"\n")[0]
    try:
        csv = msgspec.json.decode(line, type=_Head).csv
    except msgspec.MsgspecError:
        return every and below is None
    is_below = below is None or Path(csv).is_relative_to(below)
    return is_below and (every or not os.path.lexists(csv))


def now() -> int:
    """The time for ``read_at``, to be taken before a file is opened."""
    return time.time_ns()


def _file_name(csv: str, column: str) -> str:
    return blake2b(f"{csv}\0{column}".encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _encode(csv: str, column: str, cached: Cached) -> bytes:
    values = cached.values.astype("<f8", copy=False).tobytes()
    head = _Head(
        format=_FORMAT,
        csv=csv.encode("utf-8", "surrogateescape").decode("utf-8", "replace"),
        column=column,
        source=cached.source,
        read_at=cached.read_at,
        end=cached.extent.end,
        source_crc=cached.extent.crc,
        rows=len(cached.values),
        crc=crc32c.crc32c(values),
    )
    line = msgspec.json.encode(head)
    return line + b" " * (-(len(line) + 1) % _ALIGNMENT) + b"\n" + values


def _decode(content: bytes, csv: str, column: str) -> Cached:
    """Read a file of the cache.

    Raises:
        ValueError: It is damaged, or of another column.
    """
    start = content.index(b"\n") + 1
    head = msgspec.json.decode(content[:start], type=_Head)
    shown = csv.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    if (head.format, head.csv, head.column) != (_FORMAT, shown, column):
        raise ValueError("another column")
    payload = memoryview(content)[start:]
    if len(payload) != head.rows * _ALIGNMENT or crc32c.crc32c(payload) != head.crc:
        raise ValueError("damaged")
    values = np.frombuffer(payload, dtype="<f8")
    return Cached(values, Extent(head.end, head.source_crc), head.source, head.read_at)


def _trim(directory: Path, largest: int) -> None:
    with os.scandir(directory) as entries:
        files = sorted((status.st_mtime_ns, status.st_size, each.path) for each in entries if (status := each.stat()))
    total = sum(size for _, size, _ in files)
    if total <= largest:
        return
    for _, size, path in files:
        with contextlib.suppress(OSError):
            Path(path).unlink()
            total -= size
        if total <= largest * _KEPT_SHARE:
            return
