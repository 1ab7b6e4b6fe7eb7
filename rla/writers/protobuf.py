"""The wire format of protocol buffers, as much of it as an event file needs.

Source: https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final, TypeAlias

VARINT: Final = 0
FIXED64: Final = 1
BYTES: Final = 2
FIXED32: Final = 5

_WORD: Final = 2**64
_FIXED: Final = {FIXED64: 8, FIXED32: 4}
_LONGEST_VARINT: Final = 10

Schema: TypeAlias = dict[int, "Schema | str"]
"""Field number -> what its bytes hold: ``text``, packed ``fixed4``, ``fixed8`` or ``varints``, or a message."""


def varint(number: int) -> bytes:
    """An integer; a negative one as its two's complement of 64 bits."""
    number %= _WORD
    out = bytearray()
    while number > 0x7F:  # noqa: PLR2004 - seven bits in a byte
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def integer(field: int, number: int) -> bytes:
    """A field of type int32, int64, bool or enum."""
    return varint(field << 3 | VARINT) + varint(number)


def double(field: int, number: float) -> bytes:
    """A field of type double."""
    return varint(field << 3 | FIXED64) + struct.pack("<d", number)


def single(field: int, number: float) -> bytes:
    """A field of type float; what is too large for it becomes an infinity."""
    return varint(field << 3 | FIXED32) + float32(number)


def data(field: int, content: bytes) -> bytes:
    """A field of type bytes, or a message that is encoded already."""
    return varint(field << 3 | BYTES) + varint(len(content)) + content


def text(field: int, content: str) -> bytes:
    """A field of type string; a lone surrogate, which it cannot hold, becomes its escape."""
    return data(field, content.encode("utf-8", "backslashreplace"))


def float32(number: float) -> bytes:
    """Four bytes; what is too large becomes an infinity."""
    try:
        return struct.pack("<f", number)
    except OverflowError:
        return struct.pack("<f", float("inf") if number > 0 else float("-inf"))


def check(message: bytes, schema: Schema) -> None:
    """Refuse bytes that a reader would stumble over.

    Args:
        message: What claims to be an encoded message.
        schema: The fields that the reader knows. Others need only be well-formed.

    Raises:
        ValueError: They are not.
    """
    for field, content in fields(message):
        if isinstance(content, bytes):
            _check_bytes(content, schema.get(field))


def fields(message: bytes) -> Iterator[tuple[int, bytes | int | None]]:
    """The fields of a message, one after the other.

    Yields:
        The number of each, and its content: bytes, the unsigned value of a varint, or None for a
        number of fixed length.

    Raises:
        ValueError: The message is malformed.
    """
    position = 0
    while position < len(message):
        key, position = _read_varint(message, position)
        field, wire = key >> 3, key & 7
        content: bytes | int | None = None
        if not 0 < field < 1 << 29:
            raise ValueError(f"field {field} at byte {position}")
        if wire == VARINT:
            content, position = _read_varint(message, position)
        elif wire in _FIXED:
            position += _FIXED[wire]
        elif wire == BYTES:
            length, position = _read_varint(message, position)
            content = message[position : position + length]
            position += length
        else:
            raise ValueError(f"wire type {wire} at byte {position}")
        yield field, content
    if position > len(message):
        raise ValueError("cut short")


def _check_bytes(content: bytes, kind: Schema | str | None) -> None:
    if isinstance(kind, dict):
        check(content, kind)
    elif kind == "text":
        content.decode()
    elif kind == "varints":
        position = 0
        while position < len(content):
            _, position = _read_varint(content, position)
    elif kind is not None and len(content) % int(kind[-1]):
        raise ValueError("a packed array is cut short")


def _read_varint(message: bytes, position: int) -> tuple[int, int]:
    number = 0
    for index, byte in enumerate(message[position : position + _LONGEST_VARINT]):
        number |= (byte & 0x7F) << 7 * index
        if byte < 0x80:  # noqa: PLR2004 - the last byte
            if number >= _WORD:
                break
            return number, position + index + 1
    raise ValueError(f"no integer at byte {position}")
