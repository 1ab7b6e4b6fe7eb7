"""Which runs a function means that takes runs in whatever form the caller has them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from rla.errors import PlotDataError
from rla.runs.query import query
from rla.runs.run import Run

Runs: TypeAlias = Sequence[Run] | Run | Mapping[str, Any] | str
"""Runs as ``rla.query`` gives them, a list of them, one run, the keywords of ``rla.query``, or an expression."""


def runs_of(chosen: Runs | None, data_root: str | os.PathLike[str] | None = None) -> list[Run]:
    """The runs that are meant.

    Args:
        chosen: Runs; or a dictionary of :func:`rla.runs.query.query`'s keywords, as ``{"task": "demo"}``;
            or an expression of its ``where``; or None for all runs of the database.
        data_root: The database that they are looked for in; by default it is found by looking upward.

    Raises:
        PlotDataError: There is no such run.
        RlaError: What the query raises.
    """
    if isinstance(chosen, Run):
        return [chosen]
    if chosen is None or isinstance(chosen, (str, Mapping)):
        keywords: dict[str, Any] = {"where": chosen} if isinstance(chosen, str) else dict(chosen or {})
        runs = list(query(keywords.pop("data_root", data_root), **keywords))
    else:
        runs = list(chosen)
    if not runs:
        raise PlotDataError("no run is selected; `rla ls` lists the runs that there are")
    return runs
