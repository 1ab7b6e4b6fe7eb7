"""What an operation does, as it stands in the journal and later in the trash."""

from __future__ import annotations

import re
import secrets
import time
from typing import Any, Final

import msgspec

from rla.core.layout import KINDS, RootPaths
from rla.fsio.journal import Journal
from rla.manage.leaf import is_run_place, is_uid
from rla.runs import machine

VERSION: Final = 1
_OP: Final = re.compile(r"\d{8}-\d{6}-\d{6}-[0-9a-f]{4}")

DELETE: Final = "delete"
ARCHIVE: Final = "archive"
RESTORE: Final = "restore"
MIGRATE: Final = "migrate"
"""To another task: the run moves within its root."""
TRANSFER: Final = "transfer"
"""To another data root: the run is copied, then its old place goes into the trash."""


class Copy(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One place of a run, and what becomes of it.

    Attributes:
        path: The place below each kind.
        archived: Whether it lies below ``arc``.
        kinds: The kinds that are touched.
        slot: The name of its directories in the trash, or in the stage.
        target: Where it goes, when it moves.
        manifest: The ``run.json`` it has afterwards, when that changes.
        before: The ``run.json`` it had.
    """

    path: str
    kinds: list[str]
    slot: str
    archived: bool = False
    target: str = ""
    manifest: str = ""
    before: str = ""


class Item(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One run of an operation."""

    uid: str
    task: str
    name: str
    copies: list[Copy]
    bytes: int = 0


class Record(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One operation.

    Attributes:
        op: Its id, which sorts by time.
        when: When it began, in seconds since the epoch.
        rows: Whether the copies leave the index, or only some of their kinds go.
        of: The operation that this one undoes.
        root: The other data root, and its id.
        force: Also runs that only seem alive.
    """

    op: str
    action: str
    when: float
    runs: list[Item]
    rows: bool = True
    of: str = ""
    root: str = ""
    root_id: str = ""
    force: bool = False
    user: str = ""
    host: str = ""
    version: int = VERSION


def new_record(action: str, runs: list[Item], **more: Any) -> Record:
    """An operation that begins now."""
    op = more.pop("op", None) or new_id()
    user, host = machine.user_name(), machine.host_name()
    return Record(op=op, action=action, when=time.time(), runs=runs, user=user, host=host, **more)


def new_id() -> str:
    """A name for an operation; names sort by time."""
    now = time.time()
    return f"{time.strftime('%Y%m%d-%H%M%S', time.localtime(now))}-{int(now % 1 * 1e6):06d}-{secrets.token_hex(2)}"


def encode(record: Record) -> bytes:
    """The content of the journal's entry."""
    return msgspec.json.format(msgspec.json.encode(record), indent=1) + b"\n"


def decode(content: bytes) -> Record:
    """Read a record. Whoever may write beside the runs could have written it: no word in it leads elsewhere.

    Raises:
        ValueError: It is none, or a later version's, or names what no record names.
    """
    record = msgspec.json.decode(content, type=Record)
    if record.version > VERSION:
        message = f"it was written by a later rla (version {record.version} of its journal)"
        raise ValueError(message)
    ids = [record.op, *([record.of] if record.of else [])]
    if not all(map(_OP.fullmatch, ids)) or not all(map(_is_sound, record.runs)):
        message = "it names places that are no run's"
        raise ValueError(message)
    return record


def _is_sound(item: Item) -> bool:
    return is_uid(item.uid) and all(
        copy.slot.partition(".")[0] == item.uid
        and "/" not in copy.slot
        and set(copy.kinds) <= set(KINDS)
        and is_run_place(copy.path)
        and (not copy.target or is_run_place(copy.target))
        for copy in item.copies
    )


def journal_of(root: RootPaths) -> Journal:
    """The journal of a data root."""
    return Journal(root.journal, root.reserve)


def write_record(root: RootPaths, record: Record) -> None:
    """Put an operation into the journal; when this returns it is on disk.

    Raises:
        OSError: It could not be written.
    """
    journal_of(root).write(record.op, encode(record))
