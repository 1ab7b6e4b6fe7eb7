"""``rla show``: all that the table knows of one run."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rla_scripts.options import data_root_option, json_option, open_named, run_argument
from rla_scripts.output import echo_json, echo_table, moment, printable

if TYPE_CHECKING:
    from rla.runs.run import Run

_FIELDS = (
    *("task", "name", "origin", "host", "pid", "user", "cwd", "argv"),
    *("parent_uid", "batch", "job", "seed", "exit_code", "tags", "notes"),
)


@click.command("show")
@run_argument
@click.option("--env", "environment", is_flag=True, help="Show its git state, packages and machine instead.")
@click.option("--diff", is_flag=True, help="Print the changes to its code that were not committed, as a patch.")
@data_root_option
@json_option
def command(run: str, environment: bool, diff: bool, data_root: Path | None, as_json: bool) -> None:
    """Show all that is known of a run.

    State, times, hyperparameters, recorded values, places, losses, the error that ended it, and its lineage: the
    runs that it goes on from, and those that go on from it.

    RUN is a uid or the beginning of one, a time stamp, or `last`.
    """
    from rla.runs.lineage import ancestors, children

    database = open_named(data_root)
    found = database.find(run)
    if environment or diff:
        _show_captured(found, diff=diff, as_json=as_json)
        return
    before, after = ancestors(database, found), children(database, found)
    if as_json:
        echo_json({**found.as_dict(), "ancestors": [each.uid for each in before], "children": [c.uid for c in after]})
    else:
        _show(found)
        _show_lineage([*before, found, *after] if before or after else [], found)


def _show_captured(run: Run, *, diff: bool, as_json: bool) -> None:
    from rla.core import json_codec
    from rla_scripts.show_environment import show_diff, show_environment

    try:
        record = json_codec.loads(run.require_paths().manifest.read_bytes())
    except ValueError as error:
        raise click.ClickException(f"{run.require_paths().manifest} is damaged: {error}") from None
    if as_json:
        echo_json({key: record.get(key) for key in ("git", "environment")})
    else:
        (show_diff if diff else show_environment)(record)


def _show(run: Run) -> None:
    from rla.core.hyperparams import flatten, value_text

    row = run.row
    told = {"uid": run.uid, "state": run.state, **{name: row[name] for name in _FIELDS}}
    _section("run", {**told, "argv": shlex.join(row["argv"] or []), "tags": ", ".join(row["tags"] or [])})
    _section("time", {name: moment(row[name]) for name in ("started", "ended", "heartbeat")} | {"step": run.time_step})
    _section("hyperparameters", {key: value_text(value) for key, value in flatten(run.hyperparameters)})
    _show_summary(run)
    _section("places", {f"root {place.root_id}": place.path for place in row["places"]})
    _section("values that could not be written", row["lost"] or {})
    if row["damaged"]:
        _section("damaged", {"reason": row["damaged"]})
    if row["error"]:
        click.echo(f"\nerror\n{printable_lines(row['error'])}")


def _show_lineage(family: Sequence[Run], shown: Run) -> None:
    """A line for each run that this one goes back to, for itself, and for each that goes on from it."""
    if family:
        click.echo("\nlineage")
        echo_table(
            (">" if run is shown else "", run.uid, run.state, _step(run), run.row["created"], run.tracked)
            for run in family
        )


def _step(run: Run) -> str:
    return "" if run.time_step is None else f"step {run.time_step}"


def _show_summary(run: Run) -> None:
    ranges = run.row["summary_range"] or {}
    if run.summary:
        click.echo("")
        names = ("min", "max", "mean")
        rows = [(key, last, *(ranges.get(key, {}).get(name) for name in names)) for key, last in run.summary.items()]
        echo_table([("recorded", "last", *names), *rows])


def _section(title: str, values: dict[str, Any]) -> None:
    shown = {key: value for key, value in values.items() if value not in (None, "", [])}
    if shown:
        click.echo(("" if title == "run" else "\n") + title)
        echo_table((f"  {key}", value) for key, value in shown.items())


def printable_lines(text: str) -> str:
    """A traceback with its line ends and nothing else that moves the cursor."""
    return "\n".join(printable(line) for line in text.splitlines())
