"""The index in a PostgreSQL database."""

from __future__ import annotations

import os
import socket
import threading
from typing import Any, Final

from sqlalchemy import URL, Connection, create_engine, text
from sqlalchemy.exc import DBAPIError

from rla.core import json_codec
from rla.errors import MissingDependencyError, StoreBusyError, StoreError
from rla.store.backend import Backend, Deadline
from rla.store.columns import loads_jsonb

_LIMITS: Final = text(
    "SELECT set_config('lock_timeout', :limit, true), set_config('statement_timeout', :limit, true),"
    " set_config('transaction_read_only', :read_only, true)"
)
_WAITED: Final = {"55P03", "57014", "40P01", "40001"}
"""Lock timeout, statement timeout, deadlock, serialisation failure."""
_GRACE: Final = 0.2
_CONNECT: Final = (2, 10)
"""Least and most seconds for connecting; psycopg takes no less than 2."""


class PostgresServer(Backend):
    """One database of a PostgreSQL server."""

    def __init__(self, url: URL, budget: float) -> None:
        """Name the database; it is connected by the first transaction.

        Raises:
            MissingDependencyError: psycopg is not installed.
        """
        self.name = masked(url)
        self._secrets = [
            secret for secret in (url.password, url.query.get("password")) if secret and isinstance(secret, str)
        ]
        self._watchdogs: dict[Connection, _Watchdog] = {}
        least, most = _CONNECT
        seconds = min(max(int(budget), least), most)
        try:
            self._engine = create_engine(
                url.set(drivername="postgresql+psycopg"),
                json_serializer=json_codec.dumps,
                json_deserializer=loads_jsonb,
                hide_parameters=True,
                pool_size=1,
                max_overflow=-1,
                connect_args={
                    "application_name": "rla",
                    "connect_timeout": seconds,
                    "tcp_user_timeout": seconds * 1000,
                },
            )
        except ModuleNotFoundError as error:
            raise MissingDependencyError("psycopg", "postgres", "an index on PostgreSQL") from error

    def begin(self, deadline: Deadline, *, write: bool) -> Connection:
        """As in :class:`Backend`; a connection that was cut while it lay idle is made once more."""
        try:
            return self._start(deadline, write=write)
        except DBAPIError as error:
            if not (error.connection_invalidated and deadline.remaining):
                raise
            return self._start(deadline, write=write)

    def end(self, connection: Connection) -> None:
        """As in :class:`Backend`."""
        try:
            connection.close()
        finally:
            if watchdog := self._watchdogs.pop(connection, None):
                watchdog.stop()

    def explain(self, error: BaseException, deadline: Deadline) -> StoreError:
        """As in :class:`Backend`."""
        reason = getattr(error, "orig", None) or error
        state = getattr(reason, "sqlstate", None)
        if state in _WAITED or (state is None and not deadline.remaining):
            message = f"the index {self.name} did not answer within {deadline.seconds:g} s"
            return StoreBusyError(message, url=self.name)
        line = " ".join(str(reason).split())
        for secret in self._secrets:
            line = line.replace(secret, "***")
        return StoreError(f"the index {self.name}: {line}", url=self.name)

    def close(self) -> None:
        """As in :class:`Backend`."""
        self._engine.dispose()

    def _start(self, deadline: Deadline, *, write: bool) -> Connection:
        connection = self._engine.connect()
        try:
            self._watchdogs[connection] = _Watchdog(connection, deadline)
            settings = {"limit": f"{deadline.milliseconds}ms", "read_only": "off" if write else "on"}
            connection.execute(_LIMITS, settings)
        except BaseException:
            self.end(connection)
            raise
        return connection


class _Watchdog:
    """Cuts a connection whose server or network hangs: the server's own limits need a server."""

    def __init__(self, connection: Connection, deadline: Deadline) -> None:
        self._driver: Any = connection.connection.driver_connection
        self._lock = threading.Lock()
        self._timer = threading.Timer(deadline.remaining + _GRACE, self._cut)
        self._timer.daemon = True
        try:
            self._timer.start()
        except RuntimeError as error:  # too many, or Python is at its end
            message = f"{error}, which an index on a server needs: start fewer threads, or raise `ulimit -u`"
            raise StoreError(message) from error

    def stop(self) -> None:
        with self._lock:  # not while it cuts: the number of a closed socket may be another's by now
            self._driver = None
        self._timer.cancel()

    def _cut(self) -> None:
        with self._lock:
            if self._driver is None or self._driver.closed:
                return
            with socket.socket(fileno=os.dup(self._driver.fileno())) as handle:
                handle.shutdown(socket.SHUT_RDWR)


def masked(url: URL) -> str:
    """A database URL for people: ``***`` in place of every password."""
    if "password" in url.query:
        url = url.update_query_dict({"password": "***"})
    return url.render_as_string(hide_password=True)
