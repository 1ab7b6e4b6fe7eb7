"""The documented meaning of an expression, in plain Python: what the SQL of each database must agree with.

True, False or None for unknown; only True matches.
"""

from __future__ import annotations

import math
import re
from typing import Any

from rla.core import json_codec
from rla.core.where_nodes import (
    HYPERPARAMETER,
    LAST,
    RUN,
    SUMMARY,
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
)

COMPARE = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def matches(expression: Expression, row: dict[str, Any]) -> bool:
    return truth(expression, row) is True


def truth(node: Expression, row: dict[str, Any]) -> bool | None:
    if isinstance(node, All | AnyOf):
        found = [truth(part, row) for part in node.parts]
        decisive = isinstance(node, AnyOf)
        return decisive if decisive in found else None if None in found else not decisive
    value = value_of(node.name, row)
    if isinstance(node, Presence):
        return (value is None) == node.negated
    if isinstance(node, Comparison):
        other = value_of(node.other, row) if isinstance(node.other, Name) else node.other
        return compare(value, node.operator, other)
    if value is None:
        return None
    if isinstance(node, Membership):
        return any(compare(value, "==", item) for item in node.items) != node.negated
    found = {Contains: contains, Like: like, IsNan: is_nan}[type(node)](value, node)
    return None if found is None else found != node.negated


def value_of(name: Name, row: dict[str, Any]) -> Any:
    """A name's value; None is missing or null."""
    if name.source == RUN:
        return row.get(name.key)
    if name.source == SUMMARY:
        found = row["summary" if name.stat == LAST else "summary_range"].get(name.key)
        return found if name.stat == LAST or found is None else found.get(name.stat)
    assert name.source == HYPERPARAMETER
    for path in name.paths:
        value: Any = row["hyperparameters"]
        for key in path:
            if not isinstance(value, dict) or key not in value or not is_reachable(value):
                break
            value = value[key]
        else:
            return value
    return None


def is_reachable(mapping: dict[Any, Any]) -> bool:
    return "$map" not in json_codec.encode(mapping)


def kind(value: object) -> str | None:
    if isinstance(value, bool):
        return "flag"
    if isinstance(value, int | float):
        return None if isinstance(value, float) and math.isnan(value) else "number"
    if isinstance(value, str) and json_codec.encode(value) == value:
        return "text"
    return None


def compare(left: Any, sign: str, right: Any) -> bool | None:
    if left is None or right is None:
        return None
    alike = kind(left) is not None and kind(left) == kind(right)
    if sign in {"==", "!="}:
        return (alike and left == right) == (sign == "==")
    return COMPARE[sign](left, right) if alike and kind(left) != "flag" else None


def contains(value: Any, node: Contains) -> bool | None:
    if isinstance(value, list):
        return any(compare(item, "==", node.item) for item in value)
    if kind(value) == "text" and isinstance(node.item, str):
        return node.item in value
    return None


def like(value: Any, node: Like) -> bool | None:
    if kind(value) != "text":
        return None
    pattern = re.sub(
        r"\\([%_\\])|(%)|(_)|(.)",
        lambda m: ".*" if m[2] else "." if m[3] else re.escape(m[1] or m[4]),
        node.pattern,
        flags=re.DOTALL,
    )
    return re.fullmatch(pattern, value, flags=re.DOTALL) is not None


def is_nan(value: Any, node: IsNan) -> bool:
    return isinstance(value, float) and math.isnan(value)
