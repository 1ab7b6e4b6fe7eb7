"""``rla note``: the note of a run."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from rla_scripts.confirming import open_managed, usage_of
from rla_scripts.options import data_root_option, json_option, open_named, run_argument
from rla_scripts.output import echo_json
from rla_scripts.show import printable_lines


@click.command("note")
@run_argument
@click.argument("text", required=False)
@data_root_option
@json_option
def command(run: str, text: str | None, data_root: Path | None, as_json: bool) -> None:
    """Print the note of a run, or write it.

    RUN is a uid or the beginning of one, a time stamp, or `last`. With TEXT its note is this text from now on; `-`
    reads it from stdin, and an empty one removes the note.
    """
    from rla.manage.annotate import note

    if text is None:
        found = open_named(data_root).find(run)
        kept = str(found.row["notes"] or "")
    else:
        database = open_managed(data_root, dry_run=False)
        found = database.find(run)
        kept = sys.stdin.read().rstrip("\n") if text == "-" else text
        with usage_of("TEXT"):
            note(database, found.uid, kept)
    if as_json:
        echo_json({"uid": found.uid, "notes": kept})
    elif text is None and kept:
        click.echo(printable_lines(kept))
