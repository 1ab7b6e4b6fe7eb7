"""The three files that are a run's truth, as values: run.json, state.json, notes.json.

Together they rebuild the run's row at any time. Each has one writer: run.json is written once at
the start, state.json by the run only, notes.json by managing commands only. One command changes
run.json, whole and under its journal: moving a run to another task.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, TypeVar

import msgspec

from rla.core import json_codec, origins, states

SCHEMA_VERSION: Final = 1


class Manifest(msgspec.Struct, kw_only=True, frozen=True):
    """``run.json``: what is known when the run starts, and never changes.

    Attributes:
        uid: 16 hexadecimal digits, random.
        created: The index's time stamp, ``YYYY/MM/DD/HH-MM-SS-ffffff``, local time.
        zone: The offset of that local time from UTC, as ``+0100``.
        started: The same instant in seconds since the epoch.
        tracked: The exact tracked part of the index name.
        tracked_keys: The keys in it, in order.
        name: The directory's name.
        seq: 0, but for imported runs whose index collides.
        process_started: When the process began, in clock ticks since boot (Linux), else 0: with
            ``boot`` it tells the process from a later one of the same pid.
    """

    uid: str
    task: str
    created: str
    ip: str
    tracked: str
    name: str
    started: float
    zone: str = ""
    seq: int = 0
    tracked_keys: list[str] = []
    hyperparameters: dict[str, Any] = {}
    origin: str = origins.MANAGER
    seed: int | None = None
    parent_uid: str | None = None
    batch: str | None = None
    job: str | None = None
    host: str = ""
    pid: int = 0
    boot: str = ""
    process_started: int = 0
    user: str = ""
    cwd: str = ""
    argv: list[str] = []
    git: dict[str, Any] = {}
    environment: dict[str, Any] = {}
    schema_version: int = SCHEMA_VERSION


class State(msgspec.Struct, kw_only=True):
    """``state.json``: how the run stands, as it last said.

    Attributes:
        heartbeat: When it said so, in seconds since the epoch.
        time_step: The newest time step that was dumped, or None before the first.
        summary: Each key's last value.
        summary_range: Each key's ``{"min", "max", "mean"}`` over finite values.
        lost: How many values could not be written, by file or cause.
        parent_uid: The run that it continues, also when that was said after its start.
        closing_dump: The timestamp of the row in which its end wrote what was not dumped yet, or None.
        hyperparameters: What a script that records into its job's run adds to the job's own, or says anew.
    """

    state: str = states.RUNNING
    heartbeat: float | None = None
    ended: float | None = None
    exit_code: int | None = None
    error: str | None = None
    time_step: int | None = None
    summary: dict[str, Any] = {}
    summary_range: dict[str, Any] = {}
    lost: dict[str, int] = {}
    parent_uid: str | None = None
    closing_dump: float | None = None
    hyperparameters: dict[str, Any] = {}


class Notes(msgspec.Struct, kw_only=True):
    """``notes.json``: what people said of the run afterwards."""

    tags: list[str] = []
    notes: str = ""


_Record = TypeVar("_Record", Manifest, State, Notes)


def encode(record: Manifest | State | Notes, ready: Mapping[str, str] = MappingProxyType({})) -> bytes:
    """One of the three files' content: indented strict JSON, a newline at the end.

    Args:
        record: What the file says.
        ready: Fields whose JSON is known already, as :func:`rla.core.json_codec.dumps` makes it.
    """
    fields = {name: getattr(record, name) for name in record.__struct_fields__ if name not in ready}
    whole = {**json_codec.encode(fields), **{name: msgspec.Raw(content) for name, content in ready.items()}}
    return msgspec.json.format(msgspec.json.encode(whole), indent=2) + b"\n"


def decode(content: bytes, kind: type[_Record]) -> _Record:
    """Read one of the three files; fields of newer versions are passed over.

    Raises:
        ValueError: The content is not such a file.
    """
    try:
        return msgspec.convert(json_codec.loads(content), kind)
    except (msgspec.MsgspecError, ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        message = f"not a {kind.__name__.lower()} file of rla: {error}"
        raise ValueError(message) from error
