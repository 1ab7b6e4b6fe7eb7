"""``rla plot``: learning curves as a file, in the terminal, or live."""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rla_scripts.options import data_root_option, json_option, open_named
from rla_scripts.output import NOTHING_MATCHED, PIPED_WIDTH, echo_json, printable
from rla_scripts.selecting import selection_options, tell_glob_reading

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rla.core.selection import Selection
    from rla.easy_plot.figure import Look
    from rla.easy_plot.lines import Plan
    from rla.easy_plot.live import LiveCurves
    from rla.runs.run_list import RunList

NO_TERMINAL = (100, 30)
"""Columns and rows of a picture in a pipe."""


def _two_numbers(_ctx: click.Context, _param: click.Parameter, value: str | None) -> tuple[float, float] | None:
    """Two numbers, as ``0,100``."""
    if value is None:
        return None
    try:
        low, high = (float(part) for part in value.split(","))
    except ValueError:
        raise click.BadParameter(f"{value!r} is not two numbers, as 0,100") from None
    return low, high


@click.command("plot")
@selection_options
@click.option("--metric", "metrics", multiple=True, required=True, help="What to draw; may be given several times.")
@click.option("--group-by", metavar="KEY,...", help="Average runs that agree in these; else in all but the seed.")
@click.option("--one-group", is_flag=True, help="Average all runs.")
@click.option("--seeds", default="seed", show_default=True, help="What runs of a group differ in; or none.")
@click.option("--x", default="time-step", show_default=True, help="time-step, timestamp (hours), or a recorded key.")
@click.option(
    "--estimate", type=click.Choice(["mean", "iqm", "median"]), default="mean", show_default=True, help="Line."
)
@click.option("--band", default="ci95", show_default=True, help="ci95, ci90, ..., std, stderr, minmax or none.")
@click.option("--smooth", help="A width in points, ema:5000, window:11 or symmetric:2.")
@click.option(
    "--align", type=click.Choice(["overlap", "union"]), default="overlap", show_default=True, help="Where to average."
)
@click.option("--points", default=1000, show_default=True, help="How many x values; 0 for all that were recorded.")
@click.option("--panels", default="metric", show_default=True, help="metric, a hyperparameter, or none.")
@click.option("--title", help="Above the figure.")
@click.option("--xlabel", help="Below it.")
@click.option("--ylabel", help="At its left.")
@click.option("--xlim", callback=_two_numbers, metavar="A,B", help="The first and last x that is shown.")
@click.option("--ylim", callback=_two_numbers, metavar="A,B", help="The lowest and highest value that is shown.")
@click.option("--log", is_flag=True, help="A logarithmic axis of values.")
@click.option("--size", callback=_two_numbers, metavar="A,B", help="Width and height in inches.")
@click.option(
    "--legend",
    type=click.Choice(["auto", "inside", "outside", "none"]),
    default="auto",
    show_default=True,
    help="Where.",
)
@click.option("--markers", is_flag=True, help="Mark the lines, for print without colour.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write a figure: .png, .pdf, .svg and others.")
@click.option("--data", type=click.Path(path_type=Path), help="Write the numbers of the figure as CSV.")
@click.option("--force", is_flag=True, help="Replace files that are there.")
@click.option("--live", is_flag=True, help="Draw again and again until no run goes on, or Ctrl-C.")
@click.option(
    "--interval", default=5.0, show_default=True, type=click.FloatRange(min=0.1), help="Seconds between looks."
)
@data_root_option
@json_option
def command(
    *,
    selection: Selection,
    output: Path | None,
    data: Path | None,
    force: bool,
    live: bool,
    interval: float,
    data_root: Path | None,
    as_json: bool,
    **options: Any,
) -> int:
    """Draw learning curves.

    RUN is a uid or the beginning of one, a time stamp, or `last`. Runs that differ in their seed only are averaged.
    Without -o the curves are drawn in plain characters.
    """
    from rla.easy_plot.live import LiveCurves
    from rla.easy_plot.saving import check_figure_path
    from rla.fsio.output_file import check_output
    from rla.runs.query import select_runs

    if live and (data is not None or as_json):
        raise click.UsageError("--live draws; it goes with neither --data nor --json")
    if output is not None:
        check_figure_path(output, force=force)
    if data is not None:
        check_output(data, force=force)
    plan = _plan(options)
    database = open_named(data_root)
    runs = select_runs(database, selection)
    if selection.regex:
        tell_glob_reading(database, selection, runs)
    if live:
        return _go_on(LiveCurves(lambda: select_runs(database, selection), plan), output, options, interval)
    if not runs:
        click.echo("no runs", err=True)
        return NOTHING_MATCHED
    _draw(runs, plan, options, output=output, data=data, as_json=as_json)
    return 0


def _plan(options: dict[str, Any]) -> Plan:
    from rla.easy_plot.bands import Band
    from rla.easy_plot.lines import Plan
    from rla.easy_plot.smoothing import read_smoothing

    keys = options["group_by"]
    return Plan(
        metrics=options["metrics"],
        group_by=[] if options["one_group"] else None if keys is None else [key.strip() for key in keys.split(",")],
        seeds=_unless_none(options["seeds"]),
        x=options["x"],
        band=Band(options["estimate"], _unless_none(options["band"])),
        smoothing=read_smoothing(options["smooth"]),
        align=options["align"],
        points=options["points"] or None,
        panels=_unless_none(options["panels"]),
    )


def _unless_none(text: str) -> str | None:
    return None if text == "none" else text


def _look(options: dict[str, Any]) -> Look:
    from rla.easy_plot.figure import MARKERS, Look

    names = ("title", "xlabel", "ylabel", "xlim", "ylim", "log", "legend")
    chosen = {name: options[name] for name in names}
    return Look(figsize=options["size"], markers=MARKERS if options["markers"] else (), **chosen)


def _draw(
    runs: RunList, plan: Plan, options: dict[str, Any], *, output: Path | None, data: Path | None, as_json: bool
) -> None:
    from rla.easy_plot.learning_curves import draw_lines
    from rla.easy_plot.lines import make_lines
    from rla.easy_plot.saving import save_data, save_figure
    from rla.easy_plot.text_plot import mark_notes, text_plot

    made = make_lines(runs, plan)
    notes = made.notes
    if output is not None or data is not None or as_json:
        drawing = draw_lines(made, plan, _look(options))
        notes = drawing.notes
        if output is not None:
            save_figure(drawing.figure, output, force=True)
        if data is not None:
            save_data(drawing.data, data, force=True)
        if as_json:
            echo_json(drawing.data.to_dict("records"))
    else:
        _print(text_plot(made.lines, plan.x, str(plan.band), *_screen()))
        notes = [*notes, *mark_notes(made.lines)]
    _tell(notes)
    for path in (output, data):
        if path is not None:
            click.echo(f"wrote {path}", err=True)


def _tell(notes: Sequence[str]) -> None:
    for note in notes:
        click.echo(f"note: {printable(note)}", err=True)


def _go_on(curves: LiveCurves, output: Path | None, options: dict[str, Any], interval: float) -> int:
    """Draw until no run goes on, then tell what the last picture lacks; also when it is ended by Ctrl-C."""
    try:
        _follow(curves, output, options, interval)
    finally:
        _tell(curves.notes)
    if curves.trouble and output is None:
        click.echo(printable(curves.trouble), err=True)
    return NOTHING_MATCHED if curves.trouble else 0


def _follow(curves: LiveCurves, output: Path | None, options: dict[str, Any], interval: float) -> None:
    """Draw again and again: into the file, in place on a terminal, or one picture below the other."""
    if output is not None:
        look = _look(options)
        told = [""]

        def keep() -> None:
            curves.save(output, look)
            if curves.trouble != told[-1]:
                told.append(curves.trouble)
                click.echo(printable(curves.trouble) or f"drawing {output}", err=True)

        _until_the_end(curves, interval, keep)
    elif not sys.stdout.isatty():
        _until_the_end(curves, interval, lambda: _print(curves.text(*_screen())))
    else:
        from rich.console import Console
        from rich.live import Live
        from rich.text import Text

        # stdout stays what it is: what rich 14 puts in its place says that it is no terminal
        with Live(console=Console(), auto_refresh=False, vertical_overflow="crop", redirect_stdout=False) as live:

            def show() -> None:
                text = "\n".join(printable(line) for line in curves.text(*_screen()))
                live.update(Text(text, no_wrap=True, overflow="crop"), refresh=True)

            _until_the_end(curves, interval, show)


def _until_the_end(curves: LiveCurves, interval: float, show: Any) -> None:
    show()
    while curves.goes_on:
        time.sleep(interval)
        show()


def _screen() -> tuple[int, int]:
    """Columns and rows for a picture, with room for the line that is typed below it."""
    if not sys.stdout.isatty():
        return NO_TERMINAL
    size = shutil.get_terminal_size()
    return min(size.columns, PIPED_WIDTH), size.lines - 2


def _print(lines: list[str]) -> None:
    for line in lines:
        click.echo(printable(line))
