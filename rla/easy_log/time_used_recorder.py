"""Find where a training's time goes: measure blocks and functions by name, and record what they took.

::

    with time_tracker("update"):
        agent.update(batch)
    time_tracker.log()
    logger.dump_tabular()

Measuring works with and without a run; what is measured while there is none is only not recorded.
"""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Final, NamedTuple, ParamSpec, TypeVar

from rla.easy_log.current import current
from rla.easy_log.losses import warn
from rla.easy_log.recorder import Exclude

P = ParamSpec("P")
T = TypeVar("T")

_clock: Final = time.perf_counter
_thread: Final = threading.get_ident


class TimeUsed(NamedTuple):
    """What the blocks of one name took.

    Attributes:
        calls: How many ended.
        seconds: How long they took together. Of a block inside a block of the same name only the
            outer one counts; blocks of several threads add up.
        per_call: ``seconds`` over ``calls``.
        share: ``seconds`` in percent of the wall time since the tracker began or was cleared.
    """

    calls: int
    seconds: float
    per_call: float
    share: float


class _Cell:
    """What one thread spent in blocks of one name. Only that thread writes, so nothing is locked."""

    __slots__ = ("begun", "calls", "seconds")

    def __init__(self) -> None:
        self.begun: list[float] = []
        self.calls = 0
        self.seconds = 0.0


class SingleTimeTracker:
    """The blocks of one name: ``with`` measures one; it may be nested, and used by many threads at once."""

    __slots__ = ("_cells", "_cleared", "_counted", "_spent")

    def __init__(self) -> None:
        """Made by :class:`TimeTracker`."""
        self._cells: dict[int, _Cell] = {}
        self._cleared = 0.0
        self._counted = 0
        self._spent = 0.0

    @property
    def call_time(self) -> int:
        """How many blocks ended since the last clear."""
        return sum(cell.calls for cell in list(self._cells.values())) - self._counted

    @property
    def time_cost(self) -> float:
        """Seconds spent in them."""
        return sum(cell.seconds for cell in list(self._cells.values())) - self._spent

    def clear(self, now: float) -> None:
        """Count from now on; of blocks that are open only the part that is to come."""
        self._cleared = now
        self._counted += self.call_time
        self._spent += self.time_cost

    def __enter__(self) -> None:
        cell = self._cells.get(_thread())
        if cell is None:
            cell = self._cells[_thread()] = _Cell()
        cell.begun.append(_clock())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        now = _clock()
        cell = self._cells[_thread()]
        begun = cell.begun.pop()
        cell.calls += 1
        if not cell.begun:
            cell.seconds += now - max(begun, self._cleared)


class TimeTracker:
    """Measures blocks by name, ``with time_tracker("name"):``, and records what they took."""

    def __init__(self) -> None:
        """Begin now."""
        self._entries: dict[str, SingleTimeTracker] = {}
        self._marks: dict[str, float] = {}
        self._since = _clock()

    def __call__(self, name: str) -> SingleTimeTracker:
        """What measures the blocks of a name."""
        try:
            return self._entries[name]
        except (KeyError, TypeError):
            return self._entries.setdefault(str(name), SingleTimeTracker())

    def statistic_entry(self, name: str) -> TimeUsed:
        """What the blocks of one name took so far; open ones do not count yet."""
        entry = self._entries.get(str(name))
        calls, seconds = (0, 0.0) if entry is None else (entry.call_time, entry.time_cost)
        elapsed = _clock() - self._since
        return TimeUsed(
            calls, seconds, seconds / calls if calls else 0.0, 100.0 * seconds / elapsed if elapsed else 0.0
        )

    def get_info(self) -> dict[str, TimeUsed]:
        """What the blocks of every name took that ended since the last clear."""
        found = {name: self.statistic_entry(name) for name in list(self._entries)}
        return {name: used for name, used in found.items() if used.calls}

    def clear(self) -> None:
        """Count from now on."""
        self._since = _clock()
        for entry in list(self._entries.values()):
            entry.clear(self._since)

    def reset(self) -> None:
        """Count from now on, and forget every ``time_record`` that has no end: a new run starts."""
        self.clear()
        self._marks.clear()

    def log(self, exclude_lst: Exclude = None) -> None:
        """Record what each name took, as ``time_used/{total calls|total time cost|...}/<name>``.

        Args:
            exclude_lst: Names of formats that shall not get it, as ``("csv",)``.

        Raises:
            NotConfiguredError: No run was started.
        """
        record = current.logger().logkv
        exclude = tuple(exclude_lst) if isinstance(exclude_lst, list) else exclude_lst
        for name, used in self.get_info().items():
            record(f"time_used/total calls/{name}", used.calls, exclude)
            record(f"time_used/total time cost/{name}", used.seconds, exclude)
            record(f"time_used/time cost per call/{name}", used.per_call, exclude)
            record(f"time_used/time cost percentage/{name}", used.share, exclude)

    def begin(self, name: str) -> None:
        """Remember when something began; see :func:`time_record`."""
        self._marks[name] = _clock()

    def end(self, name: str) -> float | None:
        """How many seconds ago it began; None when it did not."""
        begun = self._marks.pop(name, None)
        return None if begun is None else _clock() - begun


time_tracker: Final = TimeTracker()


def open_time_tracker(name: str) -> SingleTimeTracker:
    """What measures the blocks of a name: use it in a ``with``. Blocks may be nested."""
    return time_tracker(name)


def log_time_tracker(exclude: Exclude = None) -> None:
    """Record what every measured block took so far; the next dump writes it.

    Raises:
        NotConfiguredError: No run was started.
    """
    time_tracker.log(exclude)


def reset() -> None:
    """Let a new run start with clean trackers."""
    time_tracker.reset()


def time_record(name: str) -> None:
    """Begin to measure something that is no block; :func:`time_record_end` ends it, in any thread."""
    time_tracker.begin(name)


def time_record_end(name: str) -> float | None:
    """Record the seconds since :func:`time_record` as ``time_used/<name>``; the last ones before a dump win.

    Returns:
        The seconds; None, after a warning, when nothing of that name has begun.
    """
    seconds = time_tracker.end(name)
    if seconds is None:
        warn(f"time_record_end({name!r}) without time_record({name!r}): nothing is recorded")
        return None
    if (run := current.get()) is not None:
        run.logger.logkv(f"time_used/{name}", seconds)
    return seconds


def time_used_wrap(name: str, func: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function, and record the seconds it took as ``time_used/<name>``; gives what it gave."""
    begun = _clock()
    try:
        return func(*args, **kwargs)
    finally:
        if (run := current.get()) is not None:
            run.logger.logkv(f"time_used/{name}", _clock() - begun)


class ProfileKV:
    """Adds the seconds of its block to the value that the next dump writes as ``wait_<n>``."""

    def __init__(self, n: str) -> None:
        """Name what is waited for."""
        self.n = f"wait_{n}"
        self._begun: list[float] = []

    def __enter__(self) -> None:
        self._begun.append(_clock())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        seconds = _clock() - self._begun.pop()
        if (run := current.get()) is not None:
            run.logger.logkv_sum(self.n, seconds)


def profile(n: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """A decorator: the seconds in the function add up to ``wait_<n>`` in the next dump."""

    def decorate(func: Callable[P, T]) -> Callable[P, T]:
        @functools.wraps(func)
        def measured(*args: P.args, **kwargs: P.kwargs) -> T:
            with ProfileKV(n):
                return func(*args, **kwargs)

        return measured

    return decorate
