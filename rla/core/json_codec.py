"""The one JSON encoding of what JSON lacks, used in files, SQLite and PostgreSQL alike.

What JSON can say is written as it is. The rest is an object with one key that starts with ``$``:

===========================================  ===============================================
value                                        written as
===========================================  ===============================================
NaN, inf, -inf                               ``{"$float": "NaN" | "Infinity" | "-Infinity"}``
an integer beyond 2**53                      ``{"$int": "<digits>"}``, beyond 2**10000 ``"0x<hex digits>"``
text with NUL or a lone surrogate            ``{"$text": "<the text, escaped>"}``
a mapping with a key that is not plain text  ``{"$map": [[key, value], ...]}``
===========================================  ===============================================

A key is plain text when it is a string without NUL and surrogates that does not start with ``$``.
Containers (tuples, sets of any order, NumPy arrays) become arrays; anything else becomes its ``str``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, TypeGuard

import msgspec

EXACT_INTEGER: Final = 2**53
"""Beyond this a JSON number is no longer the same integer in every reader."""

_DECIMAL_BITS: Final = 10_000
"""Python refuses to write longer integers in decimal, which takes quadratic time."""

_SPECIAL: Final = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def dumps(value: object) -> str:
    """Write any value as one line of JSON text.

    Args:
        value: Anything; what is neither a scalar nor a container is written as its ``str``.

    Returns:
        Strict JSON in which every non-ASCII character stands for itself.
    """
    return msgspec.json.encode(encode(value)).decode()


def loads(text: str | bytes) -> Any:
    """Read JSON text written by :func:`dumps` back into Python values.

    Raises:
        msgspec.DecodeError: The text is not JSON.
    """
    return decode(msgspec.json.decode(text))


def encode(value: Any) -> Any:
    """Turn any value into what strict JSON can hold."""
    kind = type(value)
    if kind is str and value.isascii() and "\0" not in value:  # most values are: no more is to be asked of them
        return value
    if kind is dict:
        return _encode_mapping(value)
    if value is None or value is True or value is False:
        return value
    if isinstance(value, str):
        return _encode_text(value)
    if isinstance(value, int):
        return _encode_integer(int(value))
    if isinstance(value, float):
        return _encode_float(value)
    if isinstance(value, Mapping):
        return _encode_mapping(value)
    if _is_container(value):
        return [encode(item) for item in value]
    return _encode_text(str(value))


def decode(value: Any) -> Any:
    """Turn what :func:`encode` made back into the value it was made from."""
    if isinstance(value, list):
        return [decode(item) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((tag, held),) = value.items()
        if tag in _DECODERS:
            return _DECODERS[tag](held)
    return {key: decode(item) for key, item in value.items()}


def _is_container(value: object) -> TypeGuard[Collection[Any]]:
    """Lists, sets, arrays; not what can be read only once, nor bytes, nor an array that is one number."""
    if isinstance(value, (bytes, bytearray, memoryview)):
        return False
    return isinstance(value, Collection) and getattr(value, "shape", None) != ()


def _encode_integer(value: int) -> Any:
    if -EXACT_INTEGER <= value <= EXACT_INTEGER:
        return value
    return {"$int": str(value) if value.bit_length() <= _DECIMAL_BITS else hex(value)}


def _encode_float(value: float) -> Any:
    if math.isfinite(value):
        return float(value)
    return {"$float": "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"}


def _encode_text(value: str) -> Any:
    text = str.__str__(value)  # an enum that is text spells its name in its own __str__
    return text if _is_plain(text) else {"$text": text.encode("unicode_escape").decode("ascii")}


def _encode_mapping(value: Mapping[Any, Any]) -> Any:
    if all(map(_is_plain_key, value)):
        return {str.__str__(key): encode(item) for key, item in value.items()}
    return {"$map": [[encode(key), encode(item)] for key, item in value.items()]}


def _is_plain(text: str) -> bool:
    if text.isascii():
        return "\0" not in text
    return "\0" not in text and not any("\ud800" <= char <= "\udfff" for char in text)


def _is_plain_key(key: object) -> bool:
    return isinstance(key, str) and _is_plain(key) and not key.startswith("$")


def _decode_key(value: Any) -> Any:
    return _hashable(decode(value))


def _hashable(key: Any) -> Any:
    """A key that was a container comes back as tuples, however deep it was nested."""
    if isinstance(key, dict):
        key = [list(pair) for pair in key.items()]
    return tuple(map(_hashable, key)) if isinstance(key, list) else key


_DECODERS: Final[dict[str, Callable[[Any], Any]]] = {
    "$float": lambda held: _SPECIAL[held],
    "$int": lambda held: int(held, 0),
    "$text": lambda held: held.encode("ascii").decode("unicode_escape"),
    "$map": lambda held: {_decode_key(key): decode(item) for key, item in held},
}
