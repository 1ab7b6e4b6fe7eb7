"""``rla ls``: the table of runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from rla_scripts.options import data_root_option, json_option, open_named
from rla_scripts.output import NOTHING_MATCHED, echo_json, echo_table, moment, pairs

if TYPE_CHECKING:
    from rla.runs.run import Run

HEADER = ("RUN", "STATE", "TASK", "STARTED", "STEP", "TRACKED", "LAST VALUES")


@click.command("ls")
@click.option("--task", help="Only the runs of this task.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(min=1), help="How many, newest first.")
@data_root_option
@json_option
def command(task: str | None, limit: int, data_root: Path | None, as_json: bool) -> int:
    """List the runs, newest first."""
    database = open_named(data_root)
    runs = database.runs(task=task, limit=limit)
    if as_json:
        echo_json([run.as_dict() for run in runs])
    elif runs:
        echo_table([HEADER, *map(_line, runs)])
    else:
        click.echo("no runs" + (f" of task {task!r}" if task else ""), err=True)
    return 0 if runs else NOTHING_MATCHED


def _line(run: Run) -> tuple[object, ...]:
    return (
        run.uid[:8],
        run.state,
        run.task,
        moment(run.row["started"])[:-3],
        run.time_step,
        run.tracked.replace("&", " "),
        pairs(run.summary, limit=3),
    )
