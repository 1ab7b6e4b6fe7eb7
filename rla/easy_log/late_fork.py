"""Let a run that has started, and recorded nothing yet, begin with what another run recorded and kept."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from rla.core.layout import EVENT_FILES, RunPaths
from rla.errors import ResumeError
from rla.runs.fork import KEPT_KINDS, Fork


def refuse_begun(paths: RunPaths, dumped_step: int | None) -> None:
    """Nothing that a run has recorded or kept may be lost among what it takes over.

    Raises:
        ResumeError: It has values or files already.
    """
    if dumped_step is not None:
        raise ResumeError(f"this run has recorded values up to step {dumped_step}: fork before the first dump")
    for file in _kept(paths):
        raise ResumeError(f"this run has {file} already: fork before it keeps anything")


def take_over_files(fork: Fork, paths: RunPaths, uid: str) -> None:
    """Put the values and files of the source in the place of the run's own, which are empty; no file may be open.

    Raises:
        OSError: Something could not be copied; nothing of it is left.
    """
    _remove_values(paths)
    try:
        fork.take_values(paths)
        fork.take_kinds(paths, uid)
    except BaseException:
        _remove_values(paths)
        for file in _kept(paths):
            shutil.rmtree(file) if file.is_dir() and not file.is_symlink() else file.unlink()
        raise


def _remove_values(paths: RunPaths) -> None:
    for file in (paths.csv, paths.json, *paths.events.glob(EVENT_FILES)):
        file.unlink(missing_ok=True)


def _kept(paths: RunPaths) -> Iterator[Path]:
    for kind in KEPT_KINDS:
        if paths.directory(kind).is_dir():
            yield from (file for file in paths.directory(kind).iterdir() if file != paths.marker(kind))
