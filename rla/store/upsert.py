"""Add rows to the table, or bring them up to date: numbered apart, in one order, no word undone by an older one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, bindparam, case, select

from rla.store import schema
from rla.store.run_row import STATE_COLUMNS, Place
from rla.store.schema import runs

_CHUNK: Final = 500
_Key = tuple[str, str, str, str]
Item = tuple[Mapping[str, Any], Place]
"""A row and where its run lies."""


def upsert_rows(connection: Connection, items: Sequence[Item]) -> None:
    """See :meth:`rla.store.run_table.RunTable.upsert_many`."""
    latest = {row["uid"]: dict(row) for row, _ in items}
    for uids in _chunks(sorted(latest)):  # one order for all writers: no deadlock on PostgreSQL
        batch = [latest[uid] for uid in uids]
        _number(connection, batch)
        alike: defaultdict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
        for row in batch:
            alike[tuple(row)].append(row)
        for names, rows in alike.items():
            connection.execute(_upsert_statement(connection, names), rows)


def _upsert_statement(connection: Connection, names: Sequence[str]) -> Any:
    statement = schema.insert_into(connection, runs)
    new = statement.excluded
    is_older = new.heartbeat < runs.c.heartbeat
    changes = {
        name: case((is_older, runs.c[name]), else_=new[name]) if name in STATE_COLUMNS else new[name]
        for name in names
        if name != "uid"
    }
    statement = statement.values({name: bindparam(name) for name in names})
    if not changes:
        return statement.on_conflict_do_nothing(index_elements=["uid"])
    return statement.on_conflict_do_update(index_elements=["uid"], set_=changes)


def _number(connection: Connection, batch: Sequence[dict[str, Any]]) -> None:
    """Give each row with an index a ``seq`` that no other run with that index has."""
    keyed = [row for row in batch if "created" in row]
    taken = _sequence_numbers(connection, keyed)
    for row in keyed:
        owners = taken[_key(row)]
        own = next((seq for seq, uid in owners.items() if uid == row["uid"]), None)
        seq = row.get("seq", 0) if own is None else own
        row["seq"] = seq if owners.get(seq, row["uid"]) == row["uid"] else max(owners) + 1
        owners[row["seq"]] = row["uid"]


def _sequence_numbers(connection: Connection, rows: Sequence[dict[str, Any]]) -> dict[_Key, dict[int, str]]:
    taken: defaultdict[_Key, dict[int, str]] = defaultdict(dict)
    query = select(runs.c.uid, runs.c.task, runs.c.created, runs.c.ip, runs.c.tracked, runs.c.seq)
    for uid, *key, seq in connection.execute(query.where(runs.c.created.in_({row["created"] for row in rows}))):
        task, created, ip, tracked = key
        taken[task, created, ip, tracked][seq] = uid
    return taken


def _key(row: Mapping[str, Any]) -> _Key:
    return row.get("task", ""), row["created"], row.get("ip", ""), row.get("tracked", "")


def _chunks(items: Sequence[str]) -> Iterable[Sequence[str]]:
    return (items[start : start + _CHUNK] for start in range(0, len(items), _CHUNK))
