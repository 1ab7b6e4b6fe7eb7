"""Types of column that take any value a run can have, on SQLite and PostgreSQL alike."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any, Final

import msgspec
from sqlalchemy import JSON, BigInteger, Dialect, Double, Text
from sqlalchemy.types import TypeDecorator, TypeEngine

from rla.core import json_codec

_LARGEST: Final = 2**63 - 1
_Decoder = Callable[[str | None], str | None]
_TEXT_TAG: Final = '{"$text":'


class PlainText(TypeDecorator[str]):
    """Text; one with NUL or a lone surrogate is written as :mod:`rla.core.json_codec` writes it.

    Neither database holds those characters. A text that looks like such an encoding is encoded
    too, so that different texts stay different. Sorted by code point on both databases.
    """

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """PostgreSQL would sort by the server's language."""
        collation = "C" if dialect.name == "postgresql" else None
        return dialect.type_descriptor(Text(collation=collation))

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy calls it so
        """Encode what the databases refuse."""
        if value is None:
            return None
        if value.startswith(_TEXT_TAG) or json_codec.encode(value) != value:
            escaped = value.encode("unicode_escape").decode("ascii")
            return msgspec.json.encode({"$text": escaped}).decode()
        return value

    def result_processor(self, dialect: Dialect, coltype: object) -> _Decoder:  # noqa: ARG002 - as above
        """Decode it again, by one call per value: a listing has many of them."""
        return _decode_text


class Number(TypeDecorator[float]):
    """A finite float; NaN and the infinities become NULL, which never matches."""

    impl = Double
    cache_ok = True

    def process_bind_param(self, value: float | None, dialect: Dialect) -> float | None:  # noqa: ARG002 - SQLAlchemy calls it so
        """Drop what sorts differently on the two databases."""
        return value if value is not None and math.isfinite(value) else None


class Whole(TypeDecorator[int]):
    """An integer of 64 bits; a larger one becomes NULL (the manifest has it)."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> int | None:  # noqa: ARG002 - SQLAlchemy calls it so
        """Drop what the databases cannot hold."""
        return value if value is not None and -_LARGEST <= value <= _LARGEST else None


class JsonValue(TypeDecorator[Any]):
    """A value in the encoding of :mod:`rla.core.json_codec`: text on SQLite, JSONB on PostgreSQL."""

    impl = JSON
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """None is NULL, not the JSON null."""
        if dialect.name == "postgresql":
            from sqlalchemy.dialects.postgresql import JSONB  # noqa: PLC0415 - 18 ms that SQLite need not pay

            return dialect.type_descriptor(JSONB(none_as_null=True))
        return dialect.type_descriptor(JSON(none_as_null=True))

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        """On SQLite one call per value, as for texts."""
        return _loads if dialect.name == "sqlite" else super().result_processor(dialect, coltype)


def _loads(text: object) -> Any:
    """Read the JSON text of an SQLite column, which gives a bare number, and NULL, as what they are."""
    if not isinstance(text, str):
        return text
    return json_codec.loads(text) if '"$' in text else msgspec.json.decode(text)


def loads_jsonb(text: str | bytes) -> Any:
    """Read the JSON text of a PostgreSQL column, where 1e308 comes back as 309 digits."""
    return json_codec.decode(json.loads(text, parse_int=_integer_or_float))


def _decode_text(value: str | None) -> str | None:
    if value is None or not value.startswith(_TEXT_TAG):
        return value
    try:
        return str(json_codec.loads(value))
    except (msgspec.DecodeError, UnicodeError):
        return value  # another program wrote the tag wrongly


def _integer_or_float(digits: str) -> int | float:
    """Integers beyond 2**53 are tagged when written: an untagged one was a float."""
    number = float(digits)
    return int(digits) if abs(number) <= json_codec.EXACT_INTEGER else number
