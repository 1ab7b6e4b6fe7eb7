"""The trees of jobs that belong to a data root: where each lies, and what of them the index does not know yet."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from rla.core.layout import DRAFT_FILE, MANIFEST_FILE, JobRunPaths, JobTreePaths, RootPaths
from rla.fsio.atomic_write import TEMP_MARK, atomic_write
from rla.fsio.claim_dir import make_dirs
from rla.fsio.file_lock import FileLock, is_locked
from rla.runs import machine
from rla.runs.root import prepare_root, read_root_id

if TYPE_CHECKING:
    from rla.store.run_table import RunTable

_MOMENT: Final = 2.0
"""Seconds within which a file may have been made whose maker has yet to lock it."""
_SOON: Final = 0.5
"""Seconds within which a draft becomes a manifest or goes, if its maker lives."""
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
            keep = not _clear_unborn(tree) or keep
        for lock in held:
            if not keep:
                lock.remove()
    finally:
        for lock in held:
            lock.release()
    return bool(held)


def _clear_unborn(tree: JobTreePaths) -> bool:
    """Remove directories that were claimed and never became a run: their maker died before it could write.

    Returns:
        Whether all could be judged; of one that was begun this very moment nobody can say whether its maker lives.
    """
    judged = True
    for directory, inner, files in os.walk(tree.root):
        depth = len(Path(directory).relative_to(tree.root).parts)
        if depth + 1 in tree.depths and MANIFEST_FILE not in files:
            claims = [Path(directory, name) for name in inner if name.endswith(TEMP_MARK)]
            judged = all([*map(_clear_claim, claims), judged])
        inner[:] = [] if depth >= max(tree.depths) or MANIFEST_FILE in files else _visible(inner)
        if depth in tree.depths and DRAFT_FILE in files:
            judged = _clear_draft(JobRunPaths(Path(directory), ".")) and judged
    return judged


def _visible(names: list[str]) -> list[str]:
    return [name for name in names if not name.startswith(".")]


def _clear_claim(directory: Path) -> bool:
    """Remove a directory that has not got its name yet; False when it is too young to be judged."""
    with contextlib.suppress(OSError):  # it has got its name, or holds something that is not ours to remove
        if time.time() - directory.stat().st_mtime <= _MOMENT:
            return is_locked(directory / DRAFT_FILE)
        if not is_locked(directory / DRAFT_FILE):
            (directory / DRAFT_FILE).unlink(missing_ok=True)
            directory.rmdir()
    return True


def _clear_draft(paths: JobRunPaths) -> bool:
    """Remove what never became a run; False when somebody holds the lock of its draft and goes on holding it.

    A command whose maker was killed just now is about to end, and a living maker lets its command begin soon.
    """
    lock = FileLock(paths.draft)
    try:
        if not lock.acquire(patience=_SOON):
            return not paths.draft.exists()
        paths.draft.unlink()
        paths.stderr.unlink(missing_ok=True)
        paths.log.rmdir()
    except OSError:  # it is a manifest now; or anything else in it is not ours to remove
        return True
    finally:
        lock.release()
    return True


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
