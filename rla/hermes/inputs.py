"""What must be there before a job starts: its script, the files that are copied first, a name for each file."""

from __future__ import annotations

import glob
import os
import shutil
from functools import cache
from pathlib import Path, PurePath
from typing import Final

from rla.errors import HermesFileError
from rla.hermes.command import Command
from rla.hermes.info import ARGUMENTS_FILE, INFO_FILE, RE_EXECUTION_FILE
from rla.hermes.options import JobOptions
from rla.hermes.source import Line

_OWN: Final = frozenset(
    {"run.json", "state.json", "notes.json", "stdout.log", "stderr.log", "exit_code"}
    | {INFO_FILE, ARGUMENTS_FILE, RE_EXECUTION_FILE}
)
"""The files of a run's directory that hermes writes."""


def check_command(command: Command, line: Line, directory: Path) -> None:
    """Make sure that a job's interpreter and script are there.

    Raises:
        HermesFileError: They are not.
    """
    path = dict(command.environment).get("PATH", os.environ.get("PATH", os.defpath))
    program = command.before[0]
    if _program(program, directory, path) is None:
        raise _wrong(line, program, _no_program(program, directory))
    script = directory / command.script
    if not (command.is_module or command.is_program) and not _is_file(script):
        raise _wrong(line, command.script, f"the script {command.script} is not there: {script}")


def check_files(options: JobOptions, line: Line, directory: Path) -> None:
    """Make sure that what is copied before the job is there, and that no two files get one name.

    Raises:
        HermesFileError: They do not.
    """
    for pattern in options.copy_before:
        if not matches(pattern, directory):
            raise _wrong(line, pattern, f"-cb {pattern}: there is no such file in {directory}")
    names: dict[str, str] = {}
    for pattern in (*options.copy_before, *options.copy_after, *options.move_after):
        for path in matches(pattern, directory) or _named(pattern, directory):
            name = PurePath(os.path.normpath(path)).name
            if name in _OWN:
                raise _wrong(line, pattern, f"{pattern} has the name of a file that hermes writes: rename it")
            other = names.setdefault(name, pattern)
            if other != pattern:
                raise _wrong(line, pattern, f"{other} and {pattern} would both become {name}: rename one of them")


def matches(pattern: str, directory: Path) -> list[Path]:
    """The files and directories that a name or pattern stands for, sorted."""
    exact = directory / pattern
    if os.path.lexists(exact):
        return [exact]
    found = glob.glob(pattern, root_dir=directory, recursive=True, include_hidden=False)  # noqa: PTH207 - also absolute
    return [directory / name for name in sorted(found)]


def _named(pattern: str, directory: Path) -> list[Path]:
    """What a name will stand for once it is there; a pattern may stand for anything."""
    return [] if glob.has_magic(pattern) else [directory / pattern]


@cache
def _is_file(path: Path) -> bool:
    return path.is_file()


@cache
def _program(name: str, directory: Path, path: str) -> str | None:
    if "/" in name:
        return shutil.which(directory / name)
    return shutil.which(name, path=path)


def _no_program(name: str, directory: Path) -> str:
    file = directory / name
    if "/" in name and file.is_file():
        return f"{name} is not executable: run  chmod +x {file}"
    if "/" in name:
        return f"there is no program {name} in {directory}"
    advice = f": write {'python,' if file.suffix == '.py' else 'bash,'} {name}" if file.is_file() else ""
    return f"there is no program {name} on the PATH{advice}"


def _wrong(line: Line, text: str, message: str) -> HermesFileError:
    return line.error(message, max(0, line.text.find(text)))
