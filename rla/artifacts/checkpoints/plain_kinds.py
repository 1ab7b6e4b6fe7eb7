"""The Python types that come back from a checkpoint as what they were, though no file format holds them."""

from __future__ import annotations

import argparse
import dataclasses
import datetime as dt
import enum
import types
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, Final

import numpy as np

from rla.errors import CheckpointError

SCALARS: Final = frozenset({type(None), bool, int, float, str})
"""What every format holds by itself."""

LARGE: Final = 2**2000
"""Integers from here on are longer than every format holds as a number."""

SHORT_SCALARS: Final = "biuf"
"""NumPy's kinds whose scalars up to 8 bytes are exactly one Python number."""


@dataclass(frozen=True)
class Kind:
    """One type: how it is taken apart into values that can be packed, and made again."""

    name: str
    type: type
    take: Callable[[Any], Any]
    make: Callable[[Any], Any]


def _members(value: Any) -> list[Any]:
    return [plain_key(item) for item in value]


def _pairs(value: Mapping[Any, Any]) -> list[list[Any]]:
    return [[plain_key(key), item] for key, item in value.items()]


def _deque_parts(value: deque[Any]) -> dict[str, Any]:
    return {"maxlen": value.maxlen, "items": list(value)}


def _filled(space: Any, fields: dict[str, Any]) -> Any:
    """Fields may have any name, also ``self``, which no keyword argument can have."""
    vars(space).update(fields)
    return space


def _bytes_array(value: bytes | bytearray) -> np.ndarray[Any, Any]:
    return np.frombuffer(value, np.uint8)


KINDS: Final = (
    Kind("tuple", tuple, list, tuple),
    Kind("set", set, _members, set),
    Kind("frozenset", frozenset, _members, frozenset),
    Kind("deque", deque, _deque_parts, lambda held: deque(held["items"], held["maxlen"])),
    Kind("dict", dict, _pairs, dict),
    Kind("ordered_dict", OrderedDict, _pairs, OrderedDict),
    Kind("counter", Counter, _pairs, lambda held: Counter(dict(held))),
    Kind("namespace", argparse.Namespace, vars, lambda held: _filled(argparse.Namespace(), held)),
    Kind("simple_namespace", types.SimpleNamespace, vars, lambda held: _filled(types.SimpleNamespace(), held)),
    Kind("int", int, hex, lambda held: int(held, 16)),
    Kind("complex", complex, lambda value: [value.real, value.imag], lambda held: complex(*held)),
    Kind("bytes", bytes, _bytes_array, lambda held: held.tobytes()),
    Kind("bytearray", bytearray, _bytes_array, lambda held: bytearray(held.tobytes())),
    Kind("range", range, lambda value: [value.start, value.stop, value.step], lambda held: range(*held)),
    Kind("path", PurePath, str, Path),
    Kind("datetime", dt.datetime, dt.datetime.isoformat, dt.datetime.fromisoformat),
    Kind("date", dt.date, dt.date.isoformat, dt.date.fromisoformat),
    Kind(
        "timedelta",
        dt.timedelta,
        lambda value: [value.days, value.seconds, value.microseconds],
        lambda held: dt.timedelta(*held),
    ),
    # Scalars of NumPy: one; one that is no Python number; a list of one type
    Kind(
        "scalar",
        np.generic,
        lambda value: [value.dtype.str, value.item()],
        lambda held: np.dtype(held[0]).type(held[1]),
    ),
    Kind("item", np.generic, np.asarray, lambda held: held[()]),
    Kind("scalars", list, np.array, list),
)

BY_NAME: Final = {kind.name: kind for kind in KINDS}
_ABSTRACT: Final = (PurePath, np.generic, list)
BY_TYPE: Final = {kind.type: kind for kind in KINDS if kind.type not in _ABSTRACT}


def kind_of(value: object) -> Kind | None:
    """The kind of a value, or None when it has none of its own."""
    if isinstance(value, PurePath):
        return BY_NAME["path"]
    if isinstance(value, np.generic):
        short = value.dtype.kind in SHORT_SCALARS and value.dtype.itemsize <= np.dtype(np.float64).itemsize
        return BY_NAME["scalar" if short else "item"]
    return BY_TYPE.get(type(value))


def plain_key(key: Any) -> Any:
    """A key or member as it comes back: one that can be hashed again.

    Raises:
        CheckpointError: It cannot.
    """
    if isinstance(key, enum.Enum):
        return plain_key(key.value)
    if isinstance(key, (tuple, frozenset)):
        return (tuple if isinstance(key, tuple) else frozenset)(map(plain_key, key))
    if isinstance(key, np.void) or not isinstance(key, (*SCALARS, *_KEY_TYPES)):
        raise CheckpointError(f"has a {_type_name(key)} as a key or member; use text, numbers or tuples of them")
    return key


def plain_substitute(value: Any) -> Any:
    """The plain value that stands for one whose own type is not kept.

    Raises:
        CheckpointError: Nothing plain can stand for it.
    """
    if isinstance(value, enum.Enum):
        return value.value
    if callable(getattr(type(value), "state_dict", None)):
        return value.state_dict()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return dict(value)
    for base, convert in _BASES.items():
        if isinstance(value, base):
            return convert(value)
    raise CheckpointError(
        f"is a {_type_name(value)}, which no checkpoint can hold safely; keep what it is made of "
        "(its state_dict(), arrays, numbers, text, containers of them), or leave it out"
    )


_KEY_TYPES: Final = (bytes, complex, np.generic, PurePath, dt.date, dt.timedelta)
_BASES: Final[dict[type, Callable[[Any], Any]]] = {
    str: str.__str__,  # not str(): a subclass may spell itself in another way
    int: int.__int__,
    float: float.__float__,
    bytes: bytes,
    list: list,
    tuple: tuple,
    deque: lambda value: deque(value, value.maxlen),
    set: set,
    frozenset: frozenset,
}


def _type_name(value: object) -> str:
    kind = value if isinstance(value, type) else type(value)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    return f"class ({name})" if isinstance(value, type) else name
