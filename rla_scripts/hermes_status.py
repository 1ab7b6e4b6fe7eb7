"""``hermes status`` and ``hermes watch``: how a batch stands, from the table."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rla_scripts.options import data_root_option, json_option, open_named
from rla_scripts.output import NOTHING_MATCHED, echo_json, printable

if TYPE_CHECKING:
    from rla.batch.status import BatchStatus
    from rla.runs.database import Database

SHOWN = 20


@click.command("status")
@click.option("-n", "--name", help="Which batch; else the newest one.")
@data_root_option
@json_option
def status(name: str | None, data_root: Path | None, as_json: bool) -> int:
    """Show how a batch stands: how many jobs in each state, what failed, when it will be through."""
    found = _look(data_root, name)
    if as_json:
        echo_json(None if found is None else found.as_dict())
    elif found is None:
        _tell_of_none(data_root, name)
    else:
        click.echo("\n".join(lines_of(found)))
    return NOTHING_MATCHED if found is None else 0


@click.command("watch")
@click.option("-n", "--name", help="Which batch; else the newest one.")
@click.option(
    "--interval", default=2.0, show_default=True, type=click.FloatRange(min=0.1), help="Seconds between looks."
)
@data_root_option
def watch(name: str | None, interval: float, data_root: Path | None) -> int:
    """Watch a batch until it is through, or until Ctrl-C."""
    found = _look(data_root, name)
    if found is None:
        _tell_of_none(data_root, name)
        return NOTHING_MATCHED
    if sys.stdout.isatty():
        _draw(found, interval, data_root)
    else:
        while not found.is_over:
            click.echo(found.summary)
            time.sleep(interval)
            found = _look(data_root, found.name, found.origin) or found
        click.echo("\n".join(lines_of(found)))
    return 0


def lines_of(found: BatchStatus) -> list[str]:
    """A batch in a few lines, without what could move the cursor."""
    return [printable(line) for line in found.lines()]


def _look(data_root: Path | None, name: str | None, origin: str = "") -> BatchStatus | None:
    from rla.batch.status import status_of

    return status_of(_database(data_root), name, origin)


def _tell_of_none(data_root: Path | None, name: str | None) -> None:
    from rla.batch.status import batch_names

    names = batch_names(_database(data_root))
    known = f"there are {', '.join(names[:SHOWN])}{', ...' * (len(names) > SHOWN)}" if names else "there is none yet"
    click.echo(printable(f"there is no batch {name!r}; {known}" if name else "there is no batch yet"), err=True)


def _database(data_root: Path | None) -> Database:
    """That of every command; else the directory in which hermes, by its settings, keeps the experiments."""
    from rla.hermes.execution import experiments_of

    return open_named(data_root, otherwise=lambda: experiments_of(Path.cwd()))


def _draw(found: BatchStatus, interval: float, data_root: Path | None) -> None:
    """Draw it again and again, in place, until it is over."""
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    with Live(console=Console(), auto_refresh=False, vertical_overflow="crop") as live:
        while True:
            live.update(Text("\n".join(lines_of(found)), no_wrap=True, overflow="ellipsis"), refresh=True)
            if found.is_over:
                return
            time.sleep(interval)
            found = _look(data_root, found.name, found.origin) or found
