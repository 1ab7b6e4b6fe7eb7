"""What the index needs of a database, and how long it may wait for it."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod

from sqlalchemy import Connection

from rla.errors import StoreError


class Deadline:
    """A budget of waiting that runs out."""

    def __init__(self, seconds: float) -> None:
        """Start the clock."""
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    @property
    def remaining(self) -> float:
        """Seconds that are left, at least 0."""
        return max(0.0, self._end - time.monotonic())

    @property
    def milliseconds(self) -> int:
        """The same for settings in which 0 has a meaning of its own: at least 1."""
        return max(1, round(self.remaining * 1000))


class Backend(ABC):
    """One database, opened by one process.

    Its objects are used in the process that made them only, by any of its threads.

    Attributes:
        name: The address of the index for people, without a password.
    """

    name: str

    @abstractmethod
    def begin(self, deadline: Deadline, *, write: bool) -> Connection | None:
        """A connection inside a new transaction.

        Args:
            deadline: How long to wait for others.
            write: Keep other writers out from now on, where the database can.

        Returns:
            The connection, to be given to :meth:`end`; None when the database that this object
            opened is no longer the one at its address: make a new object.

        Raises:
            sqlalchemy.exc.SQLAlchemyError, sqlite3.Error: To be given to :meth:`explain`.
        """

    def is_replaced(self) -> bool:
        """Whether another database now has this one's address, so that closing it would harm that."""
        return False

    def end(self, connection: Connection) -> None:
        """Give a connection back; what was not committed is undone."""
        connection.close()

    @abstractmethod
    def explain(self, error: BaseException, deadline: Deadline) -> StoreError:
        """One of our errors in place of the database's, telling what to do."""

    @abstractmethod
    def close(self) -> None:
        """Close this object's connections."""
