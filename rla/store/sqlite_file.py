"""The index as an SQLite file.

Source for the rules kept here (one process per connection, never the file behind SQLite's back,
no file swapped under an open connection): https://www.sqlite.org/howtocorrupt.html
"""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import random
import sqlite3
import stat
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, NullPool, QueuePool, create_engine
from sqlalchemy.exc import DBAPIError

from rla.core import json_codec
from rla.errors import StoreBusyError, StoreError
from rla.fsio.file_lock import FileLock
from rla.store.backend import Backend, Deadline

_BUSY: Final = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL}
_CORRUPT: Final = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_UNWRITABLE: Final = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM}
_SETTINGS: Final = ("synchronous = NORMAL", "foreign_keys = ON")
_SIDE_FILES: Final = ("-wal", "-shm")


class SqliteFile(Backend):
    """One SQLite file, in WAL mode."""

    def __init__(self, path: Path, *, create: bool) -> None:
        """Name the file; it is opened by the first transaction."""
        self.name = str(path)
        self._path = path
        self._identity: tuple[int, int] | None = None
        self._engine = self._new_engine(
            "mode=rwc" if create else "mode=rw", poolclass=QueuePool, pool_size=1, max_overflow=-1
        )
        self._readers: dict[str, Engine] = {}

    def begin(self, deadline: Deadline, *, write: bool) -> Connection | None:
        """As in :class:`Backend`; where the file cannot be written, a reader still reads it."""
        if self._identity is None:
            _remove_leftovers(self._path, deadline)
        try:
            connection = _start(self._engine, deadline, _switch_to_wal, write=write)
        except (sqlite3.Error, DBAPIError) as error:
            if write or _code(error) not in _UNWRITABLE:
                raise
            return self._begin_read_only(deadline)
        if self.is_replaced():  # asked under the lock: waiting for it may have taken a while
            connection.close()
            return None
        return connection

    def is_replaced(self) -> bool:
        """Whether the path now names another file than the one that was opened, or none.

        Such a file is not to be closed either: the last connection to close a file removes the
        side files by their names, and those would be the new one's.
        """
        return self._identity is not None and _identity(self._path) != self._identity

    def explain(self, error: BaseException, deadline: Deadline) -> StoreError:
        """As in :class:`Backend`."""
        code = _code(error)
        reason = getattr(error, "orig", None) or error
        if code in _BUSY:
            message = f"the index {self.name} is held by another process; waited {deadline.seconds:g} s for it"
            return StoreBusyError(message, url=self.name)
        if code in _CORRUPT:
            message = (
                f"the index {self.name} is damaged ({reason}); run `rla reindex`: "
                "it moves the file aside and makes a new index from the runs' directories"
            )
            return StoreError(message, url=self.name)
        if code in _UNWRITABLE or self._path.is_dir():
            number = _why_unwritable(self._path)
            message = f"the index {self.name} cannot be opened for this: [Errno {number}] {os.strerror(number)}"
            return StoreError(message, url=self.name)
        return StoreError(f"the index {self.name}: {reason}", url=self.name)

    def close(self) -> None:
        """As in :class:`Backend`."""
        self._engine.dispose()

    def _new_engine(self, access: str, **pool: Any) -> Engine:
        return create_engine(
            URL.create("sqlite+pysqlite"),
            creator=lambda: self._connect(access),
            json_serializer=json_codec.dumps,
            hide_parameters=True,
            **pool,
        )

    def _connect(self, access: str) -> sqlite3.Connection:
        """Open the file without a look into it: that would mean to wait for others."""
        uri = f"file:{quote(self.name)}?{access}"
        connection = sqlite3.connect(uri, uri=True, timeout=0, isolation_level=None, check_same_thread=False)
        if self._identity is None:
            self._identity = _identity(self._path)
        return connection

    def _begin_read_only(self, deadline: Deadline) -> Connection:
        try:
            return self._start_reader("mode=ro", deadline)
        except (sqlite3.Error, DBAPIError) as error:
            if _code(error) not in _UNWRITABLE or not self._path.is_file():
                raise
        log = Path(f"{self._path}-wal")
        if log.exists() and log.stat().st_size:
            message = (
                f"the index {self.name} was not closed: its newest rows are in {log.name}, which only an account "
                f"that may write in {self._path.parent} can read; run `rla ls` once from such an account"
            )
            raise StoreError(message, url=self.name)
        return self._start_reader("immutable=1", deadline)

    def _start_reader(self, access: str, deadline: Deadline) -> Connection:
        """A connection for one transaction: what it sees may be as old as the connection."""
        if access not in self._readers:
            self._readers[access] = self._new_engine(access, poolclass=NullPool)
        return _start(self._readers[access], deadline, _look, write=False)


@functools.cache
def trusted_schema() -> str:
    """``OFF``; ``ON`` where SQLite calls its own JSON functions unsafe, which indexes of a table need.

    Versions before 3.41 do so by mistake: a table with such an index could not be written.
    """
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("CREATE TABLE probe (value)")
        try:
            connection.execute("CREATE INDEX probed ON probe (json_type(value))")
        except sqlite3.OperationalError:
            return "ON"
        return "OFF"


def is_damage(error: StoreError, path: Path) -> bool:
    """Whether an error says that the file itself can never be read, whoever tries and when."""
    cause = error.__cause__
    return path.is_dir() or (cause is not None and _code(cause) in _CORRUPT)


def move_aside(path: Path) -> Path | None:
    """Rename an index that cannot be read, with its side files; nothing is deleted.

    Returns:
        The new name, or None when there was no file.

    Raises:
        OSError: The file could not be renamed.
    """
    target = path.with_name(f"{path.name}.damaged-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}")
    for suffix in (*_SIDE_FILES, ""):  # the file last: a new one must not meet the old side files
        try:
            os.replace(f"{path}{suffix}", f"{target}{suffix}")  # noqa: PTH105 - names with a suffix, not paths
        except FileNotFoundError:
            if not suffix:
                return None
    return target


def _remove_leftovers(path: Path, deadline: Deadline) -> None:
    """Remove the side files of an index that somebody deleted without them.

    A process that still has the deleted file open goes on in them, and a new file would share
    them with it. A lock keeps out others who do this: the first could have made the new index
    meanwhile. The log goes last, so that all of them lock the same file.
    """
    while not path.exists():
        left = [target for suffix in _SIDE_FILES if (target := Path(f"{path}{suffix}")).exists()]
        if not left or not deadline.remaining:
            return
        with contextlib.suppress(FileNotFoundError):
            _remove_locked(path, left)
        time.sleep(0.001)


def _remove_locked(path: Path, left: Sequence[Path]) -> None:
    before = _identity(left[0])
    lock = FileLock(left[0])
    if not lock.acquire():
        return
    try:
        if _identity(left[0]) == before and not path.exists():
            for target in reversed(left):
                target.unlink(missing_ok=True)
    finally:
        lock.release()


def _start(
    engine: Engine, deadline: Deadline, prepare: Callable[[sqlite3.Connection, Deadline], None], *, write: bool
) -> Connection:
    connection = engine.connect()
    try:
        driver: Any = connection.connection.driver_connection
        driver.execute(f"PRAGMA busy_timeout = {deadline.milliseconds}")
        if "prepared" not in connection.info:
            prepare(driver, deadline)
            for setting in (*_SETTINGS, f"trusted_schema = {trusted_schema()}"):
                driver.execute(f"PRAGMA {setting}")
            connection.info["prepared"] = True
        driver.execute("BEGIN IMMEDIATE" if write else "BEGIN")
    except BaseException:
        connection.close()
        raise
    return connection


def _switch_to_wal(driver: sqlite3.Connection, deadline: Deadline) -> None:
    """Two that switch at once may both be refused without waiting: try again."""
    while True:
        try:
            driver.execute("PRAGMA journal_mode = WAL").fetchall()
        except sqlite3.OperationalError as error:
            if _code(error) not in _BUSY or not deadline.remaining:
                raise
            time.sleep(random.uniform(0.001, 0.01))  # noqa: S311 - spreads contenders, guards nothing
        else:
            return


def _look(driver: sqlite3.Connection, deadline: Deadline) -> None:  # noqa: ARG001 - called as the one above
    """Fail now, not later, where the file cannot be read in this way."""
    driver.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchall()


def _code(error: BaseException) -> int:
    """SQLite's primary error code, 0 when it is not SQLite's error."""
    driver_error = error.orig if isinstance(error, DBAPIError) else error
    return getattr(driver_error, "sqlite_errorcode", 0) & 0xFF


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = os.stat(path)  # noqa: PTH116 - asked before every write
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _why_unwritable(path: Path) -> int:
    """The error number that SQLite keeps to itself."""
    try:
        path.parent.stat()
        kind = path.stat().st_mode
    except OSError as error:
        if error.errno != errno.ENOENT or not path.parent.exists():
            return error.errno or errno.EIO
        kind = 0
    if stat.S_ISDIR(kind):
        return errno.EISDIR
    if hasattr(os, "statvfs") and os.statvfs(path.parent).f_flag & os.ST_RDONLY:
        return errno.EROFS
    return errno.EACCES if not _may_write(path) else errno.EIO if kind else errno.ENOENT


def _may_write(path: Path) -> bool:
    own = os.access in os.supports_effective_ids
    there = [target for target in (path.parent, path) if target.exists()]
    return all(os.access(target, os.W_OK, effective_ids=own) for target in there)
