"""A run as the index knows it: its row, and where its copies lie."""

from __future__ import annotations

from typing import Any, NamedTuple

from rla.core.manifest import Manifest, Notes, State


class Place(NamedTuple):
    """One copy of a run on disk.

    Attributes:
        uid: The run.
        root_id: The data root that holds the copy.
        path: The run's place below each kind, ``<task>/YYYY/MM/DD/<name>``.
        archived: Whether it lies below the root's ``arc``.
    """

    uid: str
    root_id: str
    path: str
    archived: bool = False


def row_of(manifest: Manifest, state: State, notes: Notes) -> dict[str, Any]:
    """The row of a run, made from the three files that are its truth."""
    return {
        **{name: getattr(manifest, name) for name in _FROM_MANIFEST},
        "git_commit": _text(manifest.git.get("commit")),
        "git_dirty": _flag(manifest.git.get("dirty")),
        "hyperparameters": {**manifest.hyperparameters, **state.hyperparameters},
        **state_columns(state),
        "parent_uid": state.parent_uid or manifest.parent_uid,
        "heartbeat": manifest.started if state.heartbeat is None else state.heartbeat,
        "tags": notes.tags,
        "notes": notes.notes,
        "damaged": None,
    }


def state_columns(state: State) -> dict[str, Any]:
    """The part of the row that a run says of itself while it goes on."""
    return {name: getattr(state, name) for name in STATE_COLUMNS}


_FROM_MANIFEST = (
    *("uid", "task", "created", "ip", "tracked", "seq", "name", "origin"),
    *("batch", "job", "host", "pid", "user", "cwd", "argv"),
    *("seed", "started"),
)

STATE_COLUMNS = (
    *("state", "heartbeat", "ended", "exit_code", "error"),
    *("time_step", "summary", "summary_range", "lost", "parent_uid"),
)
"""The columns that ``state.json`` holds, under the same names."""


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _flag(value: object) -> bool | None:
    return None if value is None else bool(value)
