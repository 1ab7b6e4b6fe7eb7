"""``rla reindex``: make the table anew from the directories."""

from __future__ import annotations

from pathlib import Path

import click

from rla_scripts.options import data_root_option, json_option, named_database
from rla_scripts.output import echo_json, printable


@click.command("reindex")
@data_root_option
@json_option
def command(data_root: Path | None, as_json: bool) -> None:
    """Make the table again from the directories.

    Reads every run's files, brings the table to what they say, and tells what is damaged.
    """
    report = open_named(data_root).reindex()
    if as_json:
        echo_json({"runs": report.runs, "damaged": [vars(damage) for damage in report.damaged]})
        return
    click.echo(f"{report.runs} runs")
    for damage in report.damaged:
        click.echo(f"damaged: {printable(damage.path)}: {printable(damage.reason)}", err=True)
