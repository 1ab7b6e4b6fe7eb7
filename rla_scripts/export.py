"""``rla export``: runs as a table for other programs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rla_scripts.options import data_root_option, json_option, open_named
from rla_scripts.output import NOTHING_MATCHED, visible
from rla_scripts.selecting import selection_options

if TYPE_CHECKING:
    from rla.core.selection import Selection


@click.command("export")
@selection_options
@click.option("--sort", help="Sort by a column, a hyperparameter or summary.<key>; with - before it, greatest first.")
@click.option("--limit", type=click.IntRange(min=1), help="How many runs at most.")
@click.option(
    "--format", "kind", type=click.Choice(["csv", "json", "latex"]), default="csv", show_default=True, help="As what."
)
@click.option("--columns", metavar="NAME,...", help="Only these columns, as task,lr,summary.return.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write this file instead of stdout.")
@click.option("--force", is_flag=True, help="Replace the file if it is there.")
@data_root_option
@json_option
def command(
    *,
    selection: Selection,
    sort: str | None,
    limit: int | None,
    kind: str,
    columns: str | None,
    output: Path | None,
    force: bool,
    data_root: Path | None,
    as_json: bool,
) -> int:
    """Write runs as CSV, JSON or LaTeX.

    RUN is a uid or the beginning of one, a time stamp, or `last`. Texts that a spreadsheet would take for a formula
    get a ' before them. --json is --format json.
    """
    from rla.manage.export import export, write_export
    from rla.runs.query import select_runs

    runs = select_runs(open_named(data_root), selection, sort=sort, limit=limit)
    if not runs:
        click.echo("no runs", err=True)
        return NOTHING_MATCHED
    chosen = None if columns is None else [name.strip() for name in columns.split(",")]
    text = export(runs, "json" if as_json else kind, chosen)
    if output is None:
        _print(text)
    else:
        write_export(output, text, force=force)
    return 0


def _print(text: str) -> None:
    """Exact in a pipe; on a terminal escaped."""
    if sys.stdout.isatty():
        text = "\n".join(map(visible, text.split("\n")))
    click.echo(text.encode("utf-8"), nl=False)
