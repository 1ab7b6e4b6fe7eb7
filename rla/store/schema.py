"""The tables of the index, and how an older index becomes the present one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    ForeignKey,
    Index,
    MetaData,
    Table,
    UniqueConstraint,
    event,
    func,
    inspect,
    select,
    text,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import OperationalError, ProgrammingError

from rla.core.states import RUNNING
from rla.errors import SchemaVersionError
from rla.store.columns import JsonValue, Number, PlainText, Whole

# One object per type: SQLAlchemy adapts each object to the database anew, which costs at start.
_TEXT: Final = PlainText()
_WHOLE: Final = Whole()
_NUMBER: Final = Number()
_FLAG: Final = Boolean()
_JSON: Final = JsonValue()

metadata: Final = MetaData()

runs: Final = Table(
    "runs",
    metadata,
    Column("uid", _TEXT, primary_key=True),
    Column("task", _TEXT, nullable=False, default=""),
    Column("created", _TEXT, nullable=False, default=""),
    Column("ip", _TEXT, nullable=False, default=""),
    Column("tracked", _TEXT, nullable=False, default=""),
    Column("seq", _WHOLE, nullable=False, default=0),
    Column("name", _TEXT, nullable=False, default=""),
    Column("origin", _TEXT, nullable=False, default=""),
    Column("state", _TEXT, nullable=False, default=RUNNING),
    Column("parent_uid", _TEXT),
    Column("batch", _TEXT),
    Column("job", _TEXT),
    Column("host", _TEXT),
    Column("pid", _WHOLE),
    Column("user", _TEXT),
    Column("cwd", _TEXT),
    Column("argv", _JSON),
    Column("git_commit", _TEXT),
    Column("git_dirty", _FLAG),
    Column("seed", _WHOLE),
    Column("started", _NUMBER),
    Column("ended", _NUMBER),
    Column("heartbeat", _NUMBER),
    Column("time_step", _WHOLE),
    Column("exit_code", _WHOLE),
    Column("error", _TEXT),
    Column("hyperparameters", _JSON),
    Column("summary", _JSON),
    Column("summary_range", _JSON),
    Column("lost", _JSON),
    Column("tags", _JSON),
    Column("notes", _TEXT),
    Column("damaged", _TEXT),
    UniqueConstraint("task", "created", "ip", "tracked", "seq", name="runs_key").ddl_if(dialect="sqlite"),
)

Index("runs_created", runs.c.created, runs.c.seq)
Index("runs_state", runs.c.state)
Index("runs_batch", runs.c.batch).ddl_if(dialect="sqlite")
Index("runs_parent_uid", runs.c.parent_uid).ddl_if(dialect="sqlite")

# An entry of a PostgreSQL index has at most 2,704 bytes, and tracked texts can be longer than that.
Index(
    "runs_key",
    *(func.md5(runs.c.task), runs.c.created, runs.c.ip, func.md5(runs.c.tracked), runs.c.seq),
    unique=True,
).ddl_if(dialect="postgresql")


@event.listens_for(runs, "after_create")
def _index_by_hash(_table: Table, connection: Connection, **_options: Any) -> None:
    """Not by ``postgresql_using``: that would load the dialect for SQLite too."""
    if connection.dialect.name == "postgresql":
        for name in ("task", "batch", "parent_uid"):
            connection.exec_driver_sql(f"CREATE INDEX runs_{name} ON runs USING hash ({name})")


places: Final = Table(
    "places",
    metadata,
    Column("uid", _TEXT, ForeignKey("runs.uid", ondelete="CASCADE"), primary_key=True),
    Column("root_id", _TEXT, primary_key=True),
    Column("path", _TEXT, primary_key=True),
    Column("archived", _FLAG, primary_key=True),
)
Index("places_root", places.c.root_id, places.c.path)
Index("places_archived", places.c.uid, sqlite_where=text("archived")).ddl_if(dialect="sqlite")

roots: Final = Table(
    "roots",
    metadata,
    Column("root_id", _TEXT, primary_key=True),
    Column("kind", _TEXT, nullable=False, default=""),
    Column("host", _TEXT, nullable=False, default=""),
    Column("note", _TEXT, nullable=False, default=""),
)

meta: Final = Table(
    "meta",
    metadata,
    Column("key", _TEXT, primary_key=True),
    Column("value", _TEXT, nullable=False),
)

Migration = Callable[[Connection], None]

MIGRATIONS: Final[tuple[Migration, ...]] = ()
"""The n-th one turns version n + 1 into version n + 2. A new index needs none of them."""

VERSION: Final = 1 + len(MIGRATIONS)
_LOCK: Final = 0x726C61  # "rla": any number that other users of a PostgreSQL database do not lock


def is_current(connection: Connection) -> bool:
    """Whether the index needs no set-up; if not, the transaction may have to be ended.

    Raises:
        SchemaVersionError: A newer rla wrote it.
    """
    try:  # as plain text: compiling the first statement takes longer than all the rest of opening
        found = connection.exec_driver_sql("SELECT value FROM meta WHERE key = 'schema_version'").scalar()
    except (OperationalError, ProgrammingError):
        return False  # no such table; any other trouble comes back in the set-up
    return _checked(found) == VERSION


def set_up(connection: Connection, migrations: tuple[Migration, ...] = MIGRATIONS) -> None:
    """Make the tables, or bring older ones up to date, inside the caller's write transaction.

    Raises:
        SchemaVersionError: A newer rla wrote it.
    """
    if connection.dialect.name == "postgresql":  # there a write transaction does not keep others out
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    version = _checked_version(connection, newest=1 + len(migrations))
    if version == 0:
        metadata.create_all(connection)
        set_meta(connection, "complete", "0")
    else:
        for migrate in migrations[version - 1 :]:
            migrate(connection)
    set_meta(connection, "schema_version", str(1 + len(migrations)))


def get_meta(connection: Connection, key: str) -> str | None:
    """A value of the table ``meta``, or None."""
    return connection.scalar(select(meta.c.value).where(meta.c.key == key))


def set_meta(connection: Connection, key: str, value: str) -> None:
    """Write a value of the table ``meta``."""
    statement = insert_into(connection, meta).values(key=key, value=value)
    connection.execute(statement.on_conflict_do_update(index_elements=["key"], set_={"value": value}))


def insert_into(connection: Connection, table: Table) -> Any:
    """The dialect's own INSERT, which knows ON CONFLICT; both are spelled alike."""
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql  # noqa: PLC0415 - 18 ms that SQLite need not pay

        return postgresql.insert(table)
    return sqlite.insert(table)


def _checked_version(connection: Connection, newest: int) -> int:
    """The version of the index, 0 for one without tables."""
    return _checked(get_meta(connection, "schema_version"), newest) if inspect(connection).has_table("meta") else 0


def _checked(found: str | None, newest: int = VERSION) -> int:
    version = int(found or 0)
    if version > newest:
        message = (
            f"the index has schema {version}, and this rla knows up to {newest}: run  pip install -U rla,  "
            "or move the index away and run `rla reindex`, which makes it again from the runs' directories"
        )
        raise SchemaVersionError(message)
    return version
