"""``rla reproduce``: run the command of a stored run again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from rla.core.wording import counted
from rla_scripts.confirming import RefusedError, agreed
from rla_scripts.options import data_root_option, json_option, open_named, run_argument
from rla_scripts.output import echo_json, echo_table, printable

if TYPE_CHECKING:
    from rla.manage.reproduce import Reproduction
    from rla.manage.same_curves import Sameness
    from rla.runs.run import Run


@click.command("reproduce")
@run_argument
@click.argument("directory", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
@click.option("--check", is_flag=True, help="Compare the curves with those of the run, and fail when they differ.")
@click.option("--trust", is_flag=True, help="Run the command without asking, whoever recorded it.")
@click.option("--dry-run", is_flag=True, help="Give back the code and show the command; run nothing.")
@data_root_option
@json_option
def command(
    run: str,
    directory: Path | None,
    check: bool,
    trust: bool,
    dry_run: bool,
    data_root: Path | None,
    as_json: bool,
) -> int:
    """Run the command of a run again, as a new run.

    Its code is written into DIR (by default reproduce-<uid> here), with a requirements.lock of its packages in
    DIR/.rla-checkout. How today's environment differs is shown. Then its command runs there, with the same arguments,
    and records a new run in the same database. The command of a run that somebody else recorded, or another machine,
    is shown first.

    RUN is a uid or the beginning of one, a time stamp, `last`, or an expression that one run fulfils.
    """
    from rla.manage.reproduce import carry_out, prepare
    from rla.runs.named import one_run

    found = one_run(open_named(data_root), run)
    ready = prepare(found, directory or Path(f"reproduce-{found.uid[:8]}"))
    _show(ready)
    if dry_run:
        return 0
    if ready.foreign and not trust and not _trusted(ready.foreign):
        return 1
    code, new = carry_out(ready)
    return _tell(found, code, new, check=check, as_json=as_json)


def _trusted(reason: str) -> bool:
    """Whether somebody at a terminal has looked at the command and says yes.

    Raises:
        RefusedError: There is nobody to ask.
    """
    try:
        return agreed(f"{printable(reason)}. Run this command?", yes=False)
    except RefusedError:
        message = f"{reason}: look at the command above; --trust runs it without asking. Nothing was run"
        raise RefusedError(message) from None


def _show(ready: Reproduction) -> None:
    click.echo(f"code: {counted(ready.code.files, 'file')} in {printable(ready.code.directory)}", err=True)
    for path, reason in ready.code.left_out:
        click.echo(f"note: not kept: {printable(path)} ({printable(reason)})", err=True)
    if ready.differences:
        click.echo("today's environment differs:", err=True)
        echo_table([("", "then", "now"), *((f"  {d.name}", d.then, d.now) for d in ready.differences)], err=True)
    for name, value in ready.settings.items():
        click.echo(f"{name}={printable(value)}", err=True)
    click.echo(f"in {printable(ready.cwd)}:\n{printable(ready.command_line())}", err=True)


def _tell(old: Run, code: int, new: Run | None, *, check: bool, as_json: bool) -> int:
    from rla.manage.same_curves import compare_curves

    if code:
        click.echo(f"rla: the command ended with exit code {code}", err=True)
    if new is None:
        click.echo("rla: it recorded no run of this task with these hyperparameters", err=True)
        return 1
    same = None
    if check:
        same = compare_curves(old.require_paths().csv, new.require_paths().csv)
    if as_json:
        echo_json({"uid": new.uid, "parent_uid": old.uid, "exit_code": code, "check": same and _as_dict(same)})
    else:
        click.echo(f"run {new.uid} reproduces {old.uid}")
        if same is not None:
            click.echo(printable(same.verdict()))
    return 1 if code or (same is not None and not same.is_equal) else 0


def _as_dict(same: Sameness) -> dict[str, object]:
    return {"equal": same.is_equal, **vars(same)}
