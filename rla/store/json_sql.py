"""SQL that reads one value inside a JSON column, by the type it is wanted in.

Each expression is NULL where the value is missing or of another type, so that nothing compares
across types. They are plain text, paths and all: SQLite uses an index on an expression only where
the query spells the very same one. The values are in the encoding of :mod:`rla.core.json_codec`.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Final

Path = tuple[str, ...]

_MAX_DIGITS: Final = 300
"""Longer integers than a float can hold are not compared."""


class JsonSql(ABC):
    """How one database spells it. A value is named by its column and the ways that may lead to it.

    Attributes:
        array: Its name for the type of lists.
    """

    array: Final = "array"

    def number(self, column: str, paths: Sequence[Path]) -> str:
        """The value as a number; NaN is none."""
        return self._first(column, paths, self._number)

    def text(self, column: str, paths: Sequence[Path]) -> str:
        """The value as a text."""
        return self._first(column, paths, self._text)

    def flag(self, column: str, paths: Sequence[Path]) -> str:
        """The value as a truth value."""
        return self._first(column, paths, self._flag)

    def type(self, column: str, paths: Sequence[Path]) -> str:
        """The name of its JSON type; of a null ``'null'``, of a missing one NULL."""
        types = [self._type(column, path) for path in paths]
        return types[0] if len(types) == 1 else f"coalesce({', '.join(types)})"

    def value(self, column: str, paths: Sequence[Path]) -> str:
        """The value as the database has it, for what only one type has."""
        return self._first(column, paths, self._value)

    def is_nan(self, column: str, paths: Sequence[Path]) -> str:
        """Whether it is NaN; NULL only where it is missing or null."""
        return self._first(column, paths, self._is_nan)

    def is_indexable(self, paths: Sequence[Path]) -> bool:  # noqa: ARG002 - not all of them say yes
        """Whether the database takes an index on the expressions of a value."""
        return True

    def _first(self, column: str, paths: Sequence[Path], spell: Callable[[str, Path], str]) -> str:
        """The first of the paths that leads somewhere."""
        *others, last = paths
        sql = spell(column, last)
        for path in reversed(others):
            sql = f"CASE WHEN {self._type(column, path)} IS NOT NULL THEN {spell(column, path)} ELSE {sql} END"
        return sql

    @abstractmethod
    def _type(self, column: str, path: Path) -> str: ...

    @abstractmethod
    def _value(self, column: str, path: Path) -> str: ...

    @abstractmethod
    def _number(self, column: str, path: Path) -> str: ...

    @abstractmethod
    def _text(self, column: str, path: Path) -> str: ...

    @abstractmethod
    def _flag(self, column: str, path: Path) -> str: ...

    @abstractmethod
    def _is_nan(self, column: str, path: Path) -> str: ...


class SqliteJson(JsonSql):
    """SQLite's JSON functions, as of 3.38."""

    _UNREACHABLE: Final = re.compile(r'["\\\x00-\x1f\x7f-\x9f\u2028\u2029]')
    """Characters that are escaped in JSON text: no path of older versions finds a key with one."""

    def is_indexable(self, paths: Sequence[Path]) -> bool:
        """Not where a key is found by a sub-query."""
        return not any(self._UNREACHABLE.search(key) for path in paths for key in path)

    def _type(self, column: str, path: Path) -> str:
        return self._read("json_type({document}, {path})", "type", column, path)

    def _value(self, column: str, path: Path) -> str:
        return self._read("json_extract({document}, {path})", "value", column, path)

    def _number(self, column: str, path: Path) -> str:
        value = self._value(column, path)
        digits = f"""json_extract({value}, '$."$int"')"""
        whole = f"CASE WHEN length({digits}) <= {_MAX_DIGITS} THEN CAST({digits} AS NUMERIC) END"
        tag = f"""json_extract({value}, '$."$float"')"""
        tagged = f"CASE {tag} WHEN 'Infinity' THEN 9e999 WHEN '-Infinity' THEN -9e999 ELSE {whole} END"
        plain = f"WHEN 'integer' THEN {value} WHEN 'real' THEN {value}"
        return f"CASE {self._type(column, path)} {plain} WHEN 'object' THEN {tagged} END"

    def _text(self, column: str, path: Path) -> str:
        return f"CASE {self._type(column, path)} WHEN 'text' THEN {self._value(column, path)} END"

    def _flag(self, column: str, path: Path) -> str:
        return f"CASE {self._type(column, path)} WHEN 'true' THEN 1 WHEN 'false' THEN 0 END"

    def _is_nan(self, column: str, path: Path) -> str:
        tag = f"""json_extract({self._value(column, path)}, '$."$float"')"""
        kind = f"coalesce({self._type(column, path)}, 'null')"
        return f"CASE {kind} WHEN 'null' THEN NULL WHEN 'object' THEN {tag} IS 'NaN' ELSE 0 END"

    def _read(self, direct: str, field: str, document: str, path: Path) -> str:
        """By a path as far as paths lead, through ``json_each`` past a key that they cannot name."""
        bad = next((place for place, key in enumerate(path) if self._UNREACHABLE.search(key)), None)
        if bad is None:
            return direct.format(document=document, path=self._path(path))
        each = f"json_each({document}, {self._path(path[:bad])})"
        found = f"key = {quoted(path[bad])}"
        if bad == len(path) - 1:
            return f"(SELECT {field} FROM {each} WHERE {found})"  # noqa: S608 - quoted above
        inner = f"(SELECT value FROM {each} WHERE {found} AND type = 'object')"  # noqa: S608
        return self._read(direct, field, inner, path[bad + 1 :])

    def _path(self, keys: Path) -> str:
        return quoted("$" + "".join(f'."{key}"' for key in keys))


class PostgresJson(JsonSql):
    """PostgreSQL's ``jsonb`` operators, as of 14."""

    def _type(self, column: str, path: Path) -> str:
        return f"jsonb_typeof({self._value(column, path)})"

    def _value(self, column: str, path: Path) -> str:
        return "(" + " -> ".join([column, *map(quoted, path)]) + ")"

    def _number(self, column: str, path: Path) -> str:
        value = self._value(column, path)
        digits = f"{value} ->> '$int'"
        whole = f"CASE WHEN length({digits}) <= {_MAX_DIGITS} THEN CAST({digits} AS numeric) END"
        infinities = " ".join(f"WHEN '{sign}Infinity' THEN CAST('{sign}Infinity' AS numeric)" for sign in ("", "-"))
        tagged = f"CASE {value} ->> '$float' {infinities} ELSE {whole} END"
        plain = f"CAST({value} #>> '{{}}' AS numeric)"
        return f"CASE {self._type(column, path)} WHEN 'number' THEN {plain} WHEN 'object' THEN {tagged} END"

    def _text(self, column: str, path: Path) -> str:
        text = f"""{self._value(column, path)} #>> '{{}}' COLLATE "C\""""
        return f"CASE {self._type(column, path)} WHEN 'string' THEN {text} END"

    def _flag(self, column: str, path: Path) -> str:
        return f"CASE {self._type(column, path)} WHEN 'boolean' THEN CAST({self._value(column, path)} AS boolean) END"

    def _is_nan(self, column: str, path: Path) -> str:
        tag = f"{self._value(column, path)} ->> '$float'"
        nan = f"coalesce({tag} = 'NaN', false)"
        kind = f"coalesce({self._type(column, path)}, 'null')"
        return f"CASE {kind} WHEN 'null' THEN NULL WHEN 'object' THEN {nan} ELSE false END"


def json_sql(dialect: str) -> JsonSql:
    """The spelling of a database, by SQLAlchemy's name for it."""
    return PostgresJson() if dialect == "postgresql" else SqliteJson()


def quoted(text: str) -> str:
    """A text as an SQL literal, without ``%(``: older SQLAlchemy takes ``%(x)s`` there for a parameter."""
    literal = "'" + text.replace("'", "''") + "'"
    return "(" + literal.replace("%(", "%' || '(") + ")" if "%(" in text else literal
