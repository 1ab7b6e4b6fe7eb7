"""``rla watch``: the runs that are being recorded, a line each."""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rla.core.wording import span
from rla_scripts.options import data_root_option, json_option, open_named
from rla_scripts.output import NOTHING_MATCHED, echo_json, echo_table, pairs, table_lines
from rla_scripts.selecting import selection_options

if TYPE_CHECKING:
    from rla.core.selection import Selection
    from rla.manage.watch import Watch, Watched

HEADER = ("RUN", "TASK", "STEP", "RATE/S", "SINCE", "QUIET", "TRACKED", "LAST VALUES")
NOTHING = "no runs are running"


@click.command("watch")
@selection_options
@click.option("--once", is_flag=True, help="Print them once and end, as in a pipe.")
@click.option(
    "--interval", default=2.0, show_default=True, type=click.FloatRange(min=0.1), help="Seconds between looks."
)
@data_root_option
@json_option
def command(selection: Selection, once: bool, interval: float, data_root: Path | None, as_json: bool) -> int:
    """Watch the running runs until Ctrl-C.

    RUN is a uid or the beginning of one, a time stamp, or `last`. Each line has the step, steps per second, the time
    since the start and since the last record, and the last values.
    """
    from rla.manage.watch import Watch

    watch = Watch(open_named(data_root), selection)
    if sys.stdout.isatty() and not (once or as_json):
        _go_on(watch, interval)
    running = watch.look()
    if as_json:
        echo_json([each.as_dict() for each in running])
    elif running:
        echo_table(_rows(running))
    else:
        click.echo(NOTHING, err=True)
    return 0 if running else NOTHING_MATCHED


def _go_on(watch: Watch, interval: float) -> None:
    """Draw the table again and again, in place; Ctrl-C ends it."""
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    with Live(console=Console(), auto_refresh=False, vertical_overflow="crop") as live:
        while True:
            running = watch.look()
            lines = table_lines(_rows(running), shutil.get_terminal_size().columns) if running else [NOTHING]
            live.update(Text("\n".join(lines), no_wrap=True, overflow="crop"), refresh=True)
            time.sleep(interval)


def _rows(running: list[Watched]) -> list[tuple[object, ...]]:
    return [HEADER, *map(_row, running)]


def _row(each: Watched) -> tuple[object, ...]:
    run = each.run
    rate = "" if each.rate is None else f"{each.rate:.3g}" if abs(each.rate) < 1000 else f"{each.rate:.0f}"  # noqa: PLR2004
    return (
        run.uid[:8],
        run.task,
        run.time_step,
        rate,
        None if each.elapsed is None else span(each.elapsed),
        None if each.quiet is None else span(each.quiet),
        run.tracked.replace("&", " "),
        pairs(run.summary, limit=3),
    )
