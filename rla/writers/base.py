"""One row of recorded values, and what every writer of rows promises."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Final, TypeAlias, TypeVar

from rla.writers.values import INT64_LIMIT, PLAIN, Cell, to_cell

TIME_STEP: Final = "time-step"
TIMESTAMP: Final = "timestamp"
"""The two columns of every row that nobody recorded. A value recorded under their name is not kept."""

Shape: TypeAlias = tuple[tuple[str, ...], tuple[type, ...]]
_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


class Dump:
    """The values recorded since the last dump, made ready for every writer at once.

    Attributes:
        values: What was recorded, as it was recorded, in that order.
        step: The time step.
        timestamp: Seconds since the epoch.
        excluded: Key -> names of the formats that leave it out; usually empty.
        settled: Key -> cell: what remains of the values (``rla.writers.values``); the same
            dictionary when all of them are cells already.
        cells: The settled values, then the step, then the timestamp.
        shape: The keys, and the types of all cells: what writers key their prepared rows by.
        oddities: Key -> what became of a value that is no plain number, bool, str or None.
    """

    __slots__ = ("cells", "excluded", "oddities", "settled", "shape", "step", "timestamp", "values")

    def __init__(
        self,
        values: dict[str, Any],
        step: int,
        timestamp: float,
        excluded: Mapping[str, tuple[str, ...]] = _NOTHING,
    ) -> None:
        """Take over the values; whatever they are, nothing is raised."""
        self.values = values
        self.step = step
        self.timestamp = timestamp
        self.excluded = excluded
        self.oddities: Mapping[str, str] = _NOTHING
        cells = (*values.values(), step, timestamp)
        kinds = tuple(map(type, cells))
        self.cells: tuple[Any, ...] = cells
        self.shape: Shape = (tuple(values), kinds)
        self.settled: dict[str, Any] = values
        plain = PLAIN.issuperset(kinds) and kinds[-2] is int and TIME_STEP not in values and TIMESTAMP not in values
        if not plain or (kinds.count(int) > 1 and not _all_fit(cells)):
            self._settle()

    def seen_by(self, name: str) -> Dump:
        """This dump without the keys that are excluded from a format."""
        if not self.excluded:
            return self
        kept = {key: cell for key, cell in self.settled.items() if name not in self.excluded.get(key, ())}
        return Dump(kept, self.step, self.timestamp)

    def _settle(self) -> None:
        """Replace what is not a cell yet by one."""
        settled: dict[str, Cell] = {}
        odd: dict[str, str] = {}
        for key, value in self.values.items():
            if key in (TIME_STEP, TIMESTAMP):
                odd[key] = "this name belongs to rla; the recorded value is not kept"
                continue
            settled[key], told = to_cell(value)
            if told:
                odd[key] = told
        self.step = int(_finite(self.step))
        self.timestamp = float(_finite(self.timestamp))
        self.settled = settled
        self.cells = (*settled.values(), self.step, self.timestamp)
        self.shape = (tuple(settled), tuple(map(type, self.cells)))
        self.oddities = odd


def _all_fit(cells: tuple[Any, ...]) -> bool:
    return all(-INT64_LIMIT <= cell < INT64_LIMIT for cell in cells if type(cell) is int)


def _finite(number: object) -> float:
    cell, _ = to_cell(number)
    usable = isinstance(cell, int | float) and abs(cell) < INT64_LIMIT
    return cell if usable else 0  # type: ignore[return-value] # not text then


class PartialRowError(OSError):
    """A row is in the file, but not all of it.

    Attributes:
        lost: How many values are missing.
    """

    def __init__(self, message: str, lost: int) -> None:
        """Keep the number beside the message."""
        super().__init__(message)
        self.lost = lost


class Writer(ABC):
    """Writes dumps in one format.

    What every writer promises:

    * When :meth:`write` returns, the whole row is in the file, by one system call; nothing is
      buffered in this process, so that even SIGKILL loses no row.
    * When it raises ``OSError``, nothing of the row is in the file (:class:`PartialRowError`: some
      of it is), the file is valid for its readers, and the next row may be written.
    * An interrupt (``KeyboardInterrupt``) leaves the file valid as well.
    * No value makes it raise; ``rla.writers.values`` says what becomes of each.
    * A dump of which nothing is left for this format writes nothing.
    * Memory does not grow with the number of dumps, nor with the number of different key sets.
    * It is used by one process and one thread at a time: the caller locks.
    """

    name: ClassVar[str]
    """What LOG_USED calls the format, and what exclusions name."""

    @abstractmethod
    def write(self, dump: Dump) -> None:
        """Append one row.

        Raises:
            OSError: The row, or some of it, is not in the file.
        """

    @abstractmethod
    def close(self) -> None:
        """Let go of the file; a second call does nothing."""


PlanT = TypeVar("PlanT")


class Plans(dict[Shape, PlanT]):
    """How to write rows of a shape, worked out when the shape is first seen.

    Bounded: a training that records other keys at every dump starts again from nothing.
    """

    LIMIT: ClassVar = 64

    def __init__(self, build: Callable[[Shape], PlanT]) -> None:
        """Remember how a plan is made."""
        super().__init__()
        self._build = build

    def __missing__(self, shape: Shape) -> PlanT:
        if len(self) >= self.LIMIT:
            self.clear()
        plan = self[shape] = self._build(shape)
        return plan
