"""Find runs: the one way from a selection to the runs it means."""

from __future__ import annotations

import keyword
import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from numbers import Integral
from pathlib import Path
from typing import Any, Final, NamedTuple

from rla.core import states
from rla.core.config import load_config
from rla.core.find_database import find_data_root
from rla.core.hyperparams import flatten
from rla.core.selection import LAST_RUN, IndexText, Selection
from rla.core.setting_kinds import found
from rla.core.uncollected import uncollected
from rla.core.where_expression import parse_name
from rla.core.where_nodes import COLUMNS, HYPERPARAMETER, LAST, RUN, SUMMARY, Expression, Name, names
from rla.errors import AmbiguousRunError, ConfigError, RunNotFoundError, SelectionError
from rla.runs.database import Database, open_database
from rla.runs.run import Run
from rla.runs.run_list import LightRow, RunList
from rla.runs.unknown import nearest
from rla.store.run_table import COLUMNS as TABLE_COLUMNS
from rla.store.tracked_indexes import ensure_indexes
from rla.store.where import WhereSql, created_begins, has_batch, is_open, started_between

_LIVE: Final = frozenset({"state", "ended", "heartbeat", "duration", "time_step", "exit_code", "error"})
"""Columns that a run which has not ended may have changed since it last spoke to the table."""

_PATTERN_COLUMNS: Final = ("uid", "task", "created", "ip", "tracked", "name")
_MOST: Final = 2**63
"""A limit is less than this: databases count so far."""
_LOOKED_AT: Final = 1000
"""How many of the newest runs a message about an unknown name looks at."""


def query(  # noqa: PLR0913 - one keyword per part of a selection
    data_root: str | os.PathLike[str] | None = None,
    *,
    task: str | None = None,
    where: str | None = None,
    regex: str | None = None,
    glob: str | None = None,
    since: str | datetime | None = None,
    until: str | datetime | None = None,
    tag: str | None = None,
    batch: str | None = None,
    archived: bool = False,
    uids: Sequence[str] = (),
    sort: str | None = None,
    limit: int | None = None,
) -> RunList:
    """The runs of a database that a selection means; all of them without one.

    Args:
        data_root: The database's directory; by default it is found by looking upward.
        task: Only runs of this task.
        where: Only runs for which this is true, as ``"lr <= 1e-3 and env_id == 'Hopper-v4'"``.
        regex: Only runs in whose ``<task>/<exact index name>`` this regular expression is found.
        glob: Only runs whose ``YYYY/MM/DD/<index name>`` this shell pattern fits.
        since: Only runs that started then or later: a date, an ISO stamp, or ``2d`` ago.
        until: Only runs that started before; a date alone means its end.
        tag: Only runs with this tag.
        batch: Only runs of this batch.
        archived: Also runs of which only an archived copy is left.
        uids: Only these: uids or unique beginnings of them, time stamps, ``last``.
        sort: A name of the language of ``where`` to sort by, with ``-`` before it for the greatest
            first. Runs without a value come last. By default the newest come first.
        limit: At most so many.

    Raises:
        ConfigError: There is no database.
        SelectionError: The selection cannot be read, or names what no run has.
        RunNotFoundError: One of ``uids`` is no run.
        AmbiguousRunError: One of ``uids`` is several.
        StoreError: The index cannot be read.
    """
    chosen = (uids,) if isinstance(uids, str) or not isinstance(uids, Iterable) else tuple(uids)
    _check_limit(limit)
    selection = Selection(task, where, regex, glob, since, until, tag, batch, archived, uids=chosen)
    return select_runs(open_database(*located(data_root)), selection, sort=sort, limit=limit)


def select_runs(
    database: Database, selection: Selection, *, sort: str | None = None, limit: int | None = None
) -> RunList:
    """The runs that a selection means in an open database; see :func:`query`.

    Raises:
        SelectionError: The selection cannot be read, or names what no run has.
        RunNotFoundError: One of its ``uids`` is no run.
        AmbiguousRunError: One of its ``uids`` is several.
        StoreError: The index cannot be read.
    """
    return _Search(database, selection, sort, limit).runs()


def glob_reading(database: Database, selection: Selection, chosen: RunList) -> int | None:
    """How many runs the regular expression would select if it were read as RLA's shell pattern.

    RLA called its shell patterns regular expressions: whoever comes from there may mean one.

    Returns:
        The number, or None when there is nothing to tell: no regular expression was given, the
        pattern fits no run, or it selects the same ones.
    """
    if not selection.regex:
        return None
    other = select_runs(database, replace(selection, regex=None, glob=selection.regex))
    return len(other) if len(other) and set(other.uids) != set(chosen.uids) else None


class _Order(NamedTuple):
    """What to sort by, and the text it was read from."""

    name: Name
    descending: bool
    text: str


class _Search:
    """One selection on its way through the table."""

    def __init__(self, database: Database, selection: Selection, sort: str | None, limit: int | None) -> None:
        self._database = database
        self._table = database.table
        self._selection = selection
        self._limit = limit
        self._now = time.time()
        self._expression: Expression | None = selection.expression()
        self._order = None if sort is None else _read_order(sort)
        self._fresh: dict[str, Run] = {}

    @uncollected()
    def runs(self) -> RunList:
        used = [] if self._expression is None else list(names(self._expression))
        sorted_by = [] if self._order is None else [self._order.name]
        if any(name.source == SUMMARY or (name.source == RUN and name.key in _LIVE) for name in used + sorted_by):
            self._refresh(self._open_uids())
        if self._selection.task is not None and any(name.source == HYPERPARAMETER for name in used + sorted_by):
            ensure_indexes(self._table, self._selection.task)
        sql = WhereSql(self._table.index.dialect, now=self._now, lost=self._lost())
        self._check_names(sql, used, sorted_by)
        rows = self._rows(sql)
        self._refresh([row.uid for row in rows if row.state in states.OPEN and row.uid not in self._fresh])
        asked = self._selection.where or self._selection.regex or self._selection.glob or "the selection"
        return RunList([self._current(row) for row in rows], self._load, asked)

    def _rows(self, sql: WhereSql) -> list[LightRow]:
        """The rows of the selected runs, in order."""
        where = self._conditions(sql)
        order = [] if self._order is None else sql.order(self._order.name, descending=self._order.descending)
        task, limit = self._selection.task, self._limit
        if self._selection.has_patterns():
            seen = self._table.values(("uid", *IndexText._fields), task, where=where, order=order)
            fits = self._selection.matching([IndexText(*row[1:]) for row in seen])
            chosen = [row[0] for row, fit in zip(seen, fits, strict=True) if fit][:limit]
            where, task, limit = [sql.uid_in(chosen)], None, None
        found = self._table.values(LightRow._fields, task, where=where, order=order, limit=limit)
        return [LightRow._make(row) for row in found]

    def _conditions(self, sql: WhereSql) -> list[Any]:
        selection = self._selection
        since, until = selection.span(self._now)
        where = started_between(since, until)
        if prefix := selection.created_prefix():
            where.append(created_begins(prefix))
        if selection.uids:
            where.append(sql.uid_in([self._uid_of(name) for name in selection.uids]))
        if selection.tag is not None:
            where.append(sql.has_tag(selection.tag))
        if selection.batch is not None:
            where.append(has_batch(selection.batch))
        if self._expression is not None:
            where.append(sql.condition(self._expression))
        if not selection.archived:
            where.append(sql.is_kept())
        return where

    def _uid_of(self, name: str) -> str:
        task = self._selection.task
        found = (
            self._table.rows(task, limit=1, columns=["uid"]) if name == LAST_RUN else self._table.find(name, ["uid"])
        )
        if not found:
            raise RunNotFoundError(name)
        if len(found) > 1:
            raise AmbiguousRunError(name, [str(row["uid"]) for row in found])
        return str(found[0]["uid"])

    # Runs that have not ended

    def _open_uids(self) -> list[str]:
        """The runs of the task that have not ended. The task is not asked for in SQL: it has the wrong index."""
        rows = self._table.rows(columns=["uid", "task"], where=[is_open()])
        return [row["uid"] for row in rows if self._selection.task in {None, row["task"]}]

    def _refresh(self, uids: Sequence[str]) -> None:
        """Read runs from their files: those that have not ended know more than their rows."""
        if uids:
            for row in self._table.rows(where=[WhereSql(self._table.index.dialect).uid_in(uids)]):
                self._fresh[row["uid"]] = self._database.run_of(row)

    def _lost(self) -> list[str]:
        return [uid for uid, run in self._fresh.items() if run.state == states.LOST]

    def _current(self, row: LightRow) -> LightRow:
        run = self._fresh.get(row.uid)
        if run is None:
            return row
        return LightRow._make(run.row[name] for name in row._fields)._replace(state=run.state)

    def _load(self, rows: Sequence[LightRow]) -> list[Run]:
        """The runs of some rows; one that has left the table meanwhile is what was known of it."""
        unread = [row.uid for row in rows if row.uid not in self._fresh]
        whole = self._table.rows(where=[WhereSql(self._table.index.dialect).uid_in(unread)]) if unread else []
        known = self._fresh | {row["uid"]: self._database.run_of(row) for row in whole}
        gone: dict[str, Any] = {**dict.fromkeys(TABLE_COLUMNS), "places": []}
        return [known.get(row.uid) or Run({**gone, **row._asdict()}, None, alive=False) for row in rows]

    # Names

    def _check_names(self, sql: WhereSql, used: Sequence[Name], sorted_by: Sequence[Name]) -> None:
        """That some run has each key: a misspelled one would select nothing in silence.

        Raises:
            SelectionError: One is in no run of the database.
        """
        keys = [replace(name, stat=LAST) for name in (*used, *sorted_by) if name.source != RUN]
        missing = self._missing(sql, keys, self._selection.task)
        if missing and self._selection.task is not None:
            missing = self._missing(sql, missing, None)
        if missing:
            name = missing[0]
            text = (self._selection.where or "").strip()
            if self._order is not None and name == replace(self._order.name, stat=LAST):
                text = self._order.text
            what = "recorded value" if name.source == SUMMARY else "column or hyperparameter"
            message = f"no run has a {what} {name.text}; {nearest(name.text, self._known())}"
            raise SelectionError(message, expression=text, position=name.position)

    def _missing(self, sql: WhereSql, keys: Sequence[Name], task: str | None) -> list[Name]:
        held = self._table.truths([sql.is_held(name, task) for name in keys])
        return [name for name, is_held in zip(keys, held, strict=True) if not is_held]

    def _known(self) -> list[str]:
        """The names that the newest runs have, as one writes them."""
        rows = self._table.rows(self._selection.task, limit=_LOOKED_AT, columns=["hyperparameters", "summary"])
        hyperparameters = {key: None for row in rows for key, _ in flatten(row["hyperparameters"] or {})}
        recorded = {key: None for row in rows for key in row["summary"] or {}}
        return [
            *(_spelled(key, "hp", bare=key not in COLUMNS) for key in hyperparameters),
            *(_spelled(key, "summary", bare=False) for key in recorded),
            *COLUMNS,
        ]


def located(data_root: str | os.PathLike[str] | None) -> tuple[Path, str | None]:
    """The data root, and the address of its index when that is elsewhere.

    Raises:
        ConfigError: There is no database.
    """
    here = Path.cwd()
    config = load_config(None)
    found = find_data_root(data_root, config, os.environ, here)
    if found is None:
        raise ConfigError(f"no database was found from {here} upward; give data_root, or set RLA_DATA_ROOT")
    return found, config.index_url


def _check_limit(limit: Any) -> None:
    if limit is not None and not (isinstance(limit, Integral) and 0 <= int(limit) < _MOST):
        raise SelectionError(f"limit {found(limit)}; give a whole number, or None for all runs")


def _read_order(sort: str) -> _Order:
    if not isinstance(sort, str):
        raise SelectionError(f"sort {found(sort)}; give a name, as '-started' or 'summary.episode_return'")
    text = sort.strip().removeprefix("-").strip()
    name = parse_name(text)
    if name.source == RUN and name.kind == "list":
        raise SelectionError(f"runs cannot be sorted by {name.text}, which is a list", expression=text, position=0)
    return _Order(name, sort.strip().startswith("-"), text)


def _spelled(key: str, prefix: str, *, bare: bool) -> str:
    """A key as an expression names it."""
    if not all(part.isidentifier() and not keyword.iskeyword(part) for part in key.split(".")):
        return f"{prefix}[{key!r}]"
    return key if bare else f"{prefix}.{key}"
