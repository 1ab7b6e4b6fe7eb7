"""``rla path``: where a run's files are."""

from __future__ import annotations

from pathlib import Path

import click

from rla.core.layout import KINDS
from rla_scripts.options import data_root_option, json_option, open_named, run_argument
from rla_scripts.output import echo_json


@click.command("path")
@run_argument
@click.option("--kind", default="log", show_default=True, type=click.Choice(KINDS), help="Which of its directories.")
@data_root_option
@json_option
def command(run: str, kind: str, data_root: Path | None, as_json: bool) -> None:
    """Print a run's directory.

    RUN is a uid or the beginning of one, a time stamp, or `last`.
    """
    paths = open_named(data_root).find(run).require_paths()
    if as_json:
        echo_json({name: str(paths.directory(name)) for name in KINDS if paths.directory(name).is_dir()})
    else:
        click.echo(str(paths.directory(kind)))
