"""``rla setup``: a commented configuration, and what git should ignore."""

from __future__ import annotations

from pathlib import Path

import click

from rla_scripts.options import json_option
from rla_scripts.output import echo_json


@click.command("setup")
@click.option("--data-root", help="Written into the configuration as DATA_ROOT.")
@json_option
def command(data_root: str | None, as_json: bool) -> None:
    """Write rla_config.yaml and .gitignore lines.

    Both go into this directory. A configuration that is there stays as it is, and .gitignore only grows.
    """
    from rla.core.setup_files import write_setup

    report = write_setup(Path.cwd(), data_root)
    if as_json:
        echo_json(vars(report))
    else:
        for line in report.messages:
            click.echo(line)
