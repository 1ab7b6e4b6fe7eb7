"""The trees of jobs that belong to a data root: where each lies, and what of them the index does not know yet."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from rla.core.layout import JobRunPaths, JobTreePaths, RootPaths
from rla.fsio.atomic_write import TEMP_MARK, atomic_write, remove_temporary
from rla.fsio.claim_dir import make_dirs
from rla.fsio.file_lock import FileLock, is_locked
from rla.runs import machine
from rla.runs.root import prepare_root, read_root_id

if TYPE_CHECKING:
    from rla.store.run_table import RunTable

_MOMENT: Final = 2.0
"""Seconds within which a file may have been made whose maker has yet to lock it."""
KIND: Final = "jobs"
"""What the table of roots calls such a tree."""


def prepare_tree(root: RootPaths, tree: JobTreePaths) -> str:
    """Make a tree of jobs and let a data root remember it; safe in many processes at once.

    Returns:
        The tree's id.

    Raises:
        OSError: One of the two cannot be written.
    """
    tree_id = prepare_root(tree)
    entry = root.trees / f"{tree_id}.json"
    content = msgspec.json.encode({"path": str(tree.root.absolute())}) + b"\n"
    if not (entry.is_file() and entry.read_bytes() == content):
        make_dirs(root.trees)
        atomic_write(entry, content)
    return tree_id


def known_trees(root: RootPaths) -> dict[str, JobTreePaths]:
    """The trees that a data root remembers, those that are mounted here, by their ids."""
    found = {}
    with contextlib.suppress(OSError):
        for entry in sorted(root.trees.iterdir()):
            tree = _tree_of(entry)
            if tree is not None and read_root_id(tree) == entry.stem:
                found[entry.stem] = tree
    return found


class Unsettled:
    """A mark that runs are made whose rows come later: should this process die, the next reader looks for them."""

    def __init__(self, tree: JobTreePaths) -> None:
        """Set the mark.

        Raises:
            OSError: It cannot be written.
        """
        make_dirs(tree.unsettled)
        temporary = tree.unsettled / f".{os.urandom(8).hex()}{TEMP_MARK}"
        temporary.touch()
        self._lock = FileLock(temporary)
        self._lock.acquire()
        self._mark = tree.unsettled / f"{machine.host_name()}-{os.getpid()}-{os.urandom(4).hex()}"
        temporary.replace(self._mark)

    def settle(self) -> None:
        """Every row is there: the mark goes."""
        with contextlib.suppress(OSError):
            self._mark.unlink()
        self._lock.release()

    def leave(self) -> None:
        """Let the next reader look."""
        self._lock.release()


def take_in_tree(tree: JobTreePaths, table: RunTable, tree_id: str, *, keep: bool = False) -> bool:
    """Bring the index up to date with a tree whose last maker died before the rows were there.

    Args:
        tree: The tree.
        table: The index of this machine.
        tree_id: The tree's id.
        keep: Leave the marks, for machines with an index of their own.

    Returns:
        Whether there was anything to do.
    """
    from rla.store.rebuild import rebuild  # noqa: PLC0415 - with SQLAlchemy, see create

    held = [lock for mark in _marks(tree) if (lock := _taken(mark)) is not None]
    try:
        if held:
            rebuild(tree, table, tree_id)
            _clear_unborn(tree)
        for lock in held:
            if not keep:
                lock.remove()
    finally:
        for lock in held:
            lock.release()
    return bool(held)


def _clear_unborn(tree: JobTreePaths) -> None:
    """Remove directories that were claimed and never became a run: their maker died before it could write."""
    manifest = tree.run("").manifest.name
    for directory, inner, files in os.walk(tree.root):
        depth = len(Path(directory).relative_to(tree.root).parts)
        inner[:] = [] if depth >= max(tree.depths) or manifest in files else [n for n in inner if not n.startswith(".")]
        unborn = [Path(directory, name) for name in files if name.endswith(TEMP_MARK)]
        if depth in tree.depths and unborn and manifest not in files and all(map(_is_abandoned, unborn)):
            remove_temporary(Path(directory))
            with contextlib.suppress(OSError):  # anything else in it is not ours to remove
                JobRunPaths(Path(directory), ".").stderr.unlink(missing_ok=True)
                Path(directory).rmdir()


def _is_abandoned(file: Path) -> bool:
    """Whether nobody is about to write a file: not locked, and not of this moment, in which its maker locks it."""
    try:
        return time.time() - file.stat().st_mtime > _MOMENT and not is_locked(file)
    except OSError:
        return False


class _Mark(FileLock):
    """A mark whose maker is gone."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._mark = path

    def remove(self) -> None:
        with contextlib.suppress(OSError):
            self._mark.unlink()


def _marks(tree: JobTreePaths) -> list[Path]:
    try:
        return sorted(path for path in tree.unsettled.iterdir() if not path.name.startswith("."))
    except OSError:
        return []


def _taken(mark: Path) -> _Mark | None:
    lock = _Mark(mark)
    with contextlib.suppress(OSError):
        if lock.acquire():
            return lock
    return None


def _tree_of(entry: Path) -> JobTreePaths | None:
    try:
        return JobTreePaths(Path(msgspec.json.decode(entry.read_bytes())["path"]))
    except (OSError, msgspec.DecodeError, KeyError, TypeError):
        return None
