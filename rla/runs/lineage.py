"""Which runs go on from which."""

from __future__ import annotations

from collections.abc import Sequence

from rla.runs.continuable import identity
from rla.runs.database import Database
from rla.runs.run import Run
from rla.store.schema import runs


def ancestors(database: Database, run: Run) -> list[Run]:
    """The runs that a run goes back to, the oldest first; those that were deleted end the list."""
    found: list[Run] = []
    seen = {run.uid}
    parent = run.row["parent_uid"]
    while parent and parent not in seen and (row := database.table.get(parent)) is not None:
        seen.add(parent)
        found.append(database.run_of(row))
        parent = row["parent_uid"]
    return found[::-1]


def children(database: Database, run: Run) -> list[Run]:
    """The runs that go on from a run, the oldest first."""
    rows = database.table.rows(where=[runs.c.parent_uid == run.uid])
    return [database.run_of(row) for row in reversed(rows)]


def last_of_families(found: Sequence[Run]) -> list[Run]:
    """Of runs of the same task and hyperparameters that go on from each other only the last, in their order.

    A run that goes on from another begins with its values, so the last one has the whole curve. Where
    several go on from one, each of them stays; and one whose child has other hyperparameters stays, too.
    """
    parents = {run.row["parent_uid"] for run in found if run.row["parent_uid"] is not None}
    if not parents:
        return list(found)
    continued = {(run.row["parent_uid"], run.task, identity(run.hyperparameters)) for run in found}
    return [
        run
        for run in found
        if run.uid not in parents or (run.uid, run.task, identity(run.hyperparameters)) not in continued
    ]
