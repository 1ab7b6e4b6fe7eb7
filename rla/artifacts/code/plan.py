"""What a code backup is asked to hold, and the files and directories which that names."""

# Paths are strings here: they keep any bytes, and no objects are made by the thousand.
# ruff: noqa: PTH100, PTH110, PTH111, PTH112, PTH118, PTH119, PTH120, PTH206

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, NamedTuple

from rla.errors import ConfigError

OUTSIDE: Final = "_outside"
"""Where entries lie in the backup that lie outside the project."""

_TOO_WIDE: Final = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108 - to stay away from, not to write to


@dataclass(frozen=True)
class BackupPlan:
    """What to back up.

    Attributes:
        project_root: What relative entries are relative to, and the top of the backup.
        entries: Directories and files, ``BACKUP_CONFIG.backup_code_dir``. Empty: the sources beside
            the script.
        mode: ``source`` takes the entries, ``lib`` takes ``lib_dir`` whole.
        lib_dir: The directory of the built library.
        run_files: Further files, in either mode; ``lib`` needs one.
        ignore_files: Files of gitignore patterns, relative to the project root. They rank above
            every ``.gitignore``.
        never: Directories that are left out wherever they lie, such as the data root.
        script: The running script; None in a notebook.
        max_bytes: The size of all files together.
        max_file_bytes: The size of one file.
        max_files: The number of files.
    """

    project_root: Path
    entries: tuple[str, ...] = ()
    mode: Literal["source", "lib"] = "source"
    lib_dir: str = "./build/lib/"
    run_files: tuple[str, ...] = ()
    ignore_files: tuple[Path, ...] = ()
    never: tuple[Path, ...] = ()
    script: Path | None = None
    max_bytes: int = 100 * 2**20
    max_file_bytes: int = 5 * 2**20
    max_files: int = 10_000


class Entry(NamedTuple):
    """One file or directory to back up.

    Attributes:
        source: Its real absolute path.
        place: Its path in the backup; empty is the top.
        whole: Take everything: neither ``.gitignore`` nor clutter is looked at.
        sources_only: Take source-like files only.
    """

    source: str
    place: str
    whole: bool = False
    sources_only: bool = False


def entries_of(plan: BackupPlan, warnings: list[str]) -> Iterator[Entry]:
    """What a plan names, single files first, so that no limit cuts them off.

    Args:
        plan: The plan.
        warnings: Takes what names nothing.

    Raises:
        ConfigError: ``lib`` has no run file.
    """
    if plan.mode == "lib" and not plan.run_files:
        message = "PROJECT_TYPE.backup_code_by is lib, which needs the script as well; give it as run_file"
        raise ConfigError(message, key="PROJECT_TYPE.backup_code_by")
    places = _Places(plan.project_root, warnings)
    yield from places.named("run_file", plan.run_files)
    if plan.mode == "lib":
        yield from places.named("BACKUP_CONFIG.lib_dir", (plan.lib_dir,), whole=True)
    elif plan.entries:
        named = list(places.named("BACKUP_CONFIG.backup_code_dir", plan.entries))
        yield from sorted(named, key=lambda entry: os.path.isdir(entry.source))
    else:
        yield from _default(plan, warnings)


class _Places:
    """Finds what texts name, and where it lies in the backup."""

    def __init__(self, root: Path, warnings: list[str]) -> None:
        self._roots = (os.path.abspath(root), os.path.realpath(root))
        self._warnings = warnings
        self._outside: dict[str, str] = {}

    def named(self, key: str, texts: tuple[str, ...], *, whole: bool = False) -> Iterator[Entry]:
        for text in texts:
            path = os.path.normpath(os.path.join(self._roots[0], os.path.expanduser(text)))
            if os.path.exists(path):
                yield Entry(os.path.realpath(path), self._place(path), whole)
            else:
                self._warnings.append(f"{key} names {text!r}, which is not there: {path}")

    def _place(self, path: str) -> str:
        for root, spelling in zip(self._roots, (path, os.path.realpath(path)), strict=True):
            relative = os.path.relpath(spelling, root)
            if relative == os.curdir:
                return ""
            if relative.split(os.sep)[0] != os.pardir:
                return relative.replace(os.sep, "/")
        return self._outside.setdefault(os.path.realpath(path), self._new_outside(path))

    def _new_outside(self, path: str) -> str:
        name = os.path.basename(path) or "root"
        taken = set(self._outside.values())
        names = (f"{OUTSIDE}/{name}{suffix}" for suffix in ("", *(f"-{count}" for count in range(2, len(taken) + 3))))
        return next(place for place in names if place not in taken)


def _default(plan: BackupPlan, warnings: list[str]) -> Iterator[Entry]:
    """The running script, and the sources in its directory."""
    script = plan.script if plan.script is not None and plan.script.is_file() else None
    if script is not None and _is_installed(script):
        script = None  # a command such as pytest: the code of interest is where it was started
    directory = os.path.realpath(os.curdir if script is None else script.parent)
    top = os.path.relpath(directory, os.path.realpath(plan.project_root)).replace(os.sep, "/")
    top = "" if top == os.curdir or top.split("/")[0] == os.pardir else top
    if script is not None:
        yield Entry(os.path.realpath(script), f"{top}/{script.name}" if top else script.name)
    if not _is_too_wide(directory):
        yield Entry(directory, top, sources_only=True)
    else:
        kept = "only the script is kept" if script else "no code is kept"
        warnings.append(f"{directory} is no project, so {kept}; list what to keep in BACKUP_CONFIG.backup_code_dir")


def _is_installed(script: Path) -> bool:
    """Whether a script is a command of the Python installation."""
    return script.parent == Path(sys.executable).parent or bool({"site-packages", "dist-packages"} & {*script.parts})


def _is_too_wide(directory: str) -> bool:
    import tempfile  # noqa: PLC0415 - 6 ms that a project with its own list need not pay

    wide = {os.path.realpath(path) for path in (*_TOO_WIDE, tempfile.gettempdir(), Path.home())}
    return directory in wide or os.path.dirname(directory) == directory
