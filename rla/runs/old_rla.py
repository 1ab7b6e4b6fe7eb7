"""A run that RLA stored: found by its time stamp, its hyperparameters read from text. Its pickle is never opened."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from glob import escape
from pathlib import Path
from typing import Any, Final

from rla.core.hyperparams import normalise
from rla.core.layout import ARCHIVE_TESTER, CHECKPOINT, CODE, HYPERPARAMETER, LOG, MANIFEST_FILE

_BACKUP_LINE: Final = re.compile(r"^\[BACKUP\] \d+ : key: (.*?), value: (.*)$", re.MULTILINE)
_STAMP: Final = re.compile(r"\d{4}/\d\d/\d\d/[\d-]+")


@dataclass(frozen=True)
class OldRun:
    """What RLA left of one run.

    Attributes:
        directories: Its directories, by kind.
        pickle: Its pickled manager, which nobody opens, or None.
    """

    directories: dict[str, Path]
    pickle: Path | None

    def hyperparameters(self) -> dict[str, Any]:
        """From ``parameter.yaml``, ``parameter.json`` or the lines of ``backup.txt``; empty without any."""
        for kind in (LOG, HYPERPARAMETER, CODE):
            for name, read in _READERS.items():
                file = self.directories.get(kind, Path()) / name
                if kind in self.directories and file.is_file() and (found := read(file.read_text("utf-8"))):
                    return normalise(found)
        return {}

    def checkpoints(self) -> list[Path]:
        """The files of its checkpoint directory."""
        directory = self.directories.get(CHECKPOINT)
        return [] if directory is None else sorted(file for file in directory.iterdir() if file.is_file())


def find_old_run(root: Path, task: str, stamp: str) -> OldRun | None:
    """The run of RLA whose time stamp begins so; None when there is none, or it is one of ours."""
    if not _STAMP.fullmatch(stamp):
        return None
    day, _, clock = stamp.rpartition("/")
    directories = {}
    for kind in (LOG, CHECKPOINT, CODE, HYPERPARAMETER):
        found = sorted((root / kind / task / day).glob(f"{escape(clock)}*/"))
        if found:
            directories[kind] = found[0]
    pickle = next(iter(sorted((root / ARCHIVE_TESTER / task / day).glob(f"{escape(clock)}*.pkl"))), None)
    is_ours = LOG in directories and (directories[LOG] / MANIFEST_FILE).exists()
    return None if is_ours or not (directories or pickle) else OldRun(directories, pickle)


def _from_yaml(text: str) -> Any:
    import yaml  # noqa: PLC0415 - only for such a file

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return None


def _from_json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _from_backup(text: str) -> dict[str, Any]:
    return {key: _value(value) for key, value in _BACKUP_LINE.findall(text)}


def _value(text: str) -> Any:
    spelled = {"None": None, "True": True, "False": False}
    if text in spelled:
        return spelled[text]
    try:
        return json.loads(text)
    except ValueError:
        return text


_READERS: Final[dict[str, Callable[[str], Any]]] = {
    "parameter.yaml": _from_yaml,
    "parameter.json": _from_json,
    "backup.txt": _from_backup,
}
