"""Bring the rows of a batch into the index, many at once, without holding a job up."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rla.core.layout import JobRunPaths, JobTreePaths, RootPaths
from rla.core.manifest import Manifest, Notes, State
from rla.errors import RlaError
from rla.fsio.atomic_write import sync_file
from rla.runs import machine, trees
from rla.runs.root import index_location, is_shared_by_files, prepare_root

if TYPE_CHECKING:
    from rla.store.run_table import RunTable

_EVERY: Final = 0.5
"""Seconds that a row waits for others."""
_BUDGET: Final = 2.0
_PATIENCE: Final = 30.0
"""Seconds that the last rows wait for an index that others hold."""
_AGAIN: Final = 5.0
"""Seconds before an index that could not be reached is tried again."""
_NOTES: Final = ("tags", "notes")
"""What people say of a run is theirs, from its start on."""


class Ledger:
    """The rows of the runs that this process starts.

    What cannot be written is kept and tried again; if it never can, the mark in the tree stays, and the next
    reader takes the runs in from their files.
    """

    def __init__(self, root: RootPaths, tree: JobTreePaths, index_url: str | None, warn: Callable[[str], None]) -> None:
        """Prepare both directories; the index itself is opened at the first row.

        Raises:
            OSError: One of them cannot be written.
        """
        prepare_root(root)
        self._location = index_location(root, index_url)
        self._shared = is_shared_by_files(root, index_url)
        self._tree = tree
        self._tree_id = trees.prepare_tree(root, tree)
        self._mark = trees.Unsettled(tree)
        self._warn = warn
        self._waiting: dict[str, tuple[dict[str, Any], str]] = {}
        self._unsynced: list[Path] = []
        self._next = 0.0
        self._table: RunTable | None = None
        self._troubled = False

    def put(self, record: Manifest, state: State, place: str, *, new: bool = False) -> None:
        """Note how a run stands; its row follows within a moment."""
        from rla.store.run_row import row_of  # noqa: PLC0415 - loads nothing heavy, but lies in the store

        row = row_of(record, state, Notes())
        if not new and record.uid not in self._waiting:
            row = {name: value for name, value in row.items() if name not in _NOTES}
        self._waiting[record.uid] = (row, place)
        if new:
            self._unsynced.append(JobRunPaths(self._tree.root, place).manifest)
        if not self._next:
            self._next = time.monotonic() + _EVERY

    @property
    def due(self) -> float | None:
        """When rows are to be written, on the monotonic clock; None while there are none."""
        return self._next if self._waiting else None

    def flush(self, *, last: bool = False) -> None:
        """Write what is due. Never raises: what cannot be written waits."""
        if not self._waiting or not (last or time.monotonic() >= self._next):
            return
        self._sync()
        try:
            self._write(_PATIENCE if last else _BUDGET)
        except (RlaError, ImportError) as error:  # also a database whose driver is missing
            self._next = time.monotonic() + _AGAIN
            if not self._troubled:
                self._warn(f"the index could not be reached ({error}); the jobs go on, and their files know all")
            self._troubled = True
        else:
            self._waiting.clear()
            self._next, self._troubled = 0.0, False

    def close(self) -> None:
        """Write what is left."""
        self.flush(last=True)
        if self._waiting or self._shared:
            self._mark.leave()
        else:
            self._mark.settle()

    def _sync(self) -> None:
        """A manifest is on the disk before its row is in the index; jobs do not wait for it."""
        for manifest in self._unsynced:
            with contextlib.suppress(OSError):  # the job runs, and what the disk could not take shows in its files
                sync_file(manifest)
        self._unsynced.clear()

    def _write(self, budget: float) -> None:
        from rla.store.run_row import Place  # noqa: PLC0415 - the jobs start before SQLAlchemy is loaded

        if self._shared:  # each machine has an index of its own, and takes the runs in from their files
            return
        table = self._open().within(budget)
        table.upsert_many((row, Place(uid, self._tree_id, place)) for uid, (row, place) in self._waiting.items())

    def _open(self) -> RunTable:
        from rla.store.engine import open_index  # noqa: PLC0415 - as above
        from rla.store.run_table import RunTable  # noqa: PLC0415

        if self._table is None:
            table = RunTable(open_index(self._location, budget=_BUDGET))
            table.register_root(self._tree_id, trees.KIND, machine.host_name(), str(self._tree.root.absolute()))
            self._table = table
        return self._table
