"""A selection's expression as SQL, for SQLite and PostgreSQL alike.

Every condition is SQL that is true, false or NULL, and NULL never matches. There is no NOT around a
condition: the parser has pushed denial into them, and each says itself what is true of its opposite.
Values are bound; the paths into JSON are spelled out (see :mod:`rla.store.json_sql`).
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Double,
    Numeric,
    Text,
    and_,
    case,
    cast,
    exists,
    false,
    func,
    literal,
    literal_column,
    not_,
    or_,
    select,
    text,
    type_coerce,
)

from rla.core import json_codec
from rla.core.states import LOST, OPEN, RUNNING
from rla.core.where_nodes import (
    FLAG,
    HYPERPARAMETER,
    LAST,
    NUMBER,
    RUN,
    SUMMARY,
    TEXT,
    TIME,
    All,
    AnyOf,
    Comparison,
    Contains,
    Expression,
    IsNan,
    Like,
    Membership,
    Name,
    Presence,
    Value,
)
from rla.store.json_sql import Path, json_sql
from rla.store.run_table import begins
from rla.store.schema import places, runs

_Bool = ColumnElement[bool]
_Sql = ColumnElement[Any]
_COMPARE: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "==": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_WILDCARD: Final = re.compile(r"\\([%_\\])|([%_])|(.)", re.DOTALL)
_LARGEST: Final = 2**63 - 1


class WhereSql:
    """Turns names and expressions into SQL for one database, at one moment."""

    def __init__(self, dialect: str, *, now: float = 0.0, lost: Sequence[str] = ()) -> None:
        """Say what the rows do not.

        Args:
            dialect: SQLAlchemy's name for the database.
            now: The present, in seconds since the epoch.
            lost: The uids of the runs that are running by their rows, and that nothing records any more.
        """
        self._postgres = dialect == "postgresql"
        self._json = json_sql(dialect)
        self._now = now
        self._lost = lost
        self._build: Mapping[type, Callable[[Any], _Bool]] = {
            All: lambda node: and_(*map(self.condition, node.parts)),
            AnyOf: lambda node: or_(*map(self.condition, node.parts)),
            Comparison: self._comparison,
            Presence: lambda node: not_(self._present(node.name)) if node.negated else self._present(node.name),
            Membership: self._membership,
            Contains: self._contains,
            Like: self._like,
            IsNan: self._is_nan,
        }

    def condition(self, expression: Expression) -> _Bool:
        """True for the rows that match."""
        return self._build[type(expression)](expression)

    def order(self, name: Name, *, descending: bool) -> list[_Sql]:
        """What to sort by: numbers, then texts, then truth values; runs without a value come last."""
        ways = [way for kind, way in self._views(name).items() if kind != FLAG or name.source != SUMMARY]
        return [(way.desc() if descending else way.asc()).nulls_last() for way in ways]

    def is_held(self, name: Name, task: str | None) -> _Bool:
        """Whether any run (of the task) has the key, be it with a null."""
        there = self._type(name).is_not(None)
        return exists(select(1).select_from(runs).where(there, *([] if task is None else [runs.c.task == task])))

    def uid_in(self, uids: Sequence[str]) -> _Bool:
        """Whether the run is one of some; one parameter, however many they are."""
        listed = json_codec.dumps(list(uids))
        if self._postgres:
            return runs.c.uid.in_(select(func.jsonb_array_elements_text(_jsonb(listed))))
        return runs.c.uid.in_(select(func.json_each(literal(listed, Text())).table_valued("value").c.value))

    def has_tag(self, tag: str) -> _Bool:
        """Whether the run has a tag."""
        return self._contains(Contains(Name(RUN, (("tags",),)), tag, negated=False))

    def is_kept(self) -> _Bool:
        """Whether the run has a copy that is not archived."""
        archived = select(places.c.uid).where(text("archived"))  # spelled as in the index
        live = select(1).select_from(places).where(places.c.uid == runs.c.uid, places.c.archived.is_(false()))
        return or_(runs.c.uid.not_in(archived), exists(live))

    # What a name is in SQL

    def _views(self, name: Name) -> dict[str, _Sql]:
        """A name as each type that it can be; NULL where it is another one."""
        if name.source != RUN:
            column, paths = _json_place(name)
            return {
                NUMBER: literal_column(self._json.number(column, paths)),
                TEXT: literal_column(self._json.text(column, paths)),
                FLAG: literal_column(self._json.flag(column, paths)),
            }
        kind = NUMBER if name.kind == TIME else name.kind
        return {kind: self._column(name.key)}

    def _column(self, name: str) -> _Sql:
        if name == "state":
            return case((self._is_lost(), LOST), else_=runs.c.state) if self._lost else runs.c.state
        if name == "duration":
            until = [case((self._is_lost(), runs.c.heartbeat))] if self._lost else []
            return func.coalesce(runs.c.ended, *until, literal(self._now, Double())) - runs.c.started
        if name == "archived":
            copies = select(1).select_from(places).where(places.c.uid == runs.c.uid, places.c.archived)
            return case((exists(copies), self._truth(value=True)), else_=self._truth(value=False))
        return runs.c[name]

    def _is_lost(self) -> _Bool:
        return and_(runs.c.state == RUNNING, self.uid_in(self._lost))

    def _type(self, name: Name) -> _Sql:
        return literal_column(self._json.type(*_json_place(name)))

    def _present(self, name: Name) -> _Bool:
        if name.source != RUN:
            return func.coalesce(self._type(name), "null") != "null"
        return self._column(name.key).is_not(None)

    def _literal(self, name: Name, value: Value) -> _Sql:
        if isinstance(value, bool):
            return self._truth(value=value)
        if isinstance(value, str):
            return literal(value, Text())
        return _number(value) if name.source == RUN else self._json_number(value)

    def _json_number(self, value: float) -> _Sql:
        """The number by the way the stored ones go: from its digits."""
        if value in {float("inf"), float("-inf")}:
            sign = "-" if value < 0 else ""
            return literal_column(f"CAST('{sign}Infinity' AS numeric)" if self._postgres else f"{sign}9e999")
        digits = literal(str(value) if isinstance(value, int) else json_codec.dumps(value), Text())
        if self._postgres:
            return cast(digits, Numeric())
        return func.json_extract(digits, literal_column("'$'"))

    def _truth(self, *, value: bool) -> _Sql:
        return literal_column(str(value).lower() if self._postgres else str(int(value)))

    # Conditions

    def _comparison(self, node: Comparison) -> _Bool:
        if isinstance(node.other, Name):
            return self._two_names(node.name, node.operator, node.other)
        view, value = self._views(node.name)[_kind(node.other)], self._literal(node.name, node.other)
        if node.operator == "!=":
            return and_(self._present(node.name), or_(view.is_(None), view != value))
        holds: _Bool = _COMPARE[node.operator](view, value)
        return holds

    def _two_names(self, left: Name, sign: str, right: Name) -> _Bool:
        ours, theirs = self._views(left), self._views(right)
        kinds = [kind for kind in ours if kind in theirs and (kind != FLAG or sign in {"==", "!="})]
        compare = _COMPARE["==" if sign == "!=" else sign]
        holds = or_(false(), *(compare(ours[kind], theirs[kind]) for kind in kinds))
        if sign != "!=":
            return holds
        return and_(self._present(left), self._present(right), not_(func.coalesce(holds, false())))

    def _membership(self, node: Membership) -> _Bool:
        views = self._views(node.name)
        by_kind: dict[str, list[_Sql]] = {}
        for item in node.items:
            by_kind.setdefault(_kind(item), []).append(self._literal(node.name, item))
        if not node.negated:
            return or_(false(), *(views[kind].in_(items) for kind, items in by_kind.items()))
        others = (or_(views[kind].is_(None), views[kind].not_in(items)) for kind, items in by_kind.items())
        return and_(self._present(node.name), *others)

    def _contains(self, node: Contains) -> _Bool:
        found = self._is_part(self._views(node.name)[TEXT], node.item) if node.name.kind == TEXT else self._is_in(node)
        return not_(found) if node.negated else found

    def _is_in(self, node: Contains) -> _Bool:
        """Of a list or a text in JSON; NULL for anything else."""
        column, paths = _json_place(node.name)
        value: _Sql = literal_column(self._json.value(column, paths))
        ways = [(self._type(node.name) == self._json.array, self._has_item(value, node.item))]
        if isinstance(node.item, str):
            text: _Sql = literal_column(self._json.text(column, paths))
            ways.append((text.is_not(None), self._is_part(text, node.item)))
        return type_coerce(case(*ways), Boolean())

    def _has_item(self, array: _Sql, item: Value) -> _Bool:
        if self._postgres:
            return array.op("@>", is_comparison=True)(_jsonb(json_codec.dumps([item])))
        each = func.json_each(array).table_valued("type", "value")
        if isinstance(item, bool):
            return exists(select(1).select_from(each).where(each.c.type == str(item).lower()))
        types = ["text"] if isinstance(item, str) else ["integer", "real"]
        value = literal(item, Text()) if isinstance(item, str) else self._json_number(item)
        return exists(select(1).select_from(each).where(each.c.type.in_(types), each.c.value == value))

    def _is_part(self, text: _Sql, part: Value) -> _Bool:
        find = func.strpos if self._postgres else func.instr
        return find(text, literal(str(part), Text())) > 0

    def _like(self, node: Like) -> _Bool:
        view = self._views(node.name)[TEXT]
        if self._postgres:
            fits = view.like(literal(_pattern(node.pattern, "%", "_", "\\{}", "%_\\"), Text()))
        else:  # its LIKE makes no difference between a and A
            fits = view.op("GLOB", is_comparison=True)(literal(_pattern(node.pattern, "*", "?", "[{}]", "*?["), Text()))
        return not_(fits) if node.negated else fits

    def _is_nan(self, node: IsNan) -> _Bool:
        return literal_column(self._json.is_nan(*_json_place(node.name))) == self._truth(value=not node.negated)


def is_open() -> _Bool:
    """Whether the run has not ended, as far as its row tells."""
    return runs.c.state.in_(OPEN)


def has_batch(batch: str) -> _Bool:
    """Whether the run belongs to a batch."""
    return runs.c.batch == batch


def created_begins(prefix: str) -> _Bool:
    """Whether the run's time stamp begins with a text."""
    return begins(runs.c.created, prefix)


def started_between(since: float | None, until: float | None) -> list[_Bool]:
    """Whether the run started from one moment on and before another, as far as they are given."""
    after = [] if since is None else [runs.c.started >= literal(since, Double())]
    return after if until is None else [*after, runs.c.started < literal(until, Double())]


def _json_place(name: Name) -> tuple[str, Sequence[Path]]:
    """The JSON column that holds it, and the ways to it there."""
    if name.source == RUN:  # a list
        return name.key, ((),)
    if name.source == HYPERPARAMETER:
        return "hyperparameters", name.paths
    return ("summary", name.paths) if name.stat == LAST else ("summary_range", ((*name.paths[0], name.stat),))


def _kind(value: Value) -> str:
    return FLAG if isinstance(value, bool) else TEXT if isinstance(value, str) else NUMBER


def _number(value: float) -> _Sql:
    """As the columns of numbers compare with it."""
    if isinstance(value, int) and -_LARGEST <= value <= _LARGEST:
        return literal(value, BigInteger())
    try:
        return literal(float(value), Double())
    except OverflowError:
        return literal(math.inf if value > 0 else -math.inf, Double())


def _jsonb(text: str) -> _Sql:
    from sqlalchemy.dialects.postgresql import JSONB  # noqa: PLC0415 - 18 ms that SQLite need not pay

    return cast(literal(text, Text()), JSONB)


def _pattern(pattern: str, many: str, one: str, escape: str, special: str) -> str:
    r"""A pattern of ``%`` and ``_``, which ``\`` makes plain characters, in another notation."""
    parts = []
    for plain, wildcard, other in _WILDCARD.findall(pattern):
        character = plain or other
        parts.append(
            {"%": many, "_": one}.get(wildcard) or (escape.format(character) if character in special else character)
        )
    return "".join(parts)
