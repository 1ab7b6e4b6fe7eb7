"""Make the table again from the runs' directories."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypeVar

from rla.core import layout
from rla.core.index_name import parse_directory_name
from rla.core.layout import RootPaths, RunPaths
from rla.core.manifest import Manifest, Notes, State, decode
from rla.errors import StoreError
from rla.store.run_row import Place, row_of, state_columns
from rla.store.run_table import RunTable

_BATCH: Final = 2000
_READ: Final = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_UID: Final = re.compile(rb'"uid"\s*:\s*"([0-9a-f]{16})"')
_MARKER: Final = re.compile(rb"\b[0-9a-f]{16}\b")
_Record = TypeVar("_Record", State, Notes)


@dataclass(frozen=True)
class Damage:
    """A file that could not be read, and why."""

    path: Path
    reason: str


@dataclass
class RebuildReport:
    """What a rebuild did.

    Attributes:
        runs: How many copies of runs were taken in.
        damaged: What could not be read; each of those runs that is still known has a row that
            says so.
        gone: Places whose directory is no longer there.
        left: The uids of the runs that left the table with their last place.
    """

    runs: int = 0
    damaged: list[Damage] = field(default_factory=list)
    gone: list[Place] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    def add(self, other: RebuildReport) -> None:
        """Take in what the rebuild of another root did."""
        self.runs += other.runs
        self.damaged += other.damaged
        self.gone += other.gone
        self.left += other.left


def rebuild(root: RootPaths, table: RunTable, root_id: str) -> RebuildReport:
    """Bring the table up to date with every run's directory below a root.

    One damaged run never hides the others. Links inside the tree are not followed. Whether the
    table is complete afterwards is the caller's to say: there may be other roots.

    Args:
        root: The root, which this process has opened.
        table: The table.
        root_id: The id of the root.

    Raises:
        StoreError: The root is not there or not mounted, or the table cannot be written.
    """
    _check_mounted(root)
    report = RebuildReport()
    known = {(place.path, place.archived): place for place in table.places_in(root_id)}
    for archived in (True, False):  # the live copy last: of two copies, its row counts
        run_places = _run_places(str(root.tree(layout.LOG, archived=archived)), root.depths, report)
        while batch := list(islice(run_places, _BATCH)):
            _take_in(table, [_Copy(root, path, root_id, archived, known) for path in batch], report)
    report.gone = [place for place in known.values() if _is_gone(root, place)]
    report.left = table.remove_places(report.gone)
    return report


def read_run(paths: RunPaths) -> tuple[Manifest, State, Notes]:
    """The three files of a run; ``state.json`` and ``notes.json`` may be missing.

    Raises:
        FileNotFoundError: There is no ``run.json``.
        OSError: A file cannot be read.
        ValueError: A file is damaged; the message names it.
    """
    directory = str(paths.log)
    manifest = _decoded(directory, paths.manifest.name, Manifest)
    return manifest, _or_empty(directory, paths.state.name, State), _or_empty(directory, paths.notes.name, Notes)


def read_row(paths: RunPaths) -> dict[str, Any]:
    """The row of a run; a damaged ``state.json`` or ``notes.json`` is left out and noted in ``damaged``.

    Raises:
        FileNotFoundError: There is no ``run.json``.
        OSError: It cannot be read.
        ValueError: It is damaged.
    """
    directory = str(paths.log)
    manifest = _decoded(directory, paths.manifest.name, Manifest)
    state, bad_state = _or_reason(directory, paths.state.name, State)
    notes, bad_notes = _or_reason(directory, paths.notes.name, Notes)
    row = row_of(manifest, state, notes)
    row["damaged"] = "; ".join(reason for reason in (bad_state, bad_notes) if reason) or None
    return row


@dataclass(frozen=True, slots=True)
class _Copy:
    """A run's directory that was found."""

    root: RootPaths
    path: str
    root_id: str
    archived: bool
    known: dict[tuple[str, bool], Place]

    @property
    def paths(self) -> RunPaths:
        return self.root.copy(self.path, archived=self.archived)

    def place(self, uid: str) -> Place:
        return Place(uid, self.root_id, self.path, self.archived)


def _take_in(table: RunTable, copies: Sequence[_Copy], report: RebuildReport) -> None:
    items = []
    for copy in copies:
        try:
            row = read_row(copy.paths)
        except FileNotFoundError:
            continue  # a directory that is no run's, or was deleted just now
        except (OSError, ValueError) as error:
            _take_in_damaged(table, copy, str(error), report)
            continue
        if row["damaged"]:
            report.damaged.append(Damage(copy.paths.log, row["damaged"]))
        items.append((row, copy.place(row["uid"])))
    table.upsert_many(items)
    report.runs += len(items)


def _take_in_damaged(table: RunTable, copy: _Copy, reason: str, report: RebuildReport) -> None:
    report.damaged.append(Damage(copy.paths.manifest, reason))
    uid = _uid_of_damaged(copy)
    if uid is None:
        return
    if table.update(uid, damaged=reason):
        table.add_place(copy.place(uid))
    else:
        table.upsert({**_row_of_damaged(copy), "uid": uid, "damaged": reason}, copy.place(uid))
    report.runs += 1


def _uid_of_damaged(copy: _Copy) -> str | None:
    """From the table, from what is left of the manifest, or from the markers of the other kinds."""
    if place := copy.known.get((copy.path, copy.archived)):
        return place.uid
    sources = [(copy.paths.manifest, _UID)]
    sources += [(copy.paths.marker(kind), _MARKER) for kind in layout.KINDS if kind != layout.LOG]
    for path, pattern in sources:
        try:
            match = pattern.search(_content(str(path)))
        except OSError:
            continue
        if match:
            return match[match.lastindex or 0].decode()
    return None


def _row_of_damaged(copy: _Copy) -> dict[str, Any]:
    """What the directory's name and the run's last word still tell."""
    task, _, rest = copy.path.partition("/")
    day, _, name = rest.rpartition("/")
    state, _ = _or_reason(str(copy.paths.log), copy.paths.state.name, State)
    row = {"task": task, "name": name, "created": day, **state_columns(state)}
    index = parse_directory_name(day, name)
    return row if index is None else {**row, "created": index.stamp, "ip": index.ip, "tracked": index.tracked}


def _check_mounted(root: RootPaths) -> None:
    """A disk that is not mounted is no reason to forget the runs on it."""
    links = [link for link in (root.tree(layout.LOG), root.base(archived=True)) if link.is_symlink()]
    for directory in (root.root, *links):
        if not directory.is_dir():
            raise StoreError(f"the directory {directory} is not there: mount it, then its runs can be taken in")


def _is_gone(root: RootPaths, place: Place) -> bool:
    """Only a file system that says so makes a run gone: no permission, or an error, does not."""
    try:
        root.copy(place.path, archived=place.archived).log.stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def _run_places(top: str, depths: Sequence[int], report: RebuildReport) -> Iterator[str]:
    """The path below ``top`` of every directory at the depth of a run; what has its own dot is not one's own."""
    level: Iterable[str] = [""]
    for depth in range(1, max(depths) + 1):
        level = [below for path in level for below in _directories(top, path, report)]
        if depth in depths:
            yield from level


def _directories(top: str, path: str, report: RebuildReport) -> list[str]:
    prefix = f"{path}/" if path else ""
    try:
        with os.scandir(f"{top}/{path}") as entries:
            return [
                f"{prefix}{entry.name}"
                for entry in entries
                if not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False)
            ]  # hidden ones are not runs: a trash on a disk of its own, stages
    except FileNotFoundError:
        return []
    except OSError as error:
        report.damaged.append(Damage(Path(top, path), str(error)))
        return []


def _decoded(directory: str, name: str, kind: type[Any]) -> Any:
    try:
        return decode(_content(f"{directory}/{name}"), kind)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


def _or_empty(directory: str, name: str, kind: type[_Record]) -> _Record:
    try:
        record: _Record = _decoded(directory, name, kind)
    except FileNotFoundError:
        return kind()
    return record


def _or_reason(directory: str, name: str, kind: type[_Record]) -> tuple[_Record, str | None]:
    try:
        return _or_empty(directory, name, kind), None
    except (OSError, ValueError) as error:
        return kind(), str(error)


def _content(path: str) -> bytes:
    """A whole file. A link is refused; a pipe that somebody put there does not make us wait."""
    descriptor = os.open(path, _READ)
    try:
        parts = []
        while part := os.read(descriptor, 65536):
            parts.append(part)
        return b"".join(parts)
    finally:
        os.close(descriptor)
