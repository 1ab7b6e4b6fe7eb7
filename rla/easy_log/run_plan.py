"""How the next run is to be recorded, worked out of its settings before anything of it exists."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rla.artifacts.code.plan import BackupPlan
from rla.core.config import RlaConfig
from rla.core.layout import RootPaths
from rla.easy_log.losses import warn
from rla.easy_log.recorder import Callback
from rla.runs.create import RunRequest

if TYPE_CHECKING:
    from rla.runs.fork import Fork


@dataclass(frozen=True)
class RunPlan:
    """A run that is about to start.

    Attributes:
        root: The data root.
        request: What the run is to be.
        log_used: The formats of its values.
        callback: Called with each dumped row.
        framework: Whose checkpoints it saves.
        code: What is backed up of its code, or None for nothing.
        fork: What it takes over from a run that it continues, or None.
        environment_of: The directory whose git state is captured, or None for no capture at all.
    """

    root: RootPaths
    request: RunRequest
    log_used: Sequence[str]
    callback: Callback | None = None
    framework: str = "torch"
    code: BackupPlan | None = None
    environment_of: Path | None = None
    fork: Fork | None = None


def code_plan(
    config: RlaConfig, root: RootPaths, *, ignore_file: str | None = None, run_files: Sequence[str] = ()
) -> BackupPlan | None:
    """What a project's configuration says of the code backup.

    Files of ignore patterns that the configuration lists and that are not there are told and passed
    over; one that is named in code must be there.
    """
    if not config.backup_code:
        return None
    return BackupPlan(
        project_root=config.project_root,
        entries=tuple(config.backup_code_dir),
        mode=config.backup_code_by,
        lib_dir=config.lib_dir,
        run_files=(*run_files, *_configuration(config)),
        ignore_files=(Path(ignore_file).absolute(),) if ignore_file else tuple(_listed_ignore_files(config)),
        never=(root.root,),
        script=_running_script(),
    )


def _configuration(config: RlaConfig) -> list[str]:
    """The configuration is part of the code; ``lib`` tells by its run files what the script is."""
    return [str(config.path)] if config.path is not None and config.backup_code_by == "source" else []


def _listed_ignore_files(config: RlaConfig) -> list[Path]:
    listed = [config.project_root / path for path in config.ignore_code_paths]
    for file in listed:
        if not file.is_file():
            warn(f"BACKUP_CONFIG.ignore_code_paths lists {file}, which is not there")
    return [file for file in listed if file.is_file()]


def _running_script() -> Path | None:
    """The file of the main program; None in a notebook, at a prompt, or for ``python -c``.

    In the process of a grid's variant it is the script that runs the grid.
    """
    main = sys.modules.get("__main__")
    file = getattr(main, "__file__", None) or getattr(main, "__script__", None)
    return Path(file).absolute() if file else None
