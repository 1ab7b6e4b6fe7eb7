"""Steps of the managing commands, each taken out in turn: the sweeps must notice."""

from __future__ import annotations

import errno

from rla.fsio import journal
from rla.manage import archive, copying, delete, gc, migrate, put_back, roll, staging, transfer, trash
from rla.store.run_table import RunTable

nothing = lambda *_arguments, **_options: None


def _log_first(pairs):
    return _publish(reversed(list(pairs)))


_publish = staging.publish


_doom, _empty = gc._doom, gc._empty


def _mark_too_late(root, op, report):
    _empty(root, op, report)
    _doom(root, op)
    _empty(root, op, report)


KILL, EIO = (0, 0), (errno.EIO, 0)
_STEPS = {
    "delete": {
        "no journal": (KILL, (journal.Journal, "write", nothing)),
        "the journal stays": (KILL, (journal.Journal, "keep", nothing)),
        "no rename": (KILL, (trash, "move", nothing)),
        "no rows": (KILL, (RunTable, "remove_places", nothing)),
        "nothing is put back": (EIO, (delete, "take_out_copy", lambda *_arguments: [])),
        "empty dates stay": (KILL, (delete, "drop_empty", nothing)),
    },
    "kinds": {
        "no journal": (KILL, (journal.Journal, "write", nothing)),
        "the journal stays": (KILL, (journal.Journal, "keep", nothing)),
        "the journal keeps what failed": (EIO, (roll, "write_record", nothing)),
    },
    "archive": {
        "no journal": (KILL, (journal.Journal, "write", nothing)),
        "the log first": (KILL, (copying, "publish", _log_first)),
        "no place": (KILL, (archive, "_add_places", nothing)),
        "the journal stays": (KILL, (journal.Journal, "drop", nothing)),
        "no rename": (KILL, (staging, "move", nothing)),
        "recovery: nothing is discarded": (KILL, (archive, "discard", nothing)),
    },
    "restore": {
        "no journal": (KILL, (journal.Journal, "write", nothing)),
        "no rows": (KILL, (put_back, "_bring_rows_back", nothing)),
        "the plan stays": (KILL, (put_back, "_shorten_plan", nothing)),
        "no rename": (KILL, (trash, "move", nothing)),
        "the journal stays": (KILL, (journal.Journal, "drop", nothing)),
    },
    "gc": {
        "nothing is marked": (KILL, (gc, "_doom", nothing)),
        "marked too late": (KILL, (gc, "_doom", nothing), (gc, "_empty", _mark_too_late)),
        "nothing is removed": (KILL, (gc, "remove_leaf", lambda *_arguments: 0)),
    },
    "migrate": {
        "no journal": (KILL, (journal.Journal, "write", nothing)),
        "run.json stays": (KILL, (migrate, "_write_manifest", nothing)),
        "no rows": (KILL, (migrate, "_move_rows", nothing)),
        "no rename": (KILL, (migrate, "move", nothing)),
        "the journal stays": (KILL, (journal.Journal, "keep", nothing)),
    },
    "transfer": {
        "no journal": (KILL, (journal.Journal, "write", nothing)),
        "the log first": (KILL, (copying, "publish", _log_first)),
        "no rows there": (KILL, (transfer, "_add_rows", nothing)),
        "the old place stays": (KILL, (transfer, "put_in_copy", lambda *_arguments: [])),
        "recovery: nothing is discarded": (KILL, (transfer, "discard", nothing)),
    },
}
MUTANTS = {action: [(name, *how) for name, (how, *_) in steps.items()] for action, steps in _STEPS.items()}


def apply(mutant: str) -> None:
    """Take a step out: ``action/name``; nothing for an empty name."""
    if mutant:
        action, _, name = mutant.partition("/")
        for owner, attribute, value in _STEPS[action][name][1:]:
            setattr(owner, attribute, value)
