"""Take the runs of the spool into the index: what was begun is completed or cleared away."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from typing import TYPE_CHECKING, Final

from rla.core import states
from rla.core.layout import RootPaths
from rla.fsio.file_lock import FileLock
from rla.runs import spool
from rla.runs.undo import clear_claim

if TYPE_CHECKING:
    from rla.store.run_table import RunTable

_NO_LOCKS: Final = 3600.0
"""Seconds that an unfinished start is left alone where locks may not tell whether it lives."""


def take_in(root: RootPaths, table: RunTable, root_id: str, *, keep: bool = False) -> int:
    """Bring the index up to date from the spool.

    Args:
        root: The data root.
        table: The index of this machine.
        root_id: The root's id.
        keep: Leave the entries, for other machines that read this root.

    Returns:
        How many runs were taken in.
    """
    entries = spool.waiting_entries(root)
    shared_places = {place for place, count in Counter(entry.place for entry in entries).items() if count > 1}
    known = _closed(table) if keep else frozenset()
    taken = 0
    for entry in entries:
        if entry.uid in known:
            continue
        lock = FileLock(entry.file)
        with contextlib.suppress(OSError):
            if lock.acquire():
                now = spool.read_entry(entry.file)  # its writer may have named another place before it died
                taken += _take_one(root, table, root_id, now, clear=now.place not in shared_places, keep=keep)
        lock.release()
    return taken


def _closed(table: RunTable) -> frozenset[str]:
    """The runs that have ended, whose entries have nothing new to say."""
    return frozenset(row["uid"] for row in table.rows(columns=["uid", "state"]) if row["state"] not in states.OPEN)


def _take_one(
    root: RootPaths, table: RunTable, root_id: str, entry: spool.SpoolEntry, *, clear: bool, keep: bool
) -> bool:
    """One entry without a holder. ``clear``: no other entry names the same directory."""
    from rla.store.rebuild import read_row  # noqa: PLC0415 - with SQLAlchemy, see create
    from rla.store.run_row import Place  # noqa: PLC0415

    paths = root.run(entry.place)
    try:
        row = read_row(paths)
    except (OSError, ValueError):
        if clear and entry.place and not _may_still_start(entry, keep=keep):
            clear_claim(paths, entry.uid)
        if not keep:
            entry.file.unlink()
        return False
    if row["uid"] == entry.uid:
        table.upsert(row, Place(entry.uid, root_id, entry.place))
    if not keep:
        entry.file.unlink()
    return bool(row["uid"] == entry.uid)


def _may_still_start(entry: spool.SpoolEntry, *, keep: bool) -> bool:
    """On a network the holder's lock may not be seen here: only age tells."""
    return keep and time.time() - entry.file.stat().st_mtime < _NO_LOCKS
