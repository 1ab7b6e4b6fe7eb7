"""What ``rla best`` and ``rla compare`` have in common: their options, and how they print their table."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from rla_scripts.options import open_named
from rla_scripts.output import NOTHING_MATCHED, echo_table, printable

if TYPE_CHECKING:
    from rla.core.selection import Selection
    from rla.easy_plot.score_table import ScoreTable

_Command = TypeVar("_Command", bound=Callable[..., Any])

_OPTIONS = (
    click.option("--metric", required=True, help="What was recorded, as episode_return."),
    click.option(
        "--group-by", metavar="NAME,...", help="Hyperparameters that tell groups apart; else all that differ."
    ),
    click.option("--seeds", default="seed", show_default=True, help="What tells a group's runs apart; or none."),
    click.option("--environment", metavar="NAME", help="Draw runs within each value of this hyperparameter."),
    click.option(
        "--score", default="last", show_default=True, help="last value, or a part like 0.1: mean over the last tenth."
    ),
    click.option(
        "--estimate",
        type=click.Choice(["mean", "median", "iqm", "optimality_gap"]),
        default="iqm",
        show_default=True,
        help="Whose interval.",
    ),
    click.option("--lower-is-better", is_flag=True, help="A low score is the good one, as of a loss."),
    click.option("--level", default=0.95, show_default=True, help="Of the interval."),
    click.option(
        "--format",
        "kind",
        type=click.Choice(["table", "markdown", "latex", "json"]),
        default="table",
        show_default=True,
        help="As what.",
    ),
)
_SETTINGS = ("seeds", "environment", "estimate", "lower_is_better", "level")
_NARROWEST = 8


def scoring_options(command: _Command) -> _Command:
    """All of the options above; the command hands them on as they are."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def score_table(
    data_root: Path | None, selection: Selection, options: dict[str, Any], **more: Any
) -> ScoreTable | None:
    """The table that the options ask for; None when no run is selected.

    Args:
        data_root: Which database.
        selection: Which runs.
        options: Those of :func:`scoring_options`.
        more: Further settings of a comparison.
    """
    from rla.easy_plot.comparison import compare_runs, settings_of
    from rla.runs.query import select_runs

    runs = select_runs(open_named(data_root), selection)
    if not runs:
        return None
    given = {name: options[name] for name in _SETTINGS}
    given["seeds"] = None if given["seeds"] == "none" else given["seeds"]
    settings = settings_of(group_by=options["group_by"], score=_score(options["score"]), **given, **more)
    return compare_runs(runs, options["metric"], settings)


def print_scores(table: ScoreTable | None, kind: str) -> int:
    """Print a table in the form that was asked for; remarks of a plain table go to stderr.

    Returns:
        The exit code.
    """
    if table is None:
        click.echo("no runs", err=True)
        return NOTHING_MATCHED
    if kind == "table":
        _print_table(table)
    else:
        text = {"markdown": table.markdown, "latex": table.latex, "json": table.json}[kind]()
        click.echo(text.encode("utf-8", "backslashreplace"), nl=False)
    return 0


def _print_table(table: ScoreTable) -> None:
    rows = [[("-" if cell is None else cell) for cell in row] for row in table.rows()]
    lines = [[title.upper() if title in {"n", "mean", "low", "high"} else title for title in table.head()], *rows]
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    echo_table(lines if width is None else fitted(lines, len(table.group_by), width))
    for remark in [table.caption(), *table.notes()]:
        click.echo(f"note: {printable(remark)}", err=True)


def fitted(lines: Sequence[Sequence[object]], keys: int, width: int) -> list[list[str]]:
    """A table that fits: names and values of groups are cut so that the numbers beside them are seen.

    Args:
        lines: The rows, the head first.
        keys: How many of the first columns may be cut.
        width: Of the terminal, in characters.
    """
    texts = [[printable(cell) for cell in line] for line in lines]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    while keys and sum(widths) + 2 * (len(widths) - 1) > width and max(widths[:keys]) > _NARROWEST:
        widths[widths.index(max(widths[:keys]))] -= 1
    return [[_cut(text, widths[place]) for place, text in enumerate(line)] for line in texts]


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 3]}..."


def _score(text: str) -> str | float:
    try:
        return float(text)
    except ValueError:
        return text
