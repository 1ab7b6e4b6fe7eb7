"""What the commands that change stored runs share before they begin: which runs, a preview, a question, refusals."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from rla.core.wording import counted, size_text
from rla.errors import ConfigError
from rla_scripts.options import json_option, open_named
from rla_scripts.output import NOTHING_MATCHED, echo_table, moment, printable
from rla_scripts.progress import waiting
from rla_scripts.selecting import BadSelectionError, tell_glob_reading

if TYPE_CHECKING:
    from rla.core.selection import Selection
    from rla.manage.plan import Plan, PlannedRun
    from rla.runs.database import Database

_Command = TypeVar("_Command", bound=Callable[..., Any])
SHOWN: Final = 20
HEADER: Final = ("RUN", "STATE", "STEP", "SIZE", "TASK", "NAME")


class RefusedError(BadSelectionError):
    """The command line asks for something that is not done without being asked for in so many words."""


class NothingMatchedError(BadSelectionError):
    """There is nothing to do it to."""

    exit_code = NOTHING_MATCHED


@dataclass(frozen=True)
class Deed:
    """The words for what a command does.

    Attributes:
        verb: As in ``delete 3 runs``.
        past: As in ``deleted 3 runs``.
        suffix: What follows the runs, as `` to the task demo``.
        undoable: Whether ``rla restore`` takes it back.
    """

    verb: str
    past: str
    suffix: str = ""
    undoable: bool = False

    def told(self, runs: int, *, past: bool = False) -> str:
        """The deed and to how many runs."""
        return f"{self.past if past else self.verb} {counted(runs, 'run')}{self.suffix}"

    def question(self, runs: int) -> str:
        """Whether to do it."""
        told = printable(self.told(runs))
        return f"{told[0].upper()}{told[1:]}?"


@dataclass(frozen=True)
class Manner:
    """How a command was told to go about it.

    Attributes:
        dry_run: Only show.
        yes: Do not ask.
        as_json: Print JSON.
    """

    dry_run: bool
    yes: bool
    as_json: bool

    @property
    def shows(self) -> bool:
        """Whether there is somebody to show a preview to."""
        return not self.as_json or not (self.dry_run or self.yes)


def asking_options(command: _Command) -> _Command:
    """``--dry-run``, ``--yes`` and ``--json``; the command gets them as one argument, ``manner``."""

    @functools.wraps(command)
    def with_manner(*arguments: Any, **options: Any) -> Any:
        manner = Manner(*(options.pop(name) for name in ("dry_run", "yes", "as_json")))
        return command(*arguments, manner=manner, **options)

    yes = click.option("-y", "--yes", is_flag=True, help="Do not ask.")
    dry = click.option("--dry-run", is_flag=True, help="Only show what would be done.")
    return dry(yes(json_option(with_manner)))  # type: ignore[return-value]  # click's decorators keep no signature


def open_managed(data_root: Path | None, *, dry_run: bool) -> Database:
    """The database a command is going to change; what an earlier command could not end is finished first.

    Raises:
        ConfigError: There is none.
        StoreError: Its index cannot be opened.
    """
    from rla.manage.record import journal_of
    from rla.manage.recover import recover

    database = open_named(data_root)
    if not dry_run:
        with waiting("finishing what was broken off"):
            told = recover(database)
        for message in told:
            click.echo(printable(message), err=True)
    elif journal_of(database.root).pending():
        click.echo("note: an operation was broken off; the next command that changes runs finishes it", err=True)
    return database


def frozen(database: Database, selection: Selection, *, small_timestep: int | None = None) -> list[str]:
    """The uids that a selection means, once and for all: whatever happens later, no other run is touched.

    Args:
        database: Where the runs are.
        selection: Which runs.
        small_timestep: Of these only runs that have ended, at this time step or before.

    Raises:
        RefusedError: It may mean every run, and nobody said ``--all``.
        NothingMatchedError: It means none.
        SelectionError: It cannot be read.
    """
    from rla.runs.query import select_runs

    _refuse_empty(selection, narrowed=small_timestep is not None)
    chosen = select_runs(database, selection)
    tell_glob_reading(database, selection, chosen)
    uids = chosen.uids
    if small_timestep is not None:
        uids = [row.uid for row in chosen.rows if _ended_by(row.state, row.time_step, small_timestep)]
    if not uids:
        hint = "" if selection.archived else "; runs of which only the archived copy is left need --archived"
        raise NothingMatchedError(f"no run matches{hint}")
    if not (selection.all or selection.uids):
        _refuse_everything(database, selection, len(uids))
    return uids


@contextmanager
def usage_of(what: str) -> Iterator[None]:
    """An option's value that the library refuses is a wrong command line, exit code 2."""
    try:
        yield
    except ConfigError as error:
        raise RefusedError(f"{what}: {error}") from None


def preview(plan: Plan, deed: Deed, left: Sequence[tuple[PlannedRun, str]], *, err: bool) -> None:
    """Show how many runs, how large, the newest and the oldest, the first twenty, and what is left alone.

    Args:
        plan: What is going to be done.
        deed: The words for it.
        left: What it is not done to, and why.
        err: On stderr, since stdout is for programs.
    """
    runs = sorted(plan.runs, key=lambda run: run.started or 0.0, reverse=True)
    click.echo(f"{printable(deed.told(len(runs)))}, {size_text(plan.bytes)}", err=err)
    if runs:
        click.echo(f"newest {moment(runs[0].started)}, oldest {moment(runs[-1].started)}", err=err)
        echo_table([HEADER, *(_line(run, size_text(run.bytes)) for run in runs[:SHOWN])], err=err)
    _more(len(runs), err=err)
    if left:
        click.echo(f"left alone: {counted(len(left), 'run')}", err=err)
        echo_table([(run.uid[:8], reason, run.name) for run, reason in left[:SHOWN]], err=err)
        _more(len(left), err=err)


def agreed(question: str, *, yes: bool) -> bool:
    """Whether the user wants it.

    Raises:
        RefusedError: There is nobody to ask.
    """
    if yes:
        return True
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise RefusedError("there is no terminal to ask on: nothing was done; say --yes, or look with --dry-run")
    if click.confirm(question, default=False, err=True):
        return True
    click.echo("nothing was done", err=True)
    return False


def _refuse_empty(selection: Selection, *, narrowed: bool) -> None:
    if selection.all:
        return
    if "" in {selection.regex, selection.glob}:
        raise RefusedError("an empty pattern means every run; if that is what you want, say --all")
    patterns = selection.regex is not None or selection.glob is not None
    if selection.is_open and (patterns or (selection.task is None and not narrowed)):
        raise RefusedError("this means every run: say which runs (--task, --where, --regex, ... or uids), or --all")


def _refuse_everything(database: Database, selection: Selection, chosen: int) -> None:
    from rla.core.selection import Selection
    from rla.runs.query import select_runs

    if chosen == len(select_runs(database, Selection(archived=selection.archived))):
        raise RefusedError(f"this is every run of the database ({chosen}); if that is what you want, say --all")


def _ended_by(state: str, time_step: int | None, bound: int) -> bool:
    from rla.core.states import OPEN

    return state not in OPEN and time_step is not None and time_step <= bound


def _line(run: PlannedRun, size: str) -> tuple[object, ...]:
    return run.uid[:8], run.state, run.time_step, size, run.task, run.name


def _more(number: int, *, err: bool) -> None:
    if number > SHOWN:
        click.echo(f"... and {number - SHOWN} more", err=err)
