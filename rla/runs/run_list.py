"""Many stored runs, as a selection found them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple, overload

from rla.core.hyperparams import flatten, value_text
from rla.errors import AmbiguousRunError, RunNotFoundError
from rla.runs.html import table
from rla.runs.run import Run

if TYPE_CHECKING:
    from rla.runs.frame import DataFrame

_HEAD: Final = ("run", "state", "task", "started", "time step", "tracked", "last values")
_SHOWN_VALUES: Final = 3


class LightRow(NamedTuple):
    """What a list of runs holds of each without reading more: columns of ``runs``; ``state`` may be ``lost``."""

    uid: str
    task: str
    created: str
    tracked: str
    state: str
    started: float | None
    ended: float | None
    heartbeat: float | None
    time_step: int | None
    hyperparameters: dict[str, Any] | None
    summary: dict[str, Any] | None


class RunList(Sequence[Run]):
    """Runs in the order that was asked for; it does not change.

    It holds what a table of runs shows. The rest of the rows is read, for all of them at once,
    when the first run is looked at.
    """

    def __init__(
        self, rows: Sequence[LightRow], load: Callable[[Sequence[LightRow]], list[Run]], asked: str = ""
    ) -> None:
        """Made by :func:`rla.runs.query.query`.

        Args:
            rows: The runs, in order.
            load: Makes the runs of such rows.
            asked: What selected them, for messages.
        """
        self._rows = rows
        self._load = load
        self._asked = asked
        self._runs: list[Run] | None = None

    @property
    def rows(self) -> Sequence[LightRow]:
        """What is known without reading more."""
        return self._rows

    @property
    def uids(self) -> list[str]:
        """The ids, without reading more."""
        return [row.uid for row in self._rows]

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Run]:
        return iter(self._all())

    @overload
    def __getitem__(self, index: int) -> Run: ...

    @overload
    def __getitem__(self, index: slice) -> RunList: ...

    def __getitem__(self, index: int | slice) -> Run | RunList:
        if not isinstance(index, slice):
            return self._all()[index]
        part = RunList(self._rows[index], self._load, self._asked)
        part._runs = None if self._runs is None else self._runs[index]
        return part

    def one(self) -> Run:
        """The only run.

        Raises:
            RunNotFoundError: There is none.
            AmbiguousRunError: There are several; ``candidates`` lists them.
        """
        if not self._rows:
            raise RunNotFoundError(self._asked, hint="the selection is empty")
        if len(self._rows) > 1:
            raise AmbiguousRunError(self._asked, self.uids)
        return self[0]

    def groupby(self, *keys: str) -> dict[tuple[Any, ...], RunList]:
        """The runs by their values of some hyperparameters, dotted for nested ones.

        Returns:
            One list per combination, in the order in which they first appear. A missing value is
            None; a list is the JSON text of it, so that it can be a key.
        """
        places: dict[tuple[Any, ...], list[int]] = {}
        for place, row in enumerate(self._rows):
            values = dict(flatten(row.hyperparameters or {}))
            group = tuple(_hashable(values.get(key)) for key in keys)
            places.setdefault(group, []).append(place)
        return {
            group: RunList([self._rows[place] for place in chosen], self._load, self._asked)
            for group, chosen in places.items()
        }

    def frame(self, columns: Sequence[str] | None = None) -> DataFrame:
        """One row per run.

        Args:
            columns: Which columns, in this order; by default all of the list below.

        Returns:
            ``uid``, ``task``, ``state`` (text), ``started`` (UTC), ``duration`` (seconds, float64),
            ``time_step`` (Int64); then every hyperparameter by its dotted name; then
            ``summary.<key>`` for each last value. A hyperparameter that has the name of one of the
            others is ``hp.<name>``. A column of whole numbers is Int64, of other numbers float64,
            of texts str, of truth values boolean, of anything else object.

        Raises:
            SelectionError: A column is in no run.
        """
        from rla.runs.frame import runs_frame  # noqa: PLC0415 - pandas takes half a second to import

        return runs_frame(self._rows, columns, lambda: [run.row for run in self._all()])

    def __repr__(self) -> str:
        tasks = sorted({row.task for row in self._rows})
        of = f" of {', '.join(tasks[:3])}{', ...' if len(tasks) > 3 else ''}" if tasks else ""  # noqa: PLR2004
        return f"<{len(self)} run{'s' * (len(self) != 1)}{of}>"

    def _repr_html_(self) -> str:
        """For notebooks: the first rows, everything escaped, nothing that runs."""
        return table([_cells(row) for row in self._rows], _HEAD)

    def _all(self) -> list[Run]:
        if self._runs is None:
            self._runs = self._load(self._rows)
        return self._runs


def _cells(row: LightRow) -> tuple[object, ...]:
    summary = list((row.summary or {}).items())[:_SHOWN_VALUES]
    values = " ".join(f"{key}={_short(value)}" for key, value in summary)
    day, _, minute = row.created[:16].rpartition("/")
    started = f"{day.replace('/', '-')} {minute.replace('-', ':')}"
    return row.uid[:8], row.state, row.task, started, row.time_step, row.tracked.replace("&", " "), values


def _short(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else value_text(value)


def _hashable(value: Any) -> Any:
    return value_text(value) if isinstance(value, (Mapping, list)) else value
