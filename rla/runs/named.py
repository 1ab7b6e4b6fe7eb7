"""The one run that a name, a selection or a found run means."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from rla.core.layout import ARCHIVED, RootPaths
from rla.core.manifest import Manifest, decode
from rla.core.selection import Selection
from rla.errors import RunNotFoundError
from rla.runs.database import Database
from rla.runs.query import select_runs
from rla.runs.run import Run
from rla.runs.run_list import RunList

WhichRun = str | Run | RunList
_EXPRESSION: Final = re.compile(r"[<>=!]|\b(in|is|not|and|or)\b")
"""What an expression of ``where`` has and no name of a run."""


def one_run(database: Database, which: WhichRun, *, task: str | None = None) -> Run:
    """The run that is meant.

    Args:
        database: Where to look for names.
        which: A uid or the beginning of one, a time stamp, ``last``, an expression as ``where`` has it,
            a run, or a list of one run.
        task: Only a run of this task.

    Raises:
        RunNotFoundError: There is none.
        AmbiguousRunError: There are several; ``candidates`` lists them.
        SelectionError: The expression cannot be read.
    """
    if isinstance(which, Run):
        return which
    if isinstance(which, RunList):
        return which.one()
    if _EXPRESSION.search(which):
        return select_runs(database, Selection(task=task, where=which)).one()
    if not which.strip():
        raise RunNotFoundError(which, hint="give a uid, a time stamp, `last`, or an expression")
    return select_runs(database, Selection(task=task, uids=(which,), archived=True)).one()


def tracked_keys_of(run: Run) -> list[str]:
    """The hyperparameters in a run's index name; none where its ``run.json`` is damaged.

    Raises:
        RunNotFoundError: Its files are not on this machine.
        OSError: They cannot be read.
    """
    try:
        return decode(run.require_paths().manifest.read_bytes(), Manifest).tracked_keys
    except ValueError:
        return []


def data_root_of(run: Run) -> Path:
    """The data root that a run's files are in, be they archived or not.

    Raises:
        RunNotFoundError: They are not on this machine.
    """
    top = run.require_paths().root
    if top.name == ARCHIVED and RootPaths(top.parent).state_dir.is_dir():
        return top.parent
    return top
