"""Run the command of a stored run again, with its code, its arguments and its seed, as a new run."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, Final

from rla.artifacts.code.listing import read_list
from rla.core import origins
from rla.core.layout import CODE
from rla.core.manifest import Manifest
from rla.core.redact import MASK
from rla.easy_log.reproducing import ROOT_VARIABLE, SOURCE_VARIABLE
from rla.errors import ReproduceError
from rla.manage.checkout import Checkout, checkout
from rla.manage.packages_lock import LOCK_FILE, Difference, differences, lock_text
from rla.runs import machine
from rla.runs.database import Database, open_database
from rla.runs.named import data_root_of
from rla.runs.run import Run
from rla.store.rebuild import read_run
from rla.store.schema import runs

_SETTINGS: Final = (
    *("PYTHONHASHSEED", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS"),
    *("CUBLAS_WORKSPACE_CONFIG", "NVIDIA_TF32_OVERRIDE", "TF_DETERMINISTIC_OPS", "TF_ENABLE_ONEDNN_OPTS"),
)
"""The recorded variables that results depend on and that cannot make a process run something else."""


@dataclass(frozen=True)
class Reproduction:
    """A command that is ready to be run again.

    Attributes:
        run: The run that is reproduced.
        code: Its code, given back.
        command: The program and its arguments.
        cwd: Where it is run.
        settings: Variables of the environment that are as they were.
        differences: How today's environment differs from that of the run.
        foreign: Why the command is not known to be the user's own; empty when it is.
    """

    run: Run
    code: Checkout
    command: list[str]
    cwd: Path
    settings: dict[str, str]
    differences: list[Difference]
    foreign: str

    def command_line(self) -> str:
        """The command as a shell takes it."""
        return shlex.join(self.command)

    def environment(self, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
        """The environment of the command: its code comes first, and its run goes to the database of the old one."""
        top = str(self.code.directory)
        paths = [top, os.path.join(top, "src"), environ.get("PYTHONPATH", "")]  # noqa: PTH118 - text all along
        root = str(data_root_of(self.run))
        return {
            **{name: value for name, value in environ.items() if not name.startswith("RLA_")},
            **self.settings,
            "PYTHONPATH": os.pathsep.join(filter(None, paths)),
            "RLA_DATA_ROOT": root,
            ROOT_VARIABLE: root,
            SOURCE_VARIABLE: str(self.run.require_paths().manifest),
        }


def prepare(run: Run, directory: Path) -> Reproduction:
    """Give back the code of a run, write the list of its packages, and work out its command; nothing is run.

    Args:
        run: The run.
        directory: A new or empty directory for the code.

    Raises:
        ReproduceError: The run kept no code, or it is not known how it was started.
        RunNotFoundError: The run's files are not on this machine.
        OSError: The disk refused.
    """
    record = read_run(run.require_paths())[0]
    files = _files_of(run)
    script = _script_in(record, files)
    code = checkout(run, directory.absolute())
    code.add(LOCK_FILE, lock_text(record.environment).encode("utf-8"))
    return Reproduction(
        run=run,
        code=code,
        command=_command(record, script, files, code.directory),
        cwd=_working_directory(record, script, code.directory),
        settings=_settings(record.environment),
        differences=differences(record.environment),
        foreign=foreign(run, record),
    )


def foreign(run: Run, record: Manifest) -> str:
    """Why the command of a run may be somebody else's; empty where this user recorded it on this machine."""
    found = run.require_paths().manifest.stat()
    if hasattr(os, "geteuid") and found.st_uid != os.geteuid():
        return f"its files belong to user {found.st_uid}"
    if record.user != machine.user_name():
        return f"{record.user or 'somebody'} recorded it"
    if record.host != machine.host_name():
        return f"it was recorded on {record.host or 'another machine'}"
    return "" if record.origin != origins.IMPORTED else "it was imported"


def carry_out(reproduction: Reproduction) -> tuple[int, Run | None]:
    """Run the command and wait for it; what it prints is seen as it comes.

    Returns:
        Its exit code, and the new run that it recorded, or None.

    Raises:
        OSError: It could not be started.
    """
    root = data_root_of(reproduction.run)
    before = {each.uid for each in _children(open_database(root), reproduction.run)}
    reproduction.cwd.mkdir(parents=True, exist_ok=True)
    code = subprocess.run(  # noqa: S603 - the user's own command, or one that was shown and trusted
        reproduction.command, cwd=reproduction.cwd, env=reproduction.environment(), check=False
    ).returncode
    new = [each for each in _children(open_database(root), reproduction.run) if each.uid not in before]
    return code, new[0] if new else None


def _children(database: Database, run: Run) -> list[Run]:
    return [database.run_of(row) for row in database.table.rows(where=[runs.c.parent_uid == run.uid])]


def _files_of(run: Run) -> set[str]:
    try:
        return set(read_list(run.require_paths().directory(CODE)).files)
    except (OSError, ValueError, TypeError, RecursionError):
        return set()  # checkout tells it better


def _script_in(record: Manifest, files: set[str]) -> str:
    """The path of the script among the run's code.

    Raises:
        ReproduceError: There is none.
    """
    if any(MASK in argument for argument in record.argv):
        raise ReproduceError(
            f"an argument of run {record.uid} was a secret and is not stored: `rla checkout` gives the code, then run "
            f"it yourself: {shlex.join(record.argv)}",
            uid=record.uid,
        )
    if record.origin == origins.SWEEP:
        raise ReproduceError(
            f"run {record.uid} is a variant of the grid {record.batch!r}, and no script of its own: "
            "`rla checkout` gives the code that there is; run the grid again with its values",
            uid=record.uid,
        )
    started = PurePath(record.cwd, record.argv[0]) if record.argv and record.argv[0] not in {"", "-c", "-"} else None
    parts = () if started is None else PurePath(os.path.normpath(started)).parts
    for begin in range(1, len(parts)):
        if "/".join(parts[begin:]) in files:
            return "/".join(parts[begin:])
    what = "at a prompt, in a notebook or with -c" if started is None else f"from {started}, which is not in its code"
    raise ReproduceError(
        f"run {record.uid} was started {what}: `rla checkout` gives the code that there is", uid=record.uid
    )


def _command(record: Manifest, script: str, files: set[str], directory: Path) -> list[str]:
    """The script by its path; one that lies in a package as a module, as it must have been started."""
    package = PurePath(script).parent
    if f"{package}/__init__.py" in files:
        module = script.removesuffix(".py").replace("/", ".").removesuffix(".__main__")
        return [sys.executable, "-m", module, *record.argv[1:]]
    return [sys.executable, str(directory / script), *record.argv[1:]]


def _working_directory(record: Manifest, script: str, directory: Path) -> Path:
    """Where the run was started, if that was in its project; else the top of its code."""
    started = PurePath(os.path.normpath(PurePath(record.cwd, record.argv[0])))
    top = PurePath(*started.parts[: len(started.parts) - len(PurePath(script).parts)])
    cwd = PurePath(record.cwd)
    return directory / cwd.relative_to(top) if cwd.is_relative_to(top) else directory


def _settings(environment: Mapping[str, Any]) -> dict[str, str]:
    recorded = environment.get("variables")
    known = recorded if isinstance(recorded, Mapping) else {}
    return {name: str(known[name]) for name in _SETTINGS if name in known}
