"""One data root and its index, brought up to date when it is opened: what every reader asks."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from rla.core import states
from rla.core.layout import LOG, JobTreePaths, RootPaths, RunPaths
from rla.errors import AmbiguousRunError, ConfigError, RunNotFoundError, StoreError
from rla.fsio.atomic_write import remove_temporaries
from rla.fsio.claim_dir import make_dirs
from rla.runs import machine, trees
from rla.runs.arrivals import take_in
from rla.runs.liveness import is_alive, spoke_lately
from rla.runs.progress import progress_of
from rla.runs.root import index_location, is_shared_by_files, prepare_root, read_root_id
from rla.runs.run import Run
from rla.store.engine import open_index
from rla.store.rebuild import RebuildReport, read_run, rebuild
from rla.store.run_row import STATE_COLUMNS, Place, row_of
from rla.store.run_table import RunTable
from rla.store.sqlite_file import is_damage, move_aside
from rla.store.where import WhereSql

COMMAND_BUDGET: Final = 60.0
"""Seconds that a command waits for the index."""
_MAY_CHANGE: Final = (*STATE_COLUMNS, "hyperparameters")
"""A script may add hyperparameters to those of its job."""


class Database:
    """The runs of one data root."""

    def __init__(
        self, root: RootPaths, table: RunTable, root_id: str, trees: Mapping[str, JobTreePaths] | None = None
    ) -> None:
        """Made by :func:`open_database`.

        Args:
            root: The data root.
            table: Its index.
            root_id: Its id.
            trees: The trees of jobs that belong to it, by their ids.
        """
        self.root = root
        self.table = table
        self.root_id = root_id
        self.trees = trees or {}

    def at(self, root_id: str) -> Database:
        """The same index with one of its trees as the root: what changes the runs of that tree."""
        return self if root_id == self.root_id else Database(self.trees[root_id], self.table, root_id)

    def everywhere(self) -> list[Database]:
        """The data root and each of its trees, one database each."""
        return [self, *(self.at(tree_id) for tree_id in self.trees)]

    def home_of(self, row: Mapping[str, Any]) -> Database:
        """The database in whose root a run lies: this one, unless it lies in one of the trees only."""
        roots = [place.root_id for place in row["places"]]
        if self.root_id in roots:
            return self
        return next((self.at(root_id) for root_id in roots if root_id in self.trees), self)

    def root_of(self, root_id: str) -> RootPaths | None:
        """The data root, or one of its trees; None when it is not mounted here."""
        return self.root if root_id == self.root_id else self.trees.get(root_id)

    def runs(self, task: str | None = None, limit: int | None = None) -> list[Run]:
        """The newest runs first."""
        return [self.run_of(row) for row in self.table.rows(task, limit=limit)]

    def find(self, name: str) -> Run:
        """The run of a uid, a unique beginning of one, a time stamp, or ``last``.

        Raises:
            RunNotFoundError: There is none.
            AmbiguousRunError: There are several.
        """
        rows = self.table.find(name)
        if not rows:
            raise RunNotFoundError(name)
        if len(rows) > 1:
            raise AmbiguousRunError(name, [str(row["uid"]) for row in rows])
        return self.run_of(rows[0])

    def damaged(self, uids: Sequence[str]) -> set[str]:
        """Which of some runs have a file that cannot be read."""
        rows = self._rows_of(uids, "damaged")
        return {row["uid"] for row in rows if row["damaged"] is not None}

    def elsewhere(self, uids: Sequence[str]) -> dict[str, str]:
        """Of some runs those that have no place in this root, each with ``host:path`` of one that it has."""
        roots = {root["root_id"]: root for root in self.table.roots()}
        found = {}
        for row in self._rows_of(uids, "places"):
            if self._place(row) is None and row["places"]:
                place = row["places"][0]
                root = roots.get(place.root_id, {"host": "?", "note": f"<root {place.root_id}>"})
                found[row["uid"]] = f"{root['host']}:{root['note']}/{place.path}"
        return found

    def _rows_of(self, uids: Sequence[str], column: str) -> list[dict[str, Any]]:
        where = [WhereSql(self.table.index.dialect).uid_in(uids)]
        return self.table.rows(columns=["uid", column], where=where)

    def reindex(self) -> RebuildReport:
        """Bring the table to what the directories say.

        Raises:
            StoreError: The table cannot be written.
        """
        report = rebuild(self.root, self.table, self.root_id)
        for tree_id, tree in self.trees.items():
            report.add(rebuild(tree, self.table, tree_id))
            self.table.register_root(tree_id, trees.KIND, machine.host_name(), str(tree.root))
        self.table.set_complete()
        return report

    def is_introduced(self) -> bool:
        """Whether the index knows this root; if not, it knows none of its places either."""
        return self.root_id in {root["root_id"] for root in self.table.roots()}

    def introduce(self) -> None:
        """Tell the index where this root is, for those who read it elsewhere."""
        with contextlib.suppress(StoreError):  # a reader without write permission still reads
            self.table.register_root(self.root_id, "data", machine.host_name(), str(self.root.root))

    def run_of(self, row: dict[str, Any]) -> Run:
        """The run of a whole row with its places; one that has not ended is read from its files."""
        place = self._place(row)
        if place is None:
            return Run(row, None, alive=spoke_lately(row["heartbeat"]))
        if row["state"] not in states.OPEN:
            return Run(row, self._paths(place), alive=False)
        return self._open_run(row, self._paths(place))

    def _open_run(self, row: dict[str, Any], paths: RunPaths) -> Run:
        """A run that has not ended as far as the table knows: its files know better."""
        try:
            record, state, notes = read_run(paths)
        except (OSError, ValueError) as error:
            return Run({**row, "damaged": row["damaged"] or str(error)}, paths, alive=False)
        if state.state in states.OPEN:
            state = progress_of(paths, state)
        fresh = row_of(record, state, notes)
        changed = {name: fresh[name] for name in _MAY_CHANGE if fresh[name] != row[name]}
        if changed:
            with contextlib.suppress(StoreError):  # a reader without write permission still reads
                self.table.update(row["uid"], **changed)
        alive = is_alive(record, paths, fresh["heartbeat"])
        if not alive and state.state in states.OPEN:
            remove_temporaries(paths.log)
        return Run({**row, **changed}, paths, alive=alive)

    def _place(self, row: Mapping[str, Any]) -> Place | None:
        """Where its files are below this root or its trees: the live copy, else the archived one."""
        here: list[Place] = [place for place in row["places"] if self.root_of(place.root_id) is not None]
        return min(here, key=lambda place: place.archived, default=None)

    def _paths(self, place: Place) -> RunPaths:
        root = self.root_of(place.root_id)
        assert root is not None
        return root.copy(place.path, archived=place.archived)


def open_database(data_root: Path, index_url: str | None = None) -> Database:
    """Open a data root for reading, and bring its index up to date.

    A new index is filled from the directories; runs that the index could not take when they started
    or ended are taken in; runs that have not ended are read from their files when they are shown.

    Raises:
        ConfigError: There is no database.
        StoreError: The index cannot be opened.
    """
    database, root = _connect(data_root, index_url), RootPaths(data_root)
    if _may_write(index_location(root, index_url)):  # a reader without write permission still reads
        introduced = database.is_introduced()
        if not (introduced and database.table.is_complete()):
            database.reindex()
        if not introduced:  # only now: a reader that is killed before leaves the work to the next
            database.introduce()
        keep = is_shared_by_files(root, index_url)
        take_in(root, database.table, database.root_id, keep=keep)
        for tree_id, tree in database.trees.items():
            trees.take_in_tree(tree, database.table, tree_id, keep=keep)
    return database


def reindex(data_root: Path, index_url: str | None = None) -> tuple[RebuildReport, Path | None]:
    """Make the table anew from the directories; an SQLite index that cannot be read is moved aside first.

    Returns:
        What was found, and the new name of the old index when it was moved.

    Raises:
        ConfigError: There is no database.
        StoreError: The index cannot be written.
    """
    try:
        return _reindex(data_root, index_url), None
    except StoreError as error:
        location = index_location(RootPaths(data_root), index_url)
        if not isinstance(location, Path) or not is_damage(error, location):
            raise
    moved = move_aside(location)
    return _reindex(data_root, index_url), moved


def _reindex(data_root: Path, index_url: str | None) -> RebuildReport:
    database = _connect(data_root, index_url)
    report = database.reindex()
    database.introduce()
    return report


def _may_write(index: str | Path) -> bool:
    if isinstance(index, str):
        return True
    return os.access(index.parent, os.W_OK) and (os.access(index, os.W_OK) or not index.exists())


def _connect(data_root: Path, index_url: str | None) -> Database:
    root = RootPaths(data_root)
    if not (root.state_dir.is_dir() or root.kind(LOG).is_dir()):
        raise ConfigError(f"there is no database at {data_root}; name one with --data-root or RLA_DATA_ROOT")
    root_id = read_root_id(root) or prepare_root(root)
    location = index_location(root, index_url)
    if isinstance(location, Path) and not location.parent.is_dir():
        make_dirs(location.parent)
    return Database(root, RunTable(open_index(location, budget=COMMAND_BUDGET)), root_id, trees.known_trees(root))
