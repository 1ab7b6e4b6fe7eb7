"""``rla ls``: the table of runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rla_scripts.options import data_root_option, json_option, open_named
from rla_scripts.output import NOTHING_MATCHED, echo_json, echo_table, moment, pairs
from rla_scripts.selecting import selection_options, tell_glob_reading

if TYPE_CHECKING:
    from rla.core.selection import Selection
    from rla.runs.database import Database
    from rla.runs.run_list import LightRow, RunList

HEADER: tuple[object, ...] = ("RUN", "STATE", "TASK", "STARTED", "STEP", "TRACKED", "LAST VALUES")


@click.command("ls")
@selection_options
@click.option("--sort", help="Sort by a column, a hyperparameter or summary.<key>; with - before it, greatest first.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(min=1), help="How many at most.")
@data_root_option
@json_option
def command(selection: Selection, sort: str | None, limit: int, data_root: Path | None, as_json: bool) -> int:
    """List runs, newest first.

    RUN is a uid or the beginning of one, a time stamp, or `last`. Runs are listed that satisfy all options.
    """
    from rla.runs.query import select_runs

    database = open_named(data_root)
    if selection.regex:
        every = select_runs(database, selection, sort=sort)
        tell_glob_reading(database, selection, every)
        runs = every[:limit]
    else:
        runs = select_runs(database, selection, sort=sort, limit=limit)
    if as_json:
        echo_json([run.as_dict() for run in runs])
    elif runs:
        _print(database, runs, sort or "")
    else:
        click.echo("no runs" + (f" of task {selection.task!r}" if selection.task else ""), err=True)
    return 0 if runs else NOTHING_MATCHED


def _print(database: Database, runs: RunList, sort: str) -> None:
    """A line for each run; where it lies only when one of them lies on another machine or root."""
    damaged, elsewhere = database.damaged(runs.uids), database.elsewhere(runs.uids)
    lines = [HEADER]
    for row in runs.rows:
        state = "damaged" if row.uid in damaged else row.state
        lines.append((row.uid[:8], state, *_rest(row, sort)))
    if elsewhere:
        places = ["PLACE", *(elsewhere.get(row.uid, "") for row in runs.rows)]
        lines = [(*line[:3], place, *line[3:]) for line, place in zip(lines, places, strict=True)]
    echo_table(lines)


def _rest(row: LightRow, sort: str) -> tuple[object, ...]:
    summary = _sorted_first(row.summary or {}, sort)
    return (
        row.task,
        moment(row.started)[:-3],
        row.time_step,
        row.tracked.replace("&", " "),
        pairs(summary, limit=3),
    )


def _sorted_first(summary: dict[str, Any], sort: str) -> dict[str, Any]:
    """The last values, the one that the runs are sorted by before the others."""
    first = {key: value for key, value in summary.items() if key in sort}
    return {**first, **summary}
