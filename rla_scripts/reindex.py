"""``rla reindex``: make the table anew from the directories."""

from __future__ import annotations

from pathlib import Path

import click

from rla.core.wording import counted
from rla_scripts.options import data_root_option, json_option, named_database
from rla_scripts.output import echo_json, printable


@click.command("reindex")
@data_root_option
@json_option
def command(data_root: Path | None, as_json: bool) -> None:
    """Make the table again from the directories.

    Reads every run's files, brings the table to what they say, and tells what is damaged.
    An index that cannot be read is moved aside, never deleted.
    """
    from rla.runs.database import reindex

    report, moved = reindex(*named_database(data_root))
    if as_json:
        damaged = [vars(damage) for damage in report.damaged]
        echo_json({"runs": report.runs, "damaged": damaged, "moved": moved})
        return
    if moved:
        click.echo(f"the old index could not be read; it is now {printable(moved)}", err=True)
    click.echo(counted(report.runs, "run"))
    for damage in report.damaged:
        click.echo(f"damaged: {printable(damage.path)}: {printable(damage.reason)}", err=True)
