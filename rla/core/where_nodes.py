"""What a ``where`` expression consists of once it is read: names, and conditions about them.

``not`` is nowhere among them: it is pushed down to the single conditions when an expression is
read, so that no condition about a missing value can become true by being denied.
docs/reference/selection.md tells what each condition means.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

Value: TypeAlias = str | int | float | bool

ANY, TEXT, NUMBER, TIME, FLAG, LIST = "any", "text", "number", "time", "flag", "list"
"""What a name can hold: ``any`` is found out per run; a ``time`` is a number that dates compare with."""

COLUMNS: Final[dict[str, str]] = {
    **dict.fromkeys(("uid", "task", "created", "ip", "tracked", "name", "origin", "state"), TEXT),
    **dict.fromkeys(("parent_uid", "batch", "job", "host", "user", "cwd", "git_commit"), TEXT),
    **dict.fromkeys(("error", "notes", "damaged"), TEXT),
    **dict.fromkeys(("seq", "pid", "seed", "time_step", "exit_code", "duration"), NUMBER),
    **dict.fromkeys(("started", "ended", "heartbeat"), TIME),
    **dict.fromkeys(("git_dirty", "archived"), FLAG),
    **dict.fromkeys(("tags", "argv"), LIST),
}
"""The columns of a run that expressions may name, computed ones included, and what each holds."""

KIND_TEXT: Final = {TEXT: "text", NUMBER: "a number", TIME: "a time", FLAG: "True or False", LIST: "a list of texts"}
"""How a message calls each of them."""

FITS: Final[dict[str, tuple[type, ...]]] = {
    ANY: (str, int, float, bool),
    TEXT: (str,),
    NUMBER: (int, float),
    TIME: (int, float),
    FLAG: (bool,),
    LIST: (),
}
"""The Python types of values that each can be compared with."""

RUN, HYPERPARAMETER, SUMMARY = "run", "hp", "summary"
PREFIXES: Final = {"run": RUN, "hp": HYPERPARAMETER, "hyperparameters": HYPERPARAMETER, "summary": SUMMARY}
LAST: Final = "last"
STATS: Final = (LAST, "min", "max", "mean")


@dataclass(frozen=True)
class Name:
    """What an expression calls by name.

    Attributes:
        source: ``run`` for a column, ``hp`` for a hyperparameter, ``summary`` for a recorded value.
        paths: The keys that lead to it; of several ways the first that is there counts.
        stat: For a recorded value: ``last``, ``min``, ``max`` or ``mean``.
        text: As it was written.
        position: Where it was written.
    """

    source: str
    paths: tuple[tuple[str, ...], ...]
    stat: str = LAST
    text: str = ""
    position: int = 0

    @property
    def kind(self) -> str:
        """What it holds, as far as that is known before a run is looked at."""
        return COLUMNS[self.key] if self.source == RUN else ANY

    @property
    def key(self) -> str:
        """Its path in dots."""
        return ".".join(self.paths[0])


@dataclass(frozen=True)
class Comparison:
    """``name operator other``; a value that is missing or of another type is never less or greater."""

    name: Name
    operator: str
    other: Name | Value


@dataclass(frozen=True)
class Presence:
    """The name has a value, or with ``negated`` none."""

    name: Name
    negated: bool


@dataclass(frozen=True)
class Membership:
    """The name's value is one of some, or with ``negated`` there and none of them."""

    name: Name
    items: tuple[Value, ...]
    negated: bool


@dataclass(frozen=True)
class Contains:
    """The name's list has an item, or its text a part; ``negated``: it is a list or text without."""

    name: Name
    item: Value
    negated: bool


@dataclass(frozen=True)
class Like:
    """The name's text fits a pattern of ``%`` and ``_``, or with ``negated`` is a text that does not."""

    name: Name
    pattern: str
    negated: bool


@dataclass(frozen=True)
class IsNan:
    """The name's value is NaN, or with ``negated`` there and not NaN."""

    name: Name
    negated: bool


@dataclass(frozen=True)
class All:
    """Every part holds."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True)
class AnyOf:
    """One part at least holds."""

    parts: tuple[Expression, ...]


Condition: TypeAlias = Comparison | Presence | Membership | Contains | Like | IsNan
Expression: TypeAlias = Condition | All | AnyOf


def names(expression: Expression) -> Iterator[Name]:
    """Every name of an expression, in order."""
    if isinstance(expression, All | AnyOf):
        for part in expression.parts:
            yield from names(part)
    else:
        yield expression.name
        if isinstance(expression, Comparison) and isinstance(expression.other, Name):
            yield expression.other
