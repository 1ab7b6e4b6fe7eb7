"""``rla best``: the groups of runs with the best scores."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rla_scripts.options import data_root_option, json_option
from rla_scripts.scoring import print_scores, score_table, scoring_options
from rla_scripts.selecting import selection_options

if TYPE_CHECKING:
    from rla.core.selection import Selection


@click.command("best")
@selection_options
@scoring_options
@click.option("--limit", default=10, show_default=True, type=click.IntRange(min=1), help="How many groups at most.")
@data_root_option
@json_option
def command(
    *, selection: Selection, limit: int, data_root: Path | None, kind: str, as_json: bool, **options: Any
) -> int:
    """List the groups of runs with the best scores, best first.

    For each group: how many runs, mean, interquartile mean (IQM) and a bootstrap interval. Where the intervals of two
    groups overlap, their order is uncertain.

    RUN is a uid or the beginning of one, a time stamp, or `last`. --json is --format json.
    """
    table = score_table(data_root, selection, options)
    best = None if table is None else table.best_first(limit)
    return print_scores(best, "json" if as_json else kind)
