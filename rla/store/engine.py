"""Open the index, and run transactions in it."""

from __future__ import annotations

import atexit
import ctypes
import os
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import URL, Connection, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from rla.errors import ConfigError, StoreError
from rla.store import schema
from rla.store.backend import Backend, Deadline
from rla.store.postgres_server import PostgresServer, masked
from rla.store.sqlite_file import SqliteFile

_backends: Final[dict[tuple[str, int], Backend]] = {}
"""The open databases by address and process. A forked child finds none of its own here."""
_replaced: Final[list[Backend]] = []
"""Databases whose file was replaced: they are neither used nor closed any more."""

# What another process opened, or what lies in a replaced file, must not be closed by us, not even
# when Python tears its modules down: an own reference keeps both holders alive for ever.
for _holder in (_backends, _replaced):
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(_holder))


class Index:
    """An index of runs: transactions in a database that is opened, checked and reopened as needed.

    Attributes:
        budget: Seconds that a transaction may wait for others.
    """

    def __init__(self, url: URL, *, budget: float, create: bool = True) -> None:
        """Name the database; :func:`open_index` opens it."""
        self._url = url
        self._key = url.render_as_string(hide_password=False)
        self._create = create
        self.budget = budget

    @property
    def name(self) -> str:
        """The address for people: the path of the SQLite file, or the URL without its password."""
        return masked(self._url) if self._url.get_backend_name() == "postgresql" else str(self._url.database)

    @property
    def dialect(self) -> str:
        """SQLAlchemy's name for the kind of database: ``sqlite`` or ``postgresql``."""
        return self._url.get_backend_name()

    def within(self, budget: float) -> Index:
        """The same index with another budget."""
        return Index(self._url, budget=budget, create=self._create)

    def read(self) -> AbstractContextManager[Connection]:
        """A transaction that only reads; nobody waits for it.

        Raises:
            StoreError: The index cannot be read.
        """
        return self._transaction(write=False)

    def write(self) -> AbstractContextManager[Connection]:
        """A transaction that writes; it is committed at the end of the block, undone by an error.

        Raises:
            StoreBusyError: Others hold the index for longer than the budget.
            StoreError: The index cannot be written.
        """
        return self._transaction(write=True)

    def open(self) -> None:
        """Connect, and make or check the tables, unless this process has done so.

        Raises:
            SchemaVersionError: A newer rla wrote the index.
            StoreError: It cannot be opened.
        """
        self._open(Deadline(self.budget))

    def close(self) -> None:
        """Close this process's connections; the next transaction opens new ones."""
        backend = _backends.pop((self._key, os.getpid()), None)
        if backend is not None:
            _close(backend)

    @contextmanager
    def _transaction(self, *, write: bool) -> Iterator[Connection]:
        deadline = Deadline(self.budget)
        backend, connection = self._begin(deadline, write=write)
        with _explained(backend, deadline):
            try:
                yield connection
                connection.commit()
            finally:
                backend.end(connection)

    def _begin(self, deadline: Deadline, *, write: bool) -> tuple[Backend, Connection]:
        while True:
            backend = self._open(deadline)
            with _explained(backend, deadline):
                connection = backend.begin(deadline, write=write)
            if connection is not None:
                return backend, connection
            self._forget(backend)

    def _open(self, deadline: Deadline) -> Backend:
        key = (self._key, os.getpid())
        while key not in _backends:
            backend = self._new_backend()
            try:
                with _explained(backend, deadline):
                    if _set_up(backend, deadline):
                        _backends.setdefault(key, backend)
            finally:
                if _backends.get(key) is not backend:
                    _close(backend)  # an error, a replaced file, or another thread was faster
        return _backends[key]

    def _new_backend(self) -> Backend:
        if self._url.get_backend_name() == "sqlite":
            return SqliteFile(Path(self._url.database or ""), create=self._create)
        return PostgresServer(self._url, self.budget)

    def _forget(self, backend: Backend) -> None:
        key = (self._key, os.getpid())
        if _backends.get(key) is backend:
            _replaced.append(_backends.pop(key))


def open_index(address: str | Path, *, budget: float = 60.0, create: bool = True) -> Index:
    """Open an index; a new one gets its tables.

    Args:
        address: A SQLAlchemy URL (``sqlite:///...``, ``postgresql+psycopg://...``), or the path of
            an SQLite file.
        budget: Seconds that each transaction may wait for others.
        create: Make the SQLite file when there is none.

    Raises:
        ConfigError: The address is no such URL.
        MissingDependencyError: PostgreSQL is asked for, and psycopg is not installed.
        SchemaVersionError: A newer rla wrote the index.
        StoreError: The index cannot be opened.
    """
    index = Index(_url(address), budget=budget, create=create)
    index.open()
    return index


def _url(address: str | Path) -> URL:
    if isinstance(address, Path) or "://" not in address:
        return URL.create("sqlite", database=os.path.abspath(address))  # noqa: PTH100 - works on either type
    try:
        url = make_url(address)
    except (ArgumentError, ValueError):
        raise _bad_address("cannot be read as a URL") from None  # the message below could hold the password
    if url.get_backend_name() not in {"sqlite", "postgresql"}:
        raise _bad_address(f"names {url.get_backend_name()}")
    if url.get_backend_name() == "postgresql":
        return url
    if url.database in {None, "", ":memory:"}:
        raise _bad_address("names no file")
    return URL.create("sqlite", database=os.path.abspath(str(url.database)))  # noqa: PTH100


def _bad_address(problem: str) -> ConfigError:
    allowed = ("sqlite:////path/of/rla.db", "postgresql+psycopg://user@host/database")
    message = f"the index URL {problem}; write {' or '.join(allowed)}"
    return ConfigError(message, key="INDEX_URL", allowed=allowed)


def _set_up(backend: Backend, deadline: Deadline) -> bool:
    """Make or check the tables; False when the file was replaced under our hands."""
    connection = backend.begin(deadline, write=False)
    if connection is None:
        return False
    try:
        current = schema.is_current(connection)
    finally:
        backend.end(connection)
    return current or _write_schema(backend, deadline)


def _write_schema(backend: Backend, deadline: Deadline) -> bool:
    connection = backend.begin(deadline, write=True)
    if connection is None:
        return False
    try:
        schema.set_up(connection)
        connection.commit()
    finally:
        backend.end(connection)
    return True


@contextmanager
def _explained(backend: Backend, deadline: Deadline) -> Iterator[None]:
    try:
        yield
    except StoreError as error:
        error.url = error.url or backend.name
        raise
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise backend.explain(error, deadline) from error


def _close(backend: Backend) -> None:
    if backend.is_replaced():
        _replaced.append(backend)
    else:
        backend.close()


def _close_own() -> None:
    for (_, pid), backend in list(_backends.items()):
        if pid == os.getpid():
            _close(backend)


atexit.register(_close_own)
