"""The operations on the index: what a run table can do, each in one transaction."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, Update, and_, bindparam, delete, exists, func, select, update

from rla.core.states import OPEN
from rla.core.uncollected import uncollected
from rla.errors import StoreError
from rla.store import schema
from rla.store.engine import Index
from rla.store.run_row import Place, row_of
from rla.store.schema import places, roots, runs
from rla.store.upsert import Item, upsert_rows

__all__ = ["Place", "RunTable", "row_of"]

COLUMNS: Final = tuple(column.name for column in runs.columns)
"""The names of a row's columns, in order."""

_STAMP: Final = re.compile(r"\d{4}/\d\d/\d\d(/[\d-]*)?")
_LAST_CHARACTER: Final = "\U0010ffff"
_CHUNK: Final = 500


class RunTable:
    """All runs of an index.

    Rows go in and come out as dictionaries by column name, JSON columns decoded. Every method may
    raise :class:`~rla.errors.StoreError`, and :class:`~rla.errors.StoreBusyError` when others
    hold the index for longer than its budget.

    Attributes:
        index: The database; ``index.budget`` is how long a method may wait, in seconds.
    """

    def __init__(self, index: Index) -> None:
        """Work on an open index."""
        self.index = index

    def within(self, budget: float) -> RunTable:
        """The same table, waiting no longer than this: ``table.within(0.5).update(...)``."""
        return RunTable(self.index.within(budget))

    # Writing

    def insert(self, row: Mapping[str, Any], place: Place) -> None:
        """Add a new run.

        Where another run has its index, it takes the next free ``seq``.

        Raises:
            StoreError: The run is in the table already.
        """
        with self.index.write() as connection:
            statement = schema.insert_into(connection, runs).on_conflict_do_nothing()
            result = connection.execute(statement, dict(row), execution_options={"preserve_rowcount": True})
            if result.rowcount == 0:
                if _is_there(connection, row["uid"]):
                    raise StoreError(f"the run {row['uid']} is in the index already")
                upsert_rows(connection, [(row, place)])
            _put_places(connection, [place])

    def upsert(self, row: Mapping[str, Any], place: Place) -> None:
        """Add a run, or bring its row up to date; see :meth:`upsert_many`."""
        self.upsert_many([(row, place)])

    def upsert_many(self, items: Iterable[Item]) -> None:
        """Add runs or bring their rows up to date, all of them or none.

        Doing it again changes nothing. Columns that a row leaves out stay as they are. What a run
        last said of itself is not replaced by an older word (an earlier heartbeat): files may be
        read a moment before the run reports again.

        Args:
            items: Rows with at least ``uid``, each with its place; of rows with the same uid the
                last counts, and every place does.
        """
        items = list(items)
        with self.index.write() as connection:
            upsert_rows(connection, items)
            _put_places(connection, [place for _, place in items])

    def update(self, uid: str, **columns: Any) -> bool:
        """Change columns of a run.

        Returns:
            False when the table has no such run.
        """
        with self.index.write() as connection:
            return connection.execute(_update(tuple(columns)), {"of": uid, **columns}).rowcount == 1

    def add_place(self, place: Place) -> bool:
        """Note another copy of a run.

        Returns:
            False when the table has no such run.
        """
        return not self.add_places([place])

    def add_places(self, new: Sequence[Place]) -> list[Place]:
        """Note other copies of runs.

        Returns:
            Those of runs that the table does not have; they are not noted.
        """
        with self.index.write() as connection:
            unknown = [place for place in new if not _is_there(connection, place.uid)]
            _put_places(connection, [place for place in new if place not in unknown])
        return unknown

    def remove_place(self, place: Place) -> bool:
        """Forget a copy of a run.

        Returns:
            Whether it was the last one, so that the run has left the table.
        """
        return bool(self.remove_places([place]))

    def remove_places(self, gone: Iterable[Place]) -> list[str]:
        """Forget copies of runs, all of them or none.

        Returns:
            The uids of the runs that have left the table with their last place.
        """
        gone = list(gone)
        left = []
        with self.index.write() as connection:
            for uid in sorted({place.uid for place in gone}):
                connection.execute(select(runs.c.uid).where(runs.c.uid == uid).with_for_update())
            for place in gone:
                connection.execute(delete(places).where(*_is_place(place)))
            for uid in dict.fromkeys(place.uid for place in gone):
                homeless = ~exists().where(places.c.uid == uid)
                if connection.execute(delete(runs).where(runs.c.uid == uid, homeless)).rowcount:
                    left.append(uid)
        return left

    def register_root(self, root_id: str, kind: str = "", host: str = "", note: str = "") -> None:
        """Note a directory tree that holds runs, or change what is known of it."""
        about = {"kind": kind, "host": host, "note": note}
        with self.index.write() as connection:
            statement = schema.insert_into(connection, roots).values(root_id=root_id, **about)
            connection.execute(statement.on_conflict_do_update(index_elements=["root_id"], set_=about))

    def set_complete(self, complete: bool = True) -> None:
        """Note whether every run of the tree is in this table."""
        with self.index.write() as connection:
            schema.set_meta(connection, "complete", str(int(complete)))

    # Reading

    def get(self, uid: str) -> dict[str, Any] | None:
        """The row of a run with its ``places``, or None."""
        found = self.rows(where=[runs.c.uid == uid])
        return found[0] if found else None

    def find(self, name: str, columns: Sequence[str] | None = None) -> list[dict[str, Any]]:
        """The runs that a name can mean, newest first.

        Args:
            name: A uid or the beginning of one, ``last``, or a time stamp, ``YYYY/MM/DD`` or more
                of ``YYYY/MM/DD/HH-MM-SS-ffffff``.
            columns: As in :meth:`rows`.
        """
        if name == "last":
            return self.rows(limit=1, columns=columns)
        if _STAMP.fullmatch(name):
            return self.rows(columns=columns, where=[begins(runs.c.created, name)])
        exact = self.rows(columns=columns, where=[runs.c.uid == name])
        if exact or not name:
            return exact
        return self.rows(columns=columns, where=[begins(runs.c.uid, name.lower())])

    def rows(
        self,
        task: str | None = None,
        *,
        limit: int | None = None,
        columns: Sequence[str] | None = None,
        where: Sequence[ColumnElement[bool]] = (),
    ) -> list[dict[str, Any]]:
        """Rows, newest first by (``created``, ``seq``).

        Args:
            task: Only runs of this task.
            limit: At most so many.
            columns: Names of columns, and ``places`` for a list of :class:`Place`; None for all.
            where: Conditions on the columns of :data:`rla.store.schema.runs`.

        Raises:
            KeyError: There is no such column.
        """
        names = [*COLUMNS, "places"] if columns is None else list(columns)
        wanted = ["uid", *(name for name in names if name not in {"uid", "places"})]
        query = _select(wanted, task, where=where, limit=limit)
        with self.index.read() as connection:
            found = [dict(zip(wanted, row, strict=True)) for row in connection.execute(query)]
            if "places" in names:
                _join_places(connection, found)
        return found

    def values(
        self,
        columns: Sequence[str],
        task: str | None = None,
        *,
        where: Sequence[ColumnElement[bool]] = (),
        order: Sequence[ColumnElement[Any]] = (),
        limit: int | None = None,
    ) -> Sequence[Sequence[Any]]:
        """Some columns of rows, as :meth:`rows` but bare: for many of them.

        Args:
            columns: Names of columns.
            task: Only runs of this task.
            where: Conditions, as in :meth:`rows`.
            order: What to sort by; of equal runs the newest come first.
            limit: At most so many.

        Raises:
            KeyError: There is no such column.
        """
        query = _select(columns, task, where=where, order=order, limit=limit)
        with self.index.read() as connection, uncollected():
            return connection.execute(query).all()

    def truths(self, questions: Sequence[ColumnElement[bool]]) -> list[bool]:
        """Whether each of some conditions that need no row is true."""
        if not questions:
            return []
        with self.index.read() as connection:
            return [bool(answer) for answer in connection.execute(select(*questions)).one()]

    def open_rows(self, columns: Sequence[str] | None = None) -> list[dict[str, Any]]:
        """The runs that have not ended, as far as the table knows."""
        return self.rows(columns=columns, where=[runs.c.state.in_(OPEN)])

    def places_of(self, uid: str) -> list[Place]:
        """Every known copy of a run."""
        return self._places(places.c.uid == uid)

    def places_in(self, root_id: str) -> list[Place]:
        """Every known copy below one root."""
        return self._places(places.c.root_id == root_id)

    def tasks(self) -> dict[str, int]:
        """The number of runs of each task, by name."""
        query = select(runs.c.task, func.count()).group_by(runs.c.task).order_by(runs.c.task)
        with self.index.read() as connection:
            return {str(task): int(number) for task, number in connection.execute(query)}

    def roots(self) -> list[dict[str, str]]:
        """The registered directory trees: ``root_id``, ``kind``, ``host``, ``note``."""
        with self.index.read() as connection:
            return [dict(row) for row in connection.execute(select(roots).order_by(roots.c.root_id)).mappings()]

    def is_complete(self) -> bool:
        """Whether the table is known to hold every run: a new one is not, until told."""
        with self.index.read() as connection:
            return schema.get_meta(connection, "complete") == "1"

    def _places(self, condition: ColumnElement[bool]) -> list[Place]:
        query = select(places).where(condition).order_by(*places.columns)
        with self.index.read() as connection:
            return [Place._make(row) for row in connection.execute(query)]


def _select(
    columns: Sequence[str],
    task: str | None,
    *,
    where: Sequence[ColumnElement[bool]],
    order: Sequence[ColumnElement[Any]] = (),
    limit: int | None,
) -> Select[Any]:
    only = [*where] if task is None else [runs.c.task == task, *where]
    by = (*order, runs.c.created.desc(), runs.c.seq.desc(), runs.c.uid)
    if order and limit is not None:  # else the database would sort whole rows, and they are long
        first = select(runs.c.uid).where(*only).order_by(*by).limit(limit).correlate(None)
        only, limit = [runs.c.uid.in_(first)], None
    return select(*(runs.c[name] for name in columns)).where(*only).order_by(*by).limit(limit)


@cache
def _update(columns: tuple[str, ...]) -> Update:
    """Made once: a run says how it stands a thousand times, always with the same columns."""
    return update(runs).where(runs.c.uid == bindparam("of")).values({name: bindparam(name) for name in columns})


def _put_places(connection: Connection, new: Sequence[Place]) -> None:
    rows = [place._asdict() for place in sorted(new)]
    if rows:
        connection.execute(schema.insert_into(connection, places).on_conflict_do_nothing(), rows)


def _is_place(place: Place) -> tuple[ColumnElement[bool], ...]:
    return tuple(places.c[name] == value for name, value in place._asdict().items())


def _is_there(connection: Connection, uid: str) -> bool:
    return connection.scalar(select(runs.c.uid).where(runs.c.uid == uid)) is not None


def _join_places(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    by_uid: defaultdict[str, list[Place]] = defaultdict(list)
    query = select(places).order_by(*places.columns)
    uids = [row["uid"] for row in rows]
    few = len(uids) <= _CHUNK
    for place in connection.execute(query.where(places.c.uid.in_(uids)) if few else query):
        by_uid[place[0]].append(Place._make(place))
    for row in rows:
        row["places"] = by_uid[row["uid"]]


def begins(column: ColumnElement[Any], prefix: str) -> ColumnElement[bool]:
    """A range: unlike LIKE it uses the index, and has no wildcards."""
    return and_(column >= prefix, column < prefix + _LAST_CHARACTER)
