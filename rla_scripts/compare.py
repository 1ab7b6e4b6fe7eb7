"""``rla compare``: groups of runs side by side, with intervals."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rla_scripts.options import data_root_option, json_option
from rla_scripts.scoring import print_scores, score_table, scoring_options
from rla_scripts.selecting import selection_options

if TYPE_CHECKING:
    from rla.core.selection import Selection


@click.command("compare")
@selection_options
@scoring_options
@click.option("--baseline", metavar="NAME=VALUE,...", help="What the others are compared with, as algo=ppo.")
@data_root_option
@json_option
def command(
    *, selection: Selection, baseline: str | None, data_root: Path | None, kind: str, as_json: bool, **options: Any
) -> int:
    """Compare groups of runs by their scores.

    For each group: how many runs, mean, interquartile mean (IQM), a bootstrap interval, and with --baseline the
    probability P that a run of it is better than a run of the baseline.

    RUN is a uid or the beginning of one, a time stamp, or `last`. --json is --format json.
    """
    table = score_table(data_root, selection, options, baseline=baseline)
    return print_scores(table, "json" if as_json else kind)
