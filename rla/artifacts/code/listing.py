"""The list of what a code backup holds, by which every later reader can tell whether it still does.

``.rla-code.json`` lies in the run's code directory and is written last, so that a directory
without it is a backup that broke off. It holds the hash of each file, the text of each link, and
what was left out for which reason.
"""

# Paths are strings here: they keep any bytes, and no objects are made by the thousand.
# ruff: noqa: PTH108, PTH115, PTH208

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

from rla.artifacts.code.store import DIGEST_LENGTH, open_plain
from rla.core.layout import CODE, RunPaths
from rla.fsio.atomic_write import TEMP_MARK, atomic_write

LIST_FILE: Final = ".rla-code.json"
ALGORITHM: Final = "blake2b-256"
_VERSION: Final = 1
_RUN: Final = RunPaths(Path(), "")

OWN_FILES: Final = frozenset({LIST_FILE, _RUN.marker(CODE).name, _RUN.parameters(CODE).name})
"""What lies at the top of a run's code directory and is no part of the backup."""


@dataclass(frozen=True)
class CodeList:
    """What a backup holds; paths are relative to the run's code directory, with ``/``.

    Attributes:
        files: The hash of each file.
        links: The text of each symbolic link.
        left_out: Paths and reasons.
        warnings: What else was told.
        renamed: Path -> what it was called in the project, where rla has a file of that name.
    """

    files: Mapping[str, str]
    links: Mapping[str, str]
    left_out: Sequence[tuple[str, str]] = ()
    warnings: Sequence[str] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)


def digest(data: bytes) -> str:
    """The hash of a content, as the list and the code store spell it."""
    return blake2b(data, digest_size=32).hexdigest()


def write_list(target: Path, code: CodeList) -> None:
    """Write the list of a finished backup, and clear what an earlier try at it left.

    Raises:
        OSError: It cannot be written; the backup then counts as broken off.
    """
    content = {"version": _VERSION, "hash": ALGORITHM, **vars(code)}
    for name in os.listdir(target):
        if name.startswith(f".{LIST_FILE}") and name.endswith(TEMP_MARK):
            os.unlink(target / name)
    text = json.dumps(content)  # escapes what is no UTF-8 in names, and reads it back
    atomic_write(target / LIST_FILE, text.encode("ascii") + b"\n", durable=False)


def read_list(target: Path) -> CodeList:
    """The list of a backup.

    Raises:
        OSError: There is none.
        ValueError: It is damaged, or of a later version.
    """
    content = json.loads((target / LIST_FILE).read_bytes())
    if not isinstance(content, dict) or (content.get("version"), content.get("hash")) != (_VERSION, ALGORITHM):
        message = f"{target / LIST_FILE} is not a list of code that this version of rla reads"
        raise ValueError(message)
    left_out = [(str(path), str(reason)) for path, reason in content.get("left_out", [])]
    warnings = content.get("warnings", [])
    return CodeList(_texts(content, "files"), _texts(content, "links"), left_out, warnings, _texts(content, "renamed"))


def verify_code(target: Path) -> list[str]:
    """Compare a run's code directory with its list.

    Every file is read. Nothing outside the directory is opened, and no link is followed.

    Returns:
        The relative paths that are missing, changed or unexpected, sorted; the list itself if it is
        missing or damaged. Empty means that the code is what the run started with.
    """
    try:
        code = read_list(target)
    except (OSError, ValueError, TypeError, RecursionError):
        return [LIST_FILE]
    expected: dict[str, str] = {**code.files, **{path: f"-> {text}" for path, text in code.links.items()}}
    found = {path: _content(f"{target}/{path}", expected.get(path, "")) for path in _paths(str(target))}
    return sorted(path for path in expected.keys() | found.keys() if expected.get(path) != found.get(path))


def _texts(content: Mapping[str, Any], key: str) -> dict[str, str]:
    return {str(path): str(text) for path, text in dict(content.get(key, {})).items()}


def _paths(top: str) -> Iterator[str]:
    """Every file below a directory but for rla's own, and every directory that cannot be read."""
    pending = [""]
    while pending:
        prefix = pending.pop()
        try:
            with os.scandir(f"{top}/{prefix}") as listing:
                items = list(listing)
        except OSError:
            yield prefix.rstrip("/")
            continue
        for item in items:
            if item.is_dir(follow_symlinks=False):
                pending.append(f"{prefix}{item.name}/")
            elif prefix or item.name not in OWN_FILES:
                yield f"{prefix}{item.name}"


def _content(path: str, expected: str) -> str:
    """What stands at a path, in the words of the list; only what could be as expected is read."""
    try:
        found = os.lstat(path)
        if stat.S_ISLNK(found.st_mode):
            return f"-> {os.readlink(path)}"
        if not stat.S_ISREG(found.st_mode) or len(expected) != DIGEST_LENGTH or expected.startswith("->"):
            return "unexpected"
        return _hash_file(path)
    except OSError as error:
        return f"cannot be read: {error.strerror}"


def _hash_file(path: str) -> str:
    hashing = blake2b(digest_size=32)
    with open(path, "rb", opener=open_plain) as file:
        while piece := file.read(2**20):
            hashing.update(piece)
    return hashing.hexdigest()
