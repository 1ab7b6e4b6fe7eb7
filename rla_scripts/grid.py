"""``rla grid``: run a function with every combination of its parameters' values."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from rla.core.wording import counted
from rla.errors import JobsFailedError
from rla_scripts.options import data_root_option, json_option, not_empty, read_as
from rla_scripts.output import SOME_FAILED, echo_json, echo_table, pairs

if TYPE_CHECKING:
    from rla.sweep.grid import ExperimentGrid
    from rla.sweep.report import GridReport


@click.group("grid")
def command() -> None:
    """Run a function with many sets of parameters."""


@command.command("run", context_settings={"ignore_unknown_options": True})
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="FUNCTION --PARAMETER VALUE... ...")
@click.option(
    *("--name", "--exp-name", "--exp_name"),
    callback=not_empty,
    help="The grid's name, its batch and its task; else the function's.",
)
@click.option("--jobs", type=click.IntRange(min=1), help="How many variants run at once; else one, or one per GPU.")
@click.option(
    "--gpus",
    callback=read_as("gpu_slots"),
    metavar="0,1",
    help="The GPUs to deal out: each variant sees one; 0:2 for two variants on GPU 0.",
)
@click.option("--resume", is_flag=True, help="Leave out what has finished in an earlier call.")
@click.option("--retries", type=click.IntRange(min=0), help="How often a variant that failed is run again.")
@click.option(
    "--timeout", callback=read_as("span"), metavar="TIME", help="End a variant after this: seconds, or 30m, 12h, 2d."
)
@click.option("--on-failure", type=click.Choice(["continue", "stop"]), help="After a failure; else continue.")
@click.option("--num-cpu", "--num_cpu", "--cpu", metavar="N|auto", help="MPI processes of each variant.")
@click.option("--data-dir", "--data_dir", help="What output directories lie in; else the data root.")
@click.option("--datestamp", "--dt", is_flag=True, help="Put the date into output directories.")
@click.option(
    "--names-from", multiple=True, metavar="MODULE", help="Let names of a module be values, as those of torch.nn."
)
@click.option("--dry-run", is_flag=True, help="Print the variants, and run none.")
@data_root_option
@json_option
@click.pass_context
def run(context: click.Context, /, words: tuple[str, ...], names_from: tuple[str, ...], **options: Any) -> int:
    """Run FUNCTION with every combination of values.

    FUNCTION is module:function, or a YAML file that names it. A parameter is given as --lr 0.001 0.0001, with a
    shorthand for names as --hidden-sizes[hid] [64,64] [32], and inside another as --net:layers 2 3. Values are
    Python literals, else text. What stands behind -- is only parameters, whatever it is called.
    """
    from rla.sweep.command_grid import grid_of, load_function, read_words

    as_json, dry_run, name = options.pop("as_json"), options.pop("dry_run"), options.pop("name")
    asked = read_words(words, names_from)
    function = load_function(asked.function)
    _refuse_ambiguous(context, function)
    grid = grid_of(asked, function)
    _refuse_misspelt(context, grid, function)
    if name is not None:
        grid.name(name)
    settings = {**asked.run, **_said(options)}
    if dry_run:
        _preview(grid, function, settings, as_json=as_json)
        return 0
    try:
        report = grid.run(function, **settings, quiet=as_json)
    except JobsFailedError as error:  # --on-failure stop: what failed has been told
        report = error.report
    if as_json:
        _echo_report(report)
    return 0 if report.succeeded else SOME_FAILED


def _said(options: dict[str, Any]) -> dict[str, Any]:
    """What was said of how to run, as the library takes it."""
    said = {key: value for key, value in options.items() if value is not None and value is not False}
    if said.get("num_cpu", "auto") != "auto":
        said["num_cpu"] = int(said["num_cpu"]) if said["num_cpu"].isdigit() else said["num_cpu"]
    return said


def _refuse_ambiguous(context: click.Context, function: Any) -> None:
    """An option that is also an argument of the function could mean either."""
    from rla.sweep.thunk import signature_of

    for key in signature_of(function).named:
        if key in context.params and context.get_parameter_source(key) is ParameterSource.COMMANDLINE:
            raise click.UsageError(
                f"--{key.replace('_', '-')} is an option of rla and an argument of the function: "
                "put parameters of the function behind --"
            )


def _refuse_misspelt(context: click.Context, grid: ExperimentGrid, function: Any) -> None:
    """A parameter that the function does not take, and that is nearly an option of rla, was meant as that."""
    from rla.sweep.thunk import signature_of

    signature = signature_of(function)
    options = [name for parameter in context.command.params for name in parameter.opts if name.startswith("--")]
    known = [*options, *(f"--{name.replace('_', '-')}" for name in signature.named)]
    for key in grid.keys:
        near = difflib.get_close_matches(f"--{key.replace('_', '-')}", known, n=1, cutoff=0.75)
        if near and near[0] in options and not signature.takes(key.partition(":")[0]):
            raise click.NoSuchOption(f"--{key.replace('_', '-')}", possibilities=near)


def _preview(grid: ExperimentGrid, function: Any, settings: dict[str, Any], *, as_json: bool) -> None:
    lines = grid.preview(function, **settings)
    if as_json:
        echo_json([{"name": name, "output_dir": str(place), "parameters": values} for name, place, values in lines])
        return
    rows: list[tuple[object, ...]] = [("VARIANT", "SEED", "PARAMETERS")]
    rows += [(name, values.pop("seed"), pairs(values)) for name, _, values in lines]
    echo_table(rows)
    click.echo(f"{counted(len(lines), 'variant')} would run without --dry-run", err=True)


def _echo_report(report: GridReport) -> None:
    failures = [{"variant": each.label, "state": each.state, "error": each.error} for each in report.failures]
    echo_json(
        {
            "batch": report.batch,
            "data_root": str(Path(report.data_root)),
            "counts": report.counts,
            "skipped": report.skipped,
            "not_started": report.not_started,
            "failures": failures,
        }
    )
