"""``rla du``: where the disk space is."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from rla.core.wording import size_text
from rla_scripts.options import data_root_option, json_option, open_named
from rla_scripts.output import NOTHING_MATCHED, echo_json, echo_table
from rla_scripts.progress import waiting

_HEADERS = {"task": ("SIZE", "RUNS", "TASK"), "run": ("SIZE", "RUN", "NAME"), "kind": ("SIZE", "RUNS", "KIND")}


@click.command("du")
@click.option("--by", default="task", show_default=True, type=click.Choice(tuple(_HEADERS)), help="What to add up.")
@data_root_option
@json_option
def command(by: Literal["task", "run", "kind"], data_root: Path | None, as_json: bool) -> int:
    """Tell how much disk space the runs take.

    The largest come first. By kind, the trash, unused backed-up code and the cache of curves are counted, too.
    """
    from rla.manage.disk_usage import usage

    database = open_named(data_root)
    with waiting("measuring"):
        lines = usage(database, by)
    if as_json:
        echo_json([vars(line) for line in lines])
    elif lines:
        shown = [
            (size_text(each.bytes), *((each.key[:8], each.name) if by == "run" else (each.runs, each.key)))
            for each in lines
        ]
        echo_table([_HEADERS[by], *shown, (size_text(sum(each.bytes for each in lines)), "", "total")])
    else:
        click.echo("no runs", err=True)
    return 0 if lines else NOTHING_MATCHED
