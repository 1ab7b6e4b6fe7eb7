"""Which runs a function means that takes runs in whatever form the caller has them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from rla.core.setting_kinds import found
from rla.errors import ConfigError, PlotDataError
from rla.runs.query import query
from rla.runs.run import Run
from rla.runs.unknown import nearest

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
        ConfigError: These are no runs, and nothing that says which.
        RlaError: What the query raises.
    """
    if isinstance(chosen, Run):
        return [chosen]
    if chosen is None or isinstance(chosen, (str, Mapping)):
        keywords: dict[str, Any] = {"where": chosen} if isinstance(chosen, str) else dict(chosen or {})
        _check_keywords(keywords)
        runs = list(query(keywords.pop("data_root", data_root), **keywords))
    else:
        runs = _given(chosen)
    if not runs:
        raise PlotDataError("no run is selected; `rla ls` lists the runs that there are")
    return runs


def _check_keywords(keywords: Mapping[Any, Any]) -> None:
    known = ["data_root", *(query.__kwdefaults__ or {})]
    for key in keywords:
        if key not in known:
            message = f"runs cannot be chosen by {key!r}; {nearest(str(key), known)}"
            raise ConfigError(message, key=str(key), allowed=known)


def _given(chosen: Any) -> list[Run]:
    several = list(chosen) if isinstance(chosen, Iterable) else None
    others = [] if several is None else [each for each in several if not isinstance(each, Run)]
    if several is not None and not others:
        return several
    what = f"one of the runs {found(others[0])}" if others else f"the selection of runs {found(chosen)}"
    raise ConfigError(
        f"{what}; give what rla.query gives, its keywords as {{'task': 'demo'}} or {{'uids': ['6f1050a1']}}, "
        "or an expression as 'lr == 0.1'",
        key="runs",
    )
