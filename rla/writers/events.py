"""The messages of a TensorBoard event file, encoded without TensorFlow.

Each function gives one encoded ``Event``, or one ``value`` of its ``Summary``.
Sources: event.proto, summary.proto and tensor.proto of github.com/tensorflow/tensorboard
(tensorboard/compat/proto), api.proto and plugin_data.proto of its hparams plugin, and
struct.proto of protobuf.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from rla.writers.protobuf import Schema, check, data, double, integer, single, text

HParam: TypeAlias = bool | int | float | str

STATUSES: Final = {"success": 1, "failure": 2, "running": 3}
SUMMARY_FIELD: Final = 5
"""Of ``Event``."""

_DT_FLOAT: Final = 1
_DT_STRING: Final = 7
_STRING: Final = 1
_BOOL: Final = 2
_FLOAT64: Final = 3
_EXACT: Final = 2**53

_TENSOR: Final[Schema] = {
    2: {2: {2: "text"}},
    **dict.fromkeys((5, 9), "fixed4"),
    **dict.fromkeys((6, 12), "fixed8"),
    **dict.fromkeys((7, 10, 11, 13, 16, 17), "varints"),
    14: {1: "text", 2: "text", 3: "text", 5: "text"},
    15: {1: "text", 3: {}},
}
_VALUE: Final[Schema] = {
    1: "text",
    4: {},
    5: {6: "fixed8", 7: "fixed8"},
    6: {5: "text"},
    7: "text",
    8: _TENSOR,
    9: {1: {1: "text"}, 2: "text", 3: "text"},
}
_SUMMARY: Final[Schema] = {1: _VALUE}


def event(content: bytes, step: int, wall_time: float) -> bytes:
    """An ``Event`` around an encoded ``Summary``."""
    return double(1, wall_time) + integer(2, int(step)) + data(SUMMARY_FIELD, content)


def file_version(wall_time: float) -> bytes:
    """The ``Event`` with which a file begins."""
    return double(1, wall_time) + text(3, "brain.Event:2")


def scalar(tag: str, number: float) -> bytes:
    """A value that the scalars page shows; its last four bytes are the number."""
    return data(1, text(1, tag) + single(2, number))


def markdown(tag: str, content: str) -> bytes:
    """A value that the text page shows."""
    tensor = integer(1, _DT_STRING) + data(2, b"") + data(8, content.encode("utf-8", "backslashreplace"))
    return data(1, text(1, tag) + data(8, tensor) + data(9, data(1, text(1, "text"))))


def hparams_experiment(hparams: Mapping[str, HParam], metrics: Sequence[str]) -> bytes:
    """Which hyperparameters there are, of which type, and which scalars are results."""
    infos = [data(4, text(1, name) + integer(4, _hparam(value)[0])) for name, value in hparams.items()]
    results = [data(5, data(1, text(2, tag))) for tag in metrics]
    return _hparams_value("experiment", data(2, b"".join(infos + results)))


def hparams_start(hparams: Mapping[str, HParam], group: str, started: float) -> bytes:
    """The hyperparameters of this session."""
    entries = [data(1, text(1, name) + data(2, _hparam(value)[1])) for name, value in hparams.items()]
    named = text(4, group) if group else b""
    return _hparams_value("session_start_info", data(3, b"".join(entries) + named + double(5, started)))


def hparams_end(status: str, ended: float) -> bytes:
    """How this session ended; a status that is not in ``STATUSES`` is shown as unknown."""
    return _hparams_value("session_end_info", data(4, integer(1, STATUSES.get(status, 0)) + double(2, ended)))


def checked_summary(summary: object) -> bytes:
    """The bytes of a ``Summary`` that somebody else encoded.

    Args:
        summary: They, or a message with ``SerializeToString()``.

    Raises:
        ValueError: They are not a ``Summary``: in the file they would hide all that follows.
        TypeError: It is neither.
    """
    if isinstance(summary, bytes | bytearray | memoryview):
        content = bytes(summary)
    elif hasattr(summary, "SerializeToString"):
        content = bytes(summary.SerializeToString())
    else:
        raise TypeError(f"a {type(summary).__name__} is no tf.Summary and not its bytes")
    try:
        check(content, _SUMMARY)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"these {len(content)} bytes are no tf.Summary: {error}") from error
    return content


def _hparams_value(name: str, content: bytes) -> bytes:
    plugin = text(1, "hparams") + data(2, content)
    empty = integer(1, _DT_FLOAT) + data(2, data(2, b""))  # readers want a tensor, be it of length 0
    return data(1, text(1, f"_hparams_/{name}") + data(8, empty) + data(9, data(1, plugin)))


def _hparam(value: HParam) -> tuple[int, bytes]:
    """The type of a hyperparameter, and its ``google.protobuf.Value``.

    That value's JSON knows neither NaN nor integers beyond 2**53: they become text.
    """
    if isinstance(value, bool):
        return _BOOL, integer(4, value)
    if isinstance(value, int | float) and (abs(value) <= _EXACT if isinstance(value, int) else math.isfinite(value)):
        return _FLOAT64, double(2, value)
    return _STRING, text(3, str(value))
