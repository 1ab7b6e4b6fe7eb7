"""``hermes``, also ``rla hermes``: run many jobs from one file."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rla_scripts.hermes_console import Console
from rla_scripts.hermes_status import status, watch
from rla_scripts.options import data_root_option, not_empty, once, read_as
from rla_scripts.output import SOME_FAILED

if TYPE_CHECKING:
    from rla.batch.continuing import Wish
    from rla.hermes.execution import Request

INTERRUPTED = 130


def _show_options(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value and not context.resilient_parsing:
        from rla.hermes import options

        lines = (options.__doc__ or "").replace("``", "").splitlines()
        click.echo("\n".join(line for line in lines if not line.startswith(("=", "option "))))
        context.exit()


@click.group("hermes", context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "-ho",
    "--help-options",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_show_options,
    help="Show the options of a job, as they stand in a hermes file.",
)
def command() -> None:
    """Run many jobs from one file.

    Each job is a run of the database, in a directory of its own below experiments/.
    """


def _name(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> str | None:
    return not_empty(context, parameter, once(context, parameter, values))


@command.command("exec", context_settings={"allow_extra_args": True})
@click.option(
    *("-f", "--execution-file"),
    multiple=True,
    callback=once,
    type=click.Path(path_type=Path),
    help="The hermes file.",
)
@click.option(
    *("-e", "--executable"), multiple=True, callback=once, metavar="COMMAND", help="One command, in place of a file."
)
@click.option(
    *("-n", "--name"),
    multiple=True,
    callback=_name,
    help="A name for the batch, and a level of directories below each script's.",
)
@click.option("-c", "--comment", multiple=True, help="A remark on every job. May be given several times.")
@click.option(
    "-j", "--jobs", callback=read_as("count"), metavar="N", help="How many jobs at once; else the setting threads."
)
@click.option("--gpus", callback=read_as("gpu_slots"), metavar="0,1", help="One job per GPU; 0:2 for two on GPU 0.")
@click.option("--retries", type=click.IntRange(min=0), metavar="N", help="Run a job that fails up to N times more.")
@click.option(
    "--timeout", callback=read_as("span"), metavar="TIME", help="End a job after this: seconds, or 30m, 12h, 2d."
)
@click.option("--halt", callback=read_as("count"), metavar="N", help="Start nothing more after N failures.")
@click.option(
    "--memory-free", callback=read_as("size"), metavar="4G", help="Start a job only while so much memory is free."
)
@click.option(
    "--resume", is_flag=True, help="Only what has not succeeded in this batch; what still runs is taken over."
)
@click.option("--retry-failed", is_flag=True, help="Only what failed in this batch.")
@click.option("--skip-done", is_flag=True, help="Not what has succeeded before, in any batch, with the same commit.")
@click.option("--dry-run", is_flag=True, help="Print the exact commands that would run, and run none.")
@click.option("--compile-only", "--compile_only", is_flag=True, help="Print the file with every directive written out.")
@data_root_option
@click.pass_context
def execute(context: click.Context, /, dry_run: bool, compile_only: bool, **options: Any) -> int:
    """Run the jobs of a hermes file.

    The whole file is checked before anything starts. Ctrl-C asks the jobs to end, a second one kills them.
    """
    from rla.hermes.execution import execute as run
    from rla.hermes.execution import make_plan

    _refuse_extra(context.args, options)
    request = _request(options)
    plan = make_plan(request, Path.cwd())
    console = Console(plan)
    if dry_run or compile_only:
        for line in plan.compiled() if compile_only else plan.commands(console, request.wish):
            click.echo(line)
        return 0
    console.begin()
    report = run(plan, console, request.wish)
    console.end(report)
    if report.interrupted:
        return INTERRUPTED
    return 0 if report.succeeded else SOME_FAILED


@command.command("create")
@click.argument("file", type=click.Path(path_type=Path), default="example.hermes")
@click.option("-s", "--script", "--scripts", "scripts", multiple=True, help="A script that the file runs.")
@click.option("-t", "--target-directory", type=click.Path(path_type=Path), default=".", help="Where to write it.")
def create(file: Path, scripts: tuple[str, ...], target_directory: Path) -> None:
    """Write a hermes file to begin with."""
    from rla.hermes.template import write_template

    click.echo(f"wrote {write_template(target_directory / file, scripts)}")


@command.command("help")
@click.argument("name", required=False, metavar="[COMMAND]")
@click.pass_context
def show_help(context: click.Context, name: str | None) -> None:
    """Show the help of a command."""
    parent = context.parent
    assert parent is not None
    if name is None:
        click.echo(parent.get_help())
        return
    found = command.get_command(parent, name)
    if found is None:
        raise click.UsageError(f"there is no command {name!r}; there are {', '.join(command.list_commands(parent))}")
    with click.Context(found, info_name=name, parent=parent) as inner:
        click.echo(found.get_help(inner))


command.add_command(status)
command.add_command(watch)


def _refuse_extra(words: list[str], options: dict[str, Any]) -> None:
    """Words that belong to no option: most often a text of several words that has no quotes."""
    if not words:
        return
    shown = shlex.join(words)
    if options["execution_file"] is None and options["executable"] is None:
        raise click.UsageError(f"{shown} belongs to no option: a hermes file is given as  -f {shlex.quote(words[0])}")
    if options["comment"]:
        whole = shlex.quote(" ".join((options["comment"][-1], *words)))
        raise click.UsageError(f"{shown} belongs to no option: quote a remark of several words, as  -c {whole}")
    raise click.UsageError(f"{shown} belongs to no option: quote what has blanks in it")


def _request(options: dict[str, Any]) -> Request:
    from rla.hermes.execution import Request

    file, executable = options.pop("execution_file"), options.pop("executable")
    if (file is None) == (executable is None):
        raise click.UsageError("give a file with -f, or one command with -e")
    try:
        words = tuple(shlex.split(executable or ""))
    except ValueError as error:
        raise click.UsageError(f"-e: {error}") from None
    if executable is not None and not words:
        raise click.UsageError("-e: the command is empty")
    wish = _wish(options.pop("resume"), options.pop("retry_failed"), options.pop("skip_done"))
    return Request(file=file, command=words, comments=options.pop("comment"), wish=wish, **options)


def _wish(resume: bool, retry_failed: bool, skip_done: bool) -> Wish:
    from rla.batch.continuing import Wish

    if resume + retry_failed + skip_done > 1:
        raise click.UsageError("--resume, --retry-failed and --skip-done exclude one another")
    return Wish.UNDONE if resume else Wish.FAILED if retry_failed else Wish.NEW if skip_done else Wish.EVERYTHING
