"""What ``rla reproduce`` tells the command that it runs: where the new run goes, and whose it is."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from rla.core import json_codec
from rla.core.manifest import Manifest, decode
from rla.runs.create import RunRequest

SOURCE_VARIABLE: Final = "RLA_REPRODUCES"
"""Holds the path of the ``run.json`` that is reproduced."""
ROOT_VARIABLE: Final = "RLA_REPRODUCES_ROOT"
"""Holds the data root that every run of the process goes to, whatever the script says."""


def forced_root(environ: Mapping[str, str] = os.environ) -> Path | None:
    """The data root that beats the script's own; None outside a reproduction."""
    return Path(environ[ROOT_VARIABLE]) if environ.get(ROOT_VARIABLE) else None


def reproduced_uid(request: RunRequest, environ: Mapping[str, str] = os.environ) -> str | None:
    """The run that a new one reproduces: one of the same task and hyperparameters; None for any other."""
    if not environ.get(SOURCE_VARIABLE):
        return None
    try:
        source = decode(Path(environ[SOURCE_VARIABLE]).read_bytes(), Manifest)
    except (OSError, ValueError):
        return None
    is_same = source.task == request.task and _text(source.hyperparameters) == _text(request.hyperparameters)
    return source.uid if is_same else None


def _text(hyperparameters: Mapping[str, object]) -> bytes:
    return msgspec.json.encode(json_codec.encode(hyperparameters), order="deterministic")
