"""Indexes on the hyperparameters that a task tracks: what is in the name is what is asked for.

They are made by readers, once, when a task has grown so large that looking at every run would be
felt. On SQLite a task gets one over all its tracked keys, and each key one of its own; on
PostgreSQL, which combines indexes, each key has one: a tree of numbers, or hashes of texts.
A database without them gives the same answers.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Mapping
from typing import Any, Final

from sqlalchemy import Connection, select

from rla.core.hyperparams import lookup
from rla.errors import ConfigError, StoreError
from rla.store.json_sql import JsonSql, Path, json_sql
from rla.store.run_table import RunTable
from rla.store.schema import runs

WORTH_IT: Final = 1_000
"""Runs of a task from which on it has indexes."""

MAX_KEYS: Final = 6
"""Of the tracked keys of a task so many are indexed: each costs every new run some microseconds."""

_LOOKED_AT: Final = 20
"""Of so many of the newest runs the one that tracks most tells which keys the task tracks."""

_MAX_INDEXES: Final = 40
_BUDGET: Final = 5.0
"""Seconds that making them may wait for others, and on PostgreSQL take."""

_done: Final[set[tuple[str, str]]] = set()
"""The indexes of the database and the tasks that this process has seen to."""


def ensure_indexes(table: RunTable, task: str) -> None:
    """Make the indexes of a task unless they are there; never fails, and looks only once per process."""
    known = (table.index.name, task)
    if known in _done:
        return
    with contextlib.suppress(StoreError):  # a reader without write permission, or a busy index: next time
        if _is_large(table, task):
            _make(table, task)
            _done.add(known)


def _is_large(table: RunTable, task: str) -> bool:
    thousandth = select(runs.c.uid).where(runs.c.task == task).offset(WORTH_IT - 1).limit(1)
    with table.index.read() as connection:
        return connection.scalar(thousandth) is not None


def _make(table: RunTable, task: str) -> None:
    newest = table.rows(task, limit=_LOOKED_AT, columns=["tracked", "hyperparameters"])
    example = max(newest, key=lambda row: row["tracked"].count("&") if row["tracked"] else -1)
    wanted = dict(_statements(table.index.dialect, example["tracked"], example["hyperparameters"] or {}))
    with table.index.read() as connection:
        there = _index_names(connection)
    if len(there) + len(wanted) > _MAX_INDEXES:
        return
    for name, statement in wanted.items():
        if name not in there:
            with table.within(_BUDGET).index.write() as connection:
                connection.exec_driver_sql(statement)


def _index_names(connection: Connection) -> set[str]:
    if connection.dialect.name == "sqlite":
        found = connection.exec_driver_sql("SELECT name FROM sqlite_schema WHERE type = 'index'")
    else:
        found = connection.exec_driver_sql("SELECT indexname FROM pg_indexes WHERE schemaname = current_schema()")
    return {str(name) for (name,) in found}


def _statements(dialect: str, tracked: str, hyperparameters: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The names of the indexes and what makes them."""
    sql = json_sql(dialect)
    keys = list(_indexable(sql, tracked, hyperparameters))[:MAX_KEYS]
    for key, kind, expression in keys:
        method = "USING hash " if dialect == "postgresql" and kind == "text" else ""
        name = _name("key", key, kind)
        yield name, f"CREATE INDEX IF NOT EXISTS {name} ON runs {method}(({expression}))"
    if keys and dialect == "sqlite":
        name = _name("keys", *(part for key in keys for part in key[:2]))
        parts = ", ".join(f"({expression})" for _, _, expression in keys)
        yield name, f"CREATE INDEX IF NOT EXISTS {name} ON runs (task, {parts})"


def _indexable(sql: JsonSql, tracked: str, hyperparameters: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Each tracked key with a type and the expression that queries use for it."""
    for part in tracked.split("&"):
        key = part.partition("=")[0]
        try:
            value = lookup(hyperparameters, key)
        except ConfigError:
            continue  # a piece of a text that holds an "&"
        if isinstance(value, bool) or not isinstance(value, int | float | str) or not sql.is_indexable(_paths(key)):
            continue
        kind = "text" if isinstance(value, str) else "number"
        yield key, kind, getattr(sql, kind)("hyperparameters", _paths(key))


def _paths(key: str) -> tuple[Path, ...]:
    """The ways to a key, as the parser gives them for it when it is written without brackets."""
    parts = tuple(key.split("."))
    return (parts,) if len(parts) == 1 else ((key,), parts)


def _name(*parts: str) -> str:
    text = "\0".join(parts)
    return f"runs_tracked_{hashlib.blake2b(text.encode('utf-8', 'surrogatepass'), digest_size=8).hexdigest()}"
