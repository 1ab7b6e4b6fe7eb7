"""What the backup before this one learned about the files of a project.

One JSON file per project, user and boot of the machine, in the code store. It is only a cache:
without it everything is read again.

* A source file is unchanged if device, inode, size, mtime and ctime are those recorded. A time
  stamp that was younger than two seconds when the file was read proves nothing, because the file
  may have changed again within the same tick: such a file is read again next time (git's rule for
  racy time stamps). A changed ctime alone, as after a link or a chmod, also means reading again.
* An entry of the store is sound if inode, size and mtime are those recorded and its ctime is not
  later than the cache. Every link moves the ctime of an entry; those of the backup that wrote the
  cache came before the cache did, and anything later is a reason to read the entry again.
  An edit that puts the mtime back is found like this too.
* A new boot begins a new cache: what was written before a power cut is read again.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from rla.artifacts.code.secrets import RULES_VERSION, is_config
from rla.fsio.atomic_write import atomic_write

CACHE_DIR: Final = "cache"
RACY_NS: Final = 2 * 10**9
_VERSION: Final = 1
_OLDEST_S: Final = 30 * 86_400
_BOOT: Final = "/proc/sys/kernel/random/boot_id"

Signature = tuple[int, int, int, int, int]
"""Device, inode, size, mtime and ctime of a file."""


class Record(NamedTuple):
    """What is known of a source file.

    Attributes:
        entry: Its name in the code store; it begins with the hash of the content.
        secret: Why it is left out for its content, or empty.
        store_inode: The entry's inode when it was last sound; 0 if it is not in the store.
        store_mtime: The entry's mtime then.
        device: The first part of the file's signature; the other parts follow.
    """

    entry: str
    secret: str
    store_inode: int
    store_mtime: int
    device: int
    inode: int
    size: int
    mtime: int
    ctime: int

    @property
    def signature(self) -> Signature:
        """What the file looked like when it was read."""
        return self[4:]


_DECODER: Final = msgspec.json.Decoder(tuple[dict[str, Record], dict[str, str]])


class Cache:
    """The records of one project; a damaged or missing file is an empty cache.

    Attributes:
        records: What was known, by source path.
        decisions: What the ignore rules said, by source path.
        written: When the file was written, in nanoseconds of its file system's clock.
    """

    def __init__(self, store: Path, purpose: object) -> None:
        """Read the cache of a purpose: whatever decides which files are looked at, and how."""
        parts = (_VERSION, RULES_VERSION, _boot(), _user(), purpose)
        name = blake2b(repr(parts).encode("utf-8", "surrogateescape"), digest_size=12).hexdigest()
        self._path = store / CACHE_DIR / f"{name}.json"
        self.records: dict[str, Record] = {}
        self.decisions: dict[str, str] = {}
        self.written = 0
        with contextlib.suppress(OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            self._read()

    def save(self, records: Mapping[str, Record], decisions: Mapping[str, str]) -> None:
        """Keep what this backup learned; a cache that cannot be written is no loss."""
        with contextlib.suppress(OSError):
            if records == self.records and decisions == self.decisions:
                os.utime(self._path)
                return
            self._path.parent.mkdir(exist_ok=True)
            atomic_write(self._path, _encode(records, decisions), durable=False)
            self._drop_old()

    def secrets(self) -> dict[tuple[str, bool], str]:
        """Verdicts about contents, by the entry and whether they were judged as a configuration."""
        return {(record.entry, is_config(path)): record.secret for path, record in self.records.items()}

    def _read(self) -> None:
        with self._path.open("rb") as file:
            written = os.fstat(file.fileno()).st_mtime_ns
            self.records, self.decisions = _DECODER.decode(file.read())
        self.written = written

    def _drop_old(self) -> None:
        limit = time.time() - _OLDEST_S
        for file in self._path.parent.iterdir():
            if file.stat().st_mtime < limit:
                file.unlink(missing_ok=True)


def _encode(records: Mapping[str, Record], decisions: Mapping[str, str]) -> bytes:
    """The content of the file; paths that are no Unicode are not remembered."""
    try:
        return msgspec.json.encode([records, decisions])
    except UnicodeEncodeError:
        parts = ({path: each[path] for path in each if _is_unicode(path)} for each in (records, decisions))
        return msgspec.json.encode([*parts])


def _is_unicode(path: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for letter in path)


def signature(stat: os.stat_result) -> Signature:
    """What a file looks like without reading it."""
    return (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)


def settled_signature(stat: os.stat_result, before_ns: int) -> Signature:
    """The signature of a file that was read at a time, or one that no file has if it was too fresh then."""
    device, inode, size, mtime, ctime = signature(stat)
    if max(mtime, ctime) < before_ns - RACY_NS:
        return (device, inode, size, mtime, ctime)
    return (device, inode, size, -1, -1)


def _boot() -> str:
    with contextlib.suppress(OSError):
        return Path(_BOOT).read_text(encoding="ascii")
    return ""


def _user() -> int:
    return os.geteuid() if hasattr(os, "geteuid") else 0
