"""``rla tb``: TensorBoard on chosen runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from rla_scripts.options import data_root_option, json_option, open_named
from rla_scripts.output import NOTHING_MATCHED, echo_json
from rla_scripts.selecting import selection_options

if TYPE_CHECKING:
    from rla.core.selection import Selection


@click.command("tb")
@selection_options
@click.option("--limit", default=50, show_default=True, type=click.IntRange(min=1), help="How many, newest first.")
@click.option("--port", type=click.IntRange(0, 65535), help="Where it listens; 0 for any free port.")
@click.option("--host", help="The address it listens at; by default only this machine.")
@data_root_option
@json_option
def command(
    selection: Selection, limit: int, port: int | None, host: str | None, data_root: Path | None, as_json: bool
) -> int:
    """Show runs in TensorBoard until Ctrl-C.

    RUN is a uid or the beginning of one, a time stamp, or `last`. Each run is named by its tracked hyperparameters and
    the beginning of its uid. --json only prints the runs' names and event directories.
    """
    from rla.manage.board import check_tensorboard, serve, shown_runs
    from rla.runs.query import select_runs

    found = select_runs(open_named(data_root), selection)
    shown = shown_runs(found[:limit])
    if as_json:
        echo_json([{"label": each.label, "events": str(each.events)} for each in shown])
        return 0 if shown else NOTHING_MATCHED
    if not shown:
        click.echo("none of these runs has TensorBoard events here" if found else "no runs", err=True)
        return NOTHING_MATCHED
    check_tensorboard()
    left = f", the newest of {len(found)}; --limit shows more" if len(found) > limit else ""
    click.echo(f"showing {len(shown)} run{'s' * (len(shown) != 1)}{left}", err=True)
    return 1 if serve(shown, port=port, host=host) else 0
