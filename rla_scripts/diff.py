"""``rla diff``: what two runs do not have in common."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rla_scripts.options import data_root_option, json_option, open_named
from rla_scripts.output import echo_json, moment, printable, visible

if TYPE_CHECKING:
    from rla.manage.compare import Change, Comparison
    from rla.manage.compare_code import FileChange
    from rla.runs.run import Run

SECTIONS = ("run", "hyperparameters", "environment", "summary")
COLORS = {"-": "red", "+": "green", "@": "cyan"}


@click.command("diff")
@click.argument("old", metavar="RUN")
@click.argument("new", metavar="RUN")
@click.option("--code/--no-code", default=True, show_default=True, help="Also compare the code, line by line.")
@data_root_option
@json_option
def command(old: str, new: str, code: bool, data_root: Path | None, as_json: bool) -> None:
    """Show what differs between two runs.

    Hyperparameters, environment, last values, and the code line by line; what is the same is left out.

    RUN is a uid or the beginning of one, a time stamp, or `last`.
    """
    from rla.manage.compare import compare

    database = open_named(data_root)
    runs = database.find(old), database.find(new)
    found = compare(*runs, code=code)
    if as_json:
        echo_json(_as_dict(runs, found))
    else:
        _print(runs, found)


def _print(runs: tuple[Run, Run], found: Comparison) -> None:
    for mark, run in zip("-+", runs, strict=True):
        _line(mark, f"{run.uid}  {moment(run.row['started'])}  {run.task}  {run.tracked}")
    for name in SECTIONS:
        _section(name, getattr(found, name))
    if found.code:
        click.echo("\ncode")
        for file in found.code:
            _file(file)
    for remark in found.remarks:
        click.echo(f"note: {printable(remark)}", err=True)
    if found.is_empty:
        click.echo("no differences", err=True)


def _section(name: str, changes: Sequence[Change]) -> None:
    from rla.core.hyperparams import value_text
    from rla.manage.compare import ABSENT

    if changes:
        click.echo(f"\n{name}")
        width = max(len(printable(change.key)) for change in changes)
    for change in changes:
        for mark, value in (("-", change.old), ("+", change.new)):
            if value is not ABSENT:
                _line(mark, f"{printable(change.key).ljust(width)}  {printable(value_text(value))}")


def _file(file: FileChange) -> None:
    if file.reason:
        click.echo(f"{file.kind} {printable(file.path)}: {printable(file.reason)}")
    for line in file.lines:
        _code_line(line)


def _line(mark: str, text: str) -> None:
    click.secho(f"{mark} {printable(text)}", fg=COLORS[mark])


def _code_line(line: str) -> None:
    """Exact in a pipe; on a terminal escaped."""
    if sys.stdout.isatty():
        click.secho(visible(line), fg=COLORS.get(line[:1]))
    else:
        click.echo(line.encode("utf-8", "surrogateescape"))


def _as_dict(runs: tuple[Run, Run], found: Comparison) -> dict[str, Any]:
    from rla.manage.compare import ABSENT

    told: dict[str, Any] = {"runs": [run.uid for run in runs]}
    for name in SECTIONS:
        changes = {change.key: {"old": change.old, "new": change.new} for change in getattr(found, name)}
        told[name] = {
            key: {side: value for side, value in sides.items() if value is not ABSENT} for key, sides in changes.items()
        }
    return {**told, "code": [vars(file) for file in found.code], "remarks": found.remarks}
