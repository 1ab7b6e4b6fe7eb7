"""Give back the code and the parameters that a run started with."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from rla.artifacts.code.listing import CodeList, read_list, verify_code
from rla.core.layout import CHECKOUT, CODE, LOG
from rla.errors import ReproduceError
from rla.fsio.claim_dir import make_dirs
from rla.fsio.safe_move import Spot, opened, parent_of, read_file
from rla.runs.run import Run

_LARGEST: Final = 2**30


@dataclass
class Checkout:
    """What was given back.

    Attributes:
        directory: Where it lies.
        files: How many files.
        left_out: What the backup did not keep, and why.
    """

    directory: Path
    files: int = 0
    left_out: list[tuple[str, str]] = field(default_factory=list)

    @property
    def beside(self) -> Path:
        """Where that lies which is no part of the code: ``parameter.yaml``, and what others add."""
        return self.directory / CHECKOUT

    def add(self, name: str, content: bytes) -> None:
        """Put a file there; what the code has in that place is never overwritten, nor written through.

        Raises:
            OSError: The disk refused, or the name is taken.
        """
        _write(Spot(self.directory, f"{CHECKOUT}/{name}"), content, mode=0o666)


def checkout(run: Run, directory: Path) -> Checkout:
    """Write the code of a run into a new or empty directory, and its ``parameter.yaml`` into one inside.

    Every file is compared with the hash that was taken at the run's start, and gets the name that it had
    in the project. The copies can be changed.

    Args:
        run: The run.
        directory: Where to; it is made.

    Raises:
        ReproduceError: The run kept no code, its code is not what it was, or the directory is not empty.
        RunNotFoundError: The run's files are not on this machine.
        OSError: The disk refused; nothing of it is left.
    """
    code = _code_of(run)
    if directory.is_dir() and any(directory.iterdir()):
        raise ReproduceError(f"{directory} is not empty: name a directory that is not there yet", uid=run.uid)
    was_there = directory.is_dir()
    done = Checkout(directory, len(code.files), [(path, reason) for path, reason in code.left_out])
    make_dirs(done.beside)
    try:
        _add_parameters(run, done)
        for path in code.files:
            _copy(run, path, Spot(directory, code.renamed.get(path, path)))
        for path, text in code.links.items():
            _link(Spot(directory, code.renamed.get(path, path)), _renamed_target(path, text, code))
    except BaseException:
        shutil.rmtree(directory, ignore_errors=True)
        if was_there:
            directory.mkdir(exist_ok=True)
        raise
    return done


def _code_of(run: Run) -> CodeList:
    paths = run.require_paths()
    try:
        code = read_list(paths.directory(CODE))
    except (OSError, ValueError, TypeError, RecursionError):
        commit = run.row["git_commit"]
        hint = f"; its commit was {commit}" if commit else ""
        raise ReproduceError(f"run {run.uid} kept no code (BACKUP_CODE){hint}", uid=run.uid) from None
    if changed := verify_code(paths.directory(CODE)):
        shown = ", ".join(changed[:5]) + (", ..." if len(changed) > 5 else "")  # noqa: PLR2004 - five fit a line
        where = paths.directory(CODE)
        raise ReproduceError(f"the code of run {run.uid} is not what it started with: {shown} in {where}", uid=run.uid)
    return code


def _copy(run: Run, path: str, target: Spot) -> None:
    """A path of the list is data: it never leads out of either directory, nor through a link."""
    source = Spot(run.require_paths().root / CODE, f"{run.require_paths().place}/{path}")
    with parent_of(source) as old:
        content = read_file(old, source.name, _LARGEST)
        is_program = os.stat(source.name, dir_fd=old, follow_symlinks=False).st_mode & 0o100
    _write(target, content, mode=0o777 if is_program else 0o666)


def _renamed_target(path: str, text: str, code: CodeList) -> str:
    """Where a link leads, by the name that this has in the project."""
    folder = os.path.dirname(path)  # noqa: PTH120 - text all along
    named = code.renamed.get(os.path.normpath(f"{folder}/{text}" if folder else text))
    return text if named is None else os.path.relpath(named, folder or os.curdir)


def _link(spot: Spot, text: str) -> None:
    with parent_of(spot, make=True) as parent:
        os.symlink(text, spot.name, dir_fd=parent)


def _add_parameters(run: Run, done: Checkout) -> None:
    paths = run.require_paths()
    name = paths.parameters(LOG).name
    with opened(Spot(paths.root / LOG, paths.place)) as log:
        try:
            content = read_file(log, name, _LARGEST)
        except FileNotFoundError:
            return
    done.add(name, content)


def _write(spot: Spot, content: bytes, *, mode: int) -> None:
    with parent_of(spot, make=True) as parent:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(spot.name, flags, mode, dir_fd=parent), "wb") as file:
            file.write(content)
