"""``rla logs``: what a run wrote for people."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rla_scripts.options import data_root_option, json_option, open_named, run_argument
from rla_scripts.output import printable

if TYPE_CHECKING:
    from rla.runs.database import Database

POLL_SECONDS = 0.5


@click.command("logs")
@run_argument
@click.option("-f", "--follow", is_flag=True, help="Go on until the run ends.")
@data_root_option
@json_option
def command(run: str, follow: bool, data_root: Path | None, as_json: bool) -> None:
    """Print a run's log.txt.

    RUN is a uid or the beginning of one, a time stamp, or `last`. With --json, each line is one JSON object.
    """
    import msgspec

    database = open_named(data_root)
    found = database.find(run)
    for line in _lines(database, found.uid, found.require_paths().text, follow=follow):
        click.echo(msgspec.json.encode({"line": line}) if as_json else printable(line))


def _lines(database: Database, uid: str, file: Path, *, follow: bool) -> Iterator[str]:
    """Every whole line, and with ``follow`` those to come while the run is recorded."""
    offset, rest = 0, b""
    while True:
        going = follow and database.find(uid).is_open
        if file.exists():
            with file.open("rb") as opened:
                opened.seek(offset)
                data = opened.read()
            offset += len(data)
            *whole, rest = (rest + data).split(b"\n")
            yield from (line.decode("utf-8", "replace") for line in whole)
        if not going:
            break
        time.sleep(POLL_SECONDS)
    if rest:
        yield rest.decode("utf-8", "replace")
