"""``rla gc``: empty the trash."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rla.core.wording import counted, size_text
from rla_scripts.carrying_out import interruption_told, report_dict
from rla_scripts.confirming import Deed, Manner, agreed, asking_options, open_managed
from rla_scripts.options import data_root_option
from rla_scripts.output import SOME_FAILED, echo_json, echo_table, moment, printable
from rla_scripts.progress import Bar
from rla_scripts.selecting import usage_errors

if TYPE_CHECKING:
    from rla.manage.report import Report
    from rla.manage.restore import Operation

HEADER = ("OPERATION", "WHAT", "WHEN", "RUNS", "SIZE")


def _age(context: click.Context, option: click.Parameter, value: str) -> timedelta:
    """``30d``, ``12h``, or a date: how long ago that is."""
    from rla.core.moments import parse_moment

    now = time.time()
    with usage_errors():
        age = timedelta(seconds=round(now - parse_moment(value, now), 3))
    if age < timedelta(0):
        raise click.BadParameter(f"{value!r} is in the future", context, option)
    return age


@click.command("gc")
@click.option(
    "--older-than",
    callback=_age,
    default="30d",
    show_default=True,
    help="What was deleted that long ago: 30d, 12h, 0d.",
)
@click.option("--curves", "all_curves", is_flag=True, help="Also empty the cache of curves, which plots fill again.")
@asking_options
@data_root_option
def command(older_than: timedelta, *, all_curves: bool, manner: Manner, data_root: Path | None) -> int:
    """Empty the trash for good.

    What was deleted longer ago than --older-than cannot be restored any more. Backed-up code that no run uses goes
    too, and what was cached of the curves of runs that are gone.
    """
    from rla.manage.gc import collect
    from rla.manage.restore import list_operations

    database = open_managed(data_root, dry_run=manner.dry_run)
    old = [each for each in list_operations(database) if time.time() - each.when >= older_than.total_seconds()]
    if manner.shows:
        _preview(old, err=manner.as_json)
    report = None
    if not manner.dry_run:
        runs = sum(operation.runs for operation in old)
        if old and not agreed(f"Remove {counted(runs, 'run')} for good?", yes=manner.yes):
            return 1
        with Bar("empty the trash") as bar, interruption_told(database, Deed("remove", "removed"), None, runs):
            report = collect(database, older_than=older_than, all_curves=all_curves, progress=bar)
    if manner.as_json:
        told = None if report is None else report_dict(report)
        echo_json({"operations": [vars(operation) for operation in old], "report": told})
    elif report is not None:
        _tell(report)
    return SOME_FAILED if report is not None and report.failed else 0


def _preview(old: list[Operation], *, err: bool) -> None:
    if not old:
        click.echo("nothing in the trash is that old", err=err)
        return
    runs, size = sum(each.runs for each in old), sum(each.bytes for each in old)
    click.echo(f"remove {counted(runs, 'run')} of {counted(len(old), 'operation')}, {size_text(size)}", err=err)
    lines = [(each.id, each.action, moment(each.when), each.runs, size_text(each.bytes)) for each in old]
    echo_table([HEADER, *lines], err=err)


def _tell(report: Report) -> None:
    click.echo(f"emptied {counted(len(report.done), 'operation')}, {size_text(report.bytes)} are free now")
    for name, reason in report.failed:
        click.echo(f"failed: {name}: {printable(reason)}", err=True)
