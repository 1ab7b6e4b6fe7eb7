"""``rla checkout``: the code and the parameters of a run."""

from __future__ import annotations

from pathlib import Path

import click

from rla.core.wording import counted
from rla_scripts.options import data_root_option, open_named, run_argument
from rla_scripts.output import printable


@click.command("checkout")
@run_argument
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@data_root_option
def command(run: str, directory: Path, data_root: Path | None) -> None:
    """Write the code and parameters of a run into DIR.

    DIR is new or empty; the parameters lie in DIR/.rla-checkout, apart from the code. Every file is compared with
    the hash that was taken at the run's start.

    RUN is a uid or the beginning of one, a time stamp, `last`, or an expression that one run fulfils.
    """
    from rla.manage.checkout import checkout
    from rla.runs.named import one_run

    done = checkout(one_run(open_named(data_root), run), directory)
    files = counted(done.files, "file")
    click.echo(f"{files} in {printable(directory)}, and the parameters in {printable(done.beside)}")
    for path, reason in done.left_out:
        click.echo(f"note: not kept: {printable(path)} ({printable(reason)})", err=True)
