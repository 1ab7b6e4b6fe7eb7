"""The difference of the code that two runs were started with, line by line."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from rla.artifacts.code.listing import OWN_FILES, digest, read_list
from rla.core.layout import CODE, RunPaths
from rla.fsio.safe_move import Spot, opened, parent_of, read_file
from rla.fsio.tree_walk import open_directory
from rla.manage.leaf import is_run_place
from rla.runs.run import Run

_LARGEST: Final = 2**22
"""Larger files are compared by their hash only: nobody reads four megabytes of lines."""
_MOST_LINES: Final = 20_000
_NO_NEWLINE: Final = "\\ No newline at end of file"
_LINK: Final = "-> "


@dataclass(frozen=True)
class FileChange:
    """A file of the code that is not the same in both runs.

    Attributes:
        path: Relative to the run's code directory.
        kind: ``added``, ``removed`` or ``changed``.
        lines: A unified diff without line ends; empty where ``reason`` says why.
        reason: Why there are no lines, as ``binary``; else empty.
    """

    path: str
    kind: str
    lines: list[str] = field(default_factory=list)
    reason: str = ""


def compare_code(old: Run, new: Run, remarks: list[str]) -> list[FileChange]:
    """The files that differ, by path. What cannot be compared is added to the remarks."""
    sides = [_Side.of(run, remarks) for run in (old, new)]
    before, after = sides
    if before is None or after is None:
        return []
    paths = sorted(before.files.keys() | after.files.keys())
    return [_change(path, before, after) for path in paths if before.files.get(path) != after.files.get(path)]


@dataclass(frozen=True)
class _Side:
    """The code of one run.

    Attributes:
        paths: Where the run is.
        files: The hash of each file, and of each link its text.
    """

    paths: RunPaths
    files: Mapping[str, str]

    @classmethod
    def of(cls, run: Run, remarks: list[str]) -> _Side | None:
        """The code of a run by its list, which tells files apart without reading them."""
        if run.paths is None or not is_run_place(run.paths.place):
            return None
        if run.code_dir is None:
            remarks.append(f"{run.uid} has no code here: it is not compared")
            return None
        try:
            code = read_list(run.code_dir)
        except (OSError, ValueError, TypeError, RecursionError):
            remarks.append(f"{run.uid} has no list of its code: every file of it is read")
            return cls(run.paths, dict(_hashes(Spot(run.paths.root / CODE, run.paths.place))))
        return cls(run.paths, {**code.files, **{path: _LINK + text for path, text in code.links.items()}})

    def text(self, path: str) -> str:
        """The lines of a file, or of nothing where the run does not have it.

        Raises:
            _NotTextError: It has no lines to compare, and why.
        """
        known = self.files.get(path)
        if known is None:
            return ""
        if known.startswith(_LINK):
            return f"{known}\n"
        data = self._read(path)
        if digest(data) != known:
            raise _NotTextError("it is not what was backed up any more")
        if b"\0" in data:
            raise _NotTextError("binary")
        return data.decode("utf-8", "backslashreplace")

    def _read(self, path: str) -> bytes:
        """A path of the list is data: it never leads out of the directory, nor through a link."""
        try:
            spot = Spot(self.paths.root / CODE, f"{self.paths.place}/{path}")
            with parent_of(spot) as parent:
                if os.stat(spot.name, dir_fd=parent, follow_symlinks=False).st_size > _LARGEST:
                    raise _NotTextError("too large to compare by line")
                return read_file(parent, spot.name, _LARGEST)
        except (OSError, ValueError) as error:
            raise _NotTextError(f"it cannot be read: {getattr(error, 'strerror', None) or error}") from error


class _NotTextError(Exception):
    """Why a file has no lines."""


def _change(path: str, before: _Side, after: _Side) -> FileChange:
    kind = "added" if path not in before.files else "removed" if path not in after.files else "changed"
    try:
        lines = list(_unified(path, kind, before.text(path), after.text(path)))
    except _NotTextError as error:
        return FileChange(path, kind, reason=str(error))
    return FileChange(path, kind, lines) if lines else FileChange(path, kind, reason="empty")


def _unified(path: str, kind: str, old: str, new: str) -> Iterator[str]:
    old_lines, new_lines = _lines(old), _lines(new)
    if max(len(old_lines), len(new_lines)) > _MOST_LINES:
        raise _NotTextError("too long to compare by line")
    names = ("/dev/null" if kind == "added" else f"a/{path}", "/dev/null" if kind == "removed" else f"b/{path}")
    for line in difflib.unified_diff(old_lines, new_lines, *names, lineterm=""):
        text, mark, _ = line.partition("\n")
        yield text
        if not mark and line[:1] in {" ", "-", "+"} and line not in (f"--- {names[0]}", f"+++ {names[1]}"):
            yield _NO_NEWLINE


def _lines(text: str) -> list[str]:
    """With their line ends: a last line without one differs from one with it. Only a newline ends a line."""
    *whole, rest = text.split("\n")
    return [f"{line}\n" for line in whole] + ([rest] if rest else [])


def _hashes(top: Spot, below: str = "") -> Iterator[tuple[str, str]]:
    """The hash of each file of a directory that has no list; what cannot be read is left out."""
    spot = Spot(top.top, f"{top.place}/{below}".rstrip("/"))
    try:
        with opened(spot) as directory:
            entries = sorted(os.listdir(directory))  # noqa: PTH208 - of a descriptor
            found = [(name, _content(directory, name)) for name in entries if below or name not in OWN_FILES]
    except OSError:
        return
    for name, hashed in found:
        if hashed is None:
            yield from _hashes(top, f"{below}{name}/")
        elif hashed:
            yield f"{below}{name}", hashed


def _content(directory: int, name: str) -> str | None:
    """The hash of a file, the text of a link, None for a directory, empty for anything else."""
    try:
        os.close(open_directory(name, directory))
        return None
    except OSError:
        pass
    try:
        return _LINK + os.readlink(name, dir_fd=directory)
    except OSError:
        pass
    try:
        return digest(read_file(directory, name, 2**30))
    except OSError:
        return ""
