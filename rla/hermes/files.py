"""Bring files into an experiment's directory: copy them, move them, never over one another."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

from rla.fsio.atomic_write import temporary_beside
from rla.hermes.inputs import matches


def copy_in(path: Path, target: Path, *, never: Path | None = None) -> Path:
    """Copy a file or a directory. It gets its name when it is whole, so that none is taken for what it is not.

    Args:
        path: What to copy.
        target: The name of the copy; one that is taken gets a number.
        never: A directory that is left out of what is copied: the tree of experiments itself.

    Returns:
        The copy.

    Raises:
        OSError: It could not be copied. Of a directory everything is there that could.
    """
    temporary = temporary_beside(target)
    try:
        lacking = _copy(path, temporary, never)
        copy = temporary.rename(_free(target))
    except OSError:
        _remove(temporary)
        raise
    if lacking is not None:
        raise lacking
    return copy


def move_in(path: Path, target: Path) -> Path:
    """Move a file or a directory; a name that is taken gets a number.

    Returns:
        Where it is now.

    Raises:
        OSError: It could not be moved.
    """
    return Path(shutil.move(path, _free(target)))


def bring(
    patterns: Iterable[str], directory: Path, into: Path, how: Callable[[Path, Path], Path], option: str
) -> list[str]:
    """Copy or move what some patterns stand for; what cannot be brought is told, and nothing else is lost.

    Args:
        patterns: Names and patterns.
        directory: What they are relative to.
        into: The experiment's directory.
        how: :func:`copy_in` or :func:`move_in`.
        option: What asked for it, for messages.
    """
    troubles = []
    for pattern in patterns:
        found = matches(pattern, directory)
        if not found:
            troubles.append(f"{option} {pattern}: there was no such file in {directory} when the job had ended")
        for path in found:
            try:
                how(path, into / Path(os.path.normpath(path)).name)
            except (OSError, shutil.Error) as error:
                troubles.append(f"{option} {path}: {error}")
    return troubles


def collect(identifier: str, directory: Path, into: Path) -> list[str]:
    """Move what carries an identifier in its name out of a directory; what cannot be moved is told."""
    try:
        with os.scandir(directory) as entries:
            names = sorted(entry.name for entry in entries if identifier in entry.name)
    except OSError as error:
        return [f"the working directory could not be searched: {error}"]
    troubles = []
    for name in names:
        try:
            move_in(directory / name, into / name)
        except (OSError, shutil.Error) as error:
            troubles.append(f"{name} could not be moved: {error}")
    return troubles


def _copy(path: Path, target: Path, never: Path | None) -> shutil.Error | None:
    """Copy a file, or what can be copied of a directory; what could not is returned."""
    try:
        if path.is_dir():
            shutil.copytree(path, target, symlinks=True, ignore=_ignoring(never))
        else:
            shutil.copy2(path, target)
    except shutil.Error as error:
        return error
    return None


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)


def _free(target: Path) -> Path:
    number, free = 1, target
    while os.path.lexists(free):
        free = target.with_name(f"{target.stem}~{number}{target.suffix}")
        number += 1
    return free


def _ignoring(never: Path | None) -> Callable[[str, list[str]], set[str]]:
    def ignore(directory: str, names: list[str]) -> set[str]:
        if never is None:
            return set()
        return {name for name in names if Path(directory, name).absolute() == never.absolute()}

    return ignore
