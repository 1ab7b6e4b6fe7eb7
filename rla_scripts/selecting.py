"""The options that say which runs, the same on every command that takes several."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, TypeVar

import click

from rla.errors import SelectionError
from rla_scripts.output import printable

if TYPE_CHECKING:
    from rla.core.selection import Selection
    from rla.runs.database import Database
    from rla.runs.run_list import RunList

_Command = TypeVar("_Command", bound=Callable[..., Any])

_OPTIONS = (
    click.argument("uids", nargs=-1, metavar="[RUN]..."),
    click.option("--task", help="Only runs of this task."),
    click.option("--where", help="Only runs for which this is true: \"lr <= 1e-3 and env_id == 'Hopper-v4'\"."),
    click.option("--regex", help="Only runs in whose <task>/<index name> this regular expression is found."),
    click.option("--glob", help="Only runs whose YYYY/MM/DD/<index name> this shell pattern fits."),
    click.option("--since", help="Only runs started then or later: 2026-03-01, 2026-03-01T21:13, 3h, 2d, 1w."),
    click.option("--until", help="Only runs started before; a date alone means its end."),
    click.option("--tag", help="Only runs with this tag."),
    click.option("--batch", help="Only runs of this batch."),
    click.option("--archived", is_flag=True, help="Also runs of which only an archived copy is left."),
)
_NAMES = ("uids", "task", "where", "regex", "glob", "since", "until", "tag", "batch", "archived")


class BadSelectionError(click.ClickException):
    """The command line says which runs in a way that cannot be read."""

    exit_code = 2

    def show(self, file: IO[Any] | None = None) -> None:
        """As other errors are shown: the message may have lines that mark the place."""
        lines = [printable(line) for line in self.message.splitlines()]
        click.echo("rla: " + "\n".join(lines), file=file, err=file is None)


def selection_options(command: _Command) -> _Command:
    """Uids and all the options; the command gets them as one argument, ``selection``."""

    @functools.wraps(command)
    def with_selection(*arguments: Any, **options: Any) -> Any:
        from rla.core.selection import Selection

        parts = {name: options.pop(name) for name in _NAMES}
        selection = Selection(**parts, all=options.pop("every", False))
        with usage_errors():
            return command(*arguments, selection=selection, **options)

    for option in reversed(_OPTIONS):
        with_selection = option(with_selection)
    return with_selection  # type: ignore[return-value]  # click's decorators keep no signature


def all_option(command: _Command) -> _Command:
    """``--all``, for commands that refuse to take every run unless they are told so; below the other options."""
    return click.option("--all", "every", is_flag=True, help="Yes, also if that is every run.")(command)


@contextmanager
def usage_errors() -> Iterator[None]:
    """A selection that cannot be read is a wrong command line, exit code 2."""
    try:
        yield
    except SelectionError as error:
        raise BadSelectionError(str(error)) from None


def tell_glob_reading(database: Database, selection: Selection, chosen: RunList) -> None:
    """Whoever comes from RLA may have written a shell pattern: say so when it would select other runs.

    Args:
        database: Where the runs are.
        selection: What selected them.
        chosen: All runs that it selected.
    """
    from rla.runs.query import glob_reading

    other = glob_reading(database, selection, chosen)
    if other is not None:
        here = f"{len(chosen)} run{'s' * (len(chosen) != 1)}"
        note = f"this regular expression selects {here}; read as a shell pattern (--glob), it would select {other}"
        click.echo(f"note: {note}", err=True)
