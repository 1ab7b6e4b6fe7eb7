"""The logger of one run: collects values by key, and writes a row of them at each dump."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from rla.core.interrupts import pass_interrupt_on
from rla.easy_log.losses import Losses
from rla.easy_log.time_step import TimeStepHolder, time_step_holder
from rla.errors import NotConfiguredError
from rla.writers import events
from rla.writers.base import TIME_STEP, TIMESTAMP, Dump
from rla.writers.multi_writer import MultiWriter
from rla.writers.summary import SummaryTracker
from rla.writers.values import to_cell

if TYPE_CHECKING:
    from rla.writers.tensorboard_writer import TensorBoardWriter
    from rla.writers.tensorboardx_adapter import SharedSummaryWriter
    from rla.writers.text_writer import TextWriter

DEBUG: Final = 10
INFO: Final = 20
WARN: Final = 30
ERROR: Final = 40
DISABLED: Final = 50
BACKUP: Final = 60

_CLOSE_PATIENCE: Final = 2.0

Exclude = str | tuple[str, ...] | None
Callback = Callable[[dict[str, Any]], object]


class Logger:
    """Records the values of one run. Every method is safe in threads and never raises.

    In a forked child, and after the run has ended, every method does nothing.
    """

    def __init__(
        self,
        writers: MultiWriter,
        losses: Losses,
        *,
        warnings: TextWriter | None = None,
        backup: TextWriter | None = None,
        board: TensorBoardWriter | None = None,
        callback: Callback | None = None,
        clock: TimeStepHolder = time_step_holder,
    ) -> None:
        """Write rows and lines to ``writers``, one of which is ``board``, and the graver lines to their own files."""
        self._writers = writers
        self._losses = losses
        self._warnings = warnings
        self._backup = backup
        self._board = board
        self._callback = callback
        self._clock = clock
        self._level = INFO
        self._lock = threading.RLock()
        self._silent = False
        self._disowned = False
        self._waiting: deque[Dump] = deque()
        self._is_writing = False
        self._pending: dict[str, Any] = {}
        self._excluded: dict[str, tuple[str, ...]] = {}
        self._means: dict[str, tuple[float, int]] = {}
        self._windows: dict[str, deque[float]] = {}
        self._recorded_at: dict[str, int] = {}
        self._summary = SummaryTracker()
        self.dumped_step: int | None = None
        self.closing_dump: float | None = None

    # --- values

    def logkv(self, key: str, val: Any, exclude: Exclude = None, freq: int | None = None) -> None:
        """Record a value; the last one of a key before a dump wins.

        Args:
            key: Its name; a part before the first ``/`` is its group in TensorBoard.
            val: A number, or anything else (see the reference on values).
            exclude: Names of formats that shall not get it.
            freq: Record only when the time step has moved this far since the key's last record.
        """
        if self._silent:
            return
        if type(key) is not str:
            key = _text(key)
        if freq is not None and not self._due(key, freq):
            return
        with self._lock:
            self._pending[key] = val
            if exclude:
                self._excluded[key] = (exclude,) if isinstance(exclude, str) else tuple(exclude)

    def logkv_mean(self, key: str, val: Any, exclude: Exclude = None) -> None:
        """Record the mean of all values given for this key since the last dump."""
        number = self._number("logkv_mean", key, val)
        if number is None:
            return
        if type(key) is not str:
            key = _text(key)
        with self._lock:
            mean, count = self._means.get(key, (0.0, 0))
            mean += (number - mean) / (count + 1)
            self._means[key] = (mean, count + 1)
            self.logkv(key, mean, exclude)

    def logkv_sum(self, key: str, val: float) -> None:
        """Record the sum of all values given for this key since the last dump."""
        if not self._silent:  # a forked child does not touch the lock: it may be held in its copy
            with self._lock:
                pending = self._pending.get(key)
                self.logkv(key, val + pending if isinstance(pending, float) else val)

    def ma_record_tabular(
        self,
        key: str,
        val: Any,
        record_len: int,
        ignore_nan: bool = False,
        exclude: Exclude = None,
        freq: int | None = None,
    ) -> None:
        """Record the mean of a key's last values, once there are that many.

        Args:
            key: Its name.
            val: The newest value.
            record_len: How many values the mean is over.
            ignore_nan: Leave NaN out: it neither enters the window nor moves it.
            exclude: As for :meth:`logkv`.
            freq: As for :meth:`logkv`.
        """
        number = self._number("ma_record_tabular", key, val)
        if number is None or (ignore_nan and math.isnan(number)):
            return
        if type(key) is not str:
            key = _text(key)
        with self._lock:
            window = self._window(key, record_len)
            window.append(number)
            if len(window) == window.maxlen:
                self.logkv(key, sum(window) / len(window), exclude, freq)

    def logkvs(self, d: Mapping[str, Any], prefix: str | None = "", exclude: Exclude = None) -> None:
        """Record every value of a mapping, its keys behind a prefix."""
        for key, value in d.items():
            self.logkv(f"{prefix or ''}{key}", value, exclude)

    def log_key_value(self, keys: Iterable[str], values: Iterable[Any], prefix_name: str = "") -> None:
        """Record values under keys, pair by pair, the keys behind a prefix."""
        for key, value in zip(keys, values, strict=False):
            self.logkv(f"{prefix_name}{key}", value)

    def getkvs(self) -> dict[str, Any]:
        """What is recorded and not dumped yet."""
        return dict(self._pending)

    def dumpkvs(self) -> dict[str, Any]:
        """Write what was recorded since the last dump as one row of every format.

        Returns:
            The row, with its time step and timestamp; empty when nothing was recorded, and then
            nothing is written. A dump that interrupts another one, as from a signal handler, is written
            when that goes on.
        """
        if self._silent or not self._pending:
            return {}
        with self._lock:
            values, self._pending = self._pending, {}
            excluded = self._excluded
            if excluded:
                self._excluded = {}
            if self._means:
                self._means = {}
            step = self._clock.get_time()
            now = time.time()
            self._waiting.append(Dump(values, step, now, excluded))
            if not self._is_writing:
                self._write_waiting()
        row = {**values, TIME_STEP: step, TIMESTAMP: now}
        if self._callback is not None:
            self._call_back(row)
        return row

    def summary(self) -> tuple[dict[str, Any], dict[str, dict[str, float]]]:
        """Each key's last value, and its min, max and mean."""
        try:
            self._lock.acquire(timeout=_CLOSE_PATIENCE)  # who is stuck in a dump has not come to the summary
            return self._summary.snapshot()
        finally:
            try:  # noqa: SIM105 - no call may come before: an interrupt in it would leave the lock held
                self._lock.release()
            except RuntimeError:  # it did not come in time, and is not ours
                pass

    def state(self) -> dict[str, Any]:
        """What another recorder needs to go on from here: plain values that a checkpoint holds."""
        with self._lock:
            pending = {key: to_cell(value)[0] for key, value in self._pending.items()}
            return {
                "time": time.time(),
                "dumped_step": self.dumped_step,
                "windows": dict(self._windows),
                "recorded_at": dict(self._recorded_at),
                "summary": self._summary.state(),
                "pending": {key: cell for key, cell in pending.items() if cell is not None},
                "means": dict(self._means),
                "excluded": dict(self._excluded),
            }

    def restore(self, state: Mapping[str, Any], *, pending: bool) -> None:
        """Go on from a state of :meth:`state`; an empty one changes nothing.

        Args:
            state: Where to go on.
            pending: Also with what was recorded there and not dumped.
        """
        with self._lock:
            if not state or self._silent:
                return
            self.dumped_step = state["dumped_step"]
            self._windows, self._recorded_at = dict(state["windows"]), dict(state["recorded_at"])
            self._summary.restore(state["summary"])
            if pending:
                self._pending, self._means = dict(state["pending"]), dict(state["means"])
                self._excluded = dict(state["excluded"])

    # --- lines

    def log(self, *args: object, level: int = INFO) -> None:
        """Write a line of a level; below the logger's level it is not written."""
        if self._silent or self._level > level:
            return
        line = " ".join(map(_text, args))
        with self._lock:
            self._writers.write_line(line)
            if level in (WARN, ERROR) and self._warnings is not None:
                self._write_line(self._warnings, line)

    def warn(self, *args: object) -> None:
        """A line that also goes to warn.txt, with the time step."""
        self.log(f"[WARN] {self._clock.get_time()} :", *args, level=WARN)

    def backup(self, *args: object) -> None:
        """A line for backup.txt only, with the time step."""
        if not self._silent and self._backup is not None:
            with self._lock:
                self._write_line(self._backup, " ".join(map(_text, (f"[BACKUP] {self._clock.get_time()} :", *args))))

    def set_level(self, level: int) -> None:
        """Write lines of this level and graver ones; DISABLED writes none."""
        self._level = level

    # --- TensorBoard

    def tensorboardx_writer(self) -> SharedSummaryWriter:
        """A tensorboardX writer over the run's own event file; in other ranks and forked children it does nothing.

        Raises:
            NotConfiguredError: LOG_USED has no ``tensorboard``, or the run has ended.
        """
        if self._disowned:
            return _writer_to_nowhere()
        if self._silent or self._board is None:
            raise NotConfiguredError(
                "there is no event file to write to: put tensorboard into LOG_USED, and call this before the run ends"
            )
        return self._board.tensorboardx_writer(self._write_event, self._tell_of_writer)

    def log_from_tf_summary(self, summary: Any) -> None:
        """Write a ``tf.Summary``, or its serialised bytes, at the current time step."""
        board = self._board
        if board is not None and not self._silent:
            with self._lock:
                self._losses.guard("tf_summary", lambda: board.add_summary(summary, self._clock.get_time()))

    def record_event(self, cause: str, make: Callable[[], bytes]) -> None:
        """Write what only TensorBoard shows, at the current time step; without an event file, do nothing.

        Args:
            cause: What is counted when it is lost.
            make: Gives the encoded values of a ``Summary``; what it raises is counted as a loss. It is
                called without the lock: encoding an image may take long.
        """
        if self._board is not None and not self._silent:
            step, now = self._clock.get_time(), time.time()
            self._losses.guard(cause, lambda: self._write_event(events.event(make(), step, now)))

    def _tell_of_writer(self, method: str, error: Exception) -> None:
        self._losses.add("tensorboardX", f"{method} of the tensorboardX writer: {type(error).__name__}: {_text(error)}")

    def _write_event(self, encoded: bytes) -> None:
        board = self._board
        if board is not None and not self._silent:
            with self._lock:
                self._losses.guard("tensorboard", lambda: board.add_event(encoded))

    # --- its life

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Itself: an agent that holds it may be copied, and the copy records into the same run."""
        return self

    def __reduce__(self) -> tuple[Callable[[], Logger], tuple[()]]:
        """In another process it does nothing."""
        return silent_logger, ()

    def close(self, status: str) -> None:
        """Dump what is left, tell TensorBoard how the run ended, and close the files."""
        if self._silent:
            return
        try:
            if self._lock.acquire(timeout=_CLOSE_PATIENCE):  # another thread may be stuck in a dump
                self._is_writing = False  # a dump of this thread that is interrupted by this end does not go on
                self.closing_dump = self.dumpkvs().get(TIMESTAMP, self.closing_dump)
                self._write_waiting()
            self._silent = True
            if (board := self._board) is not None:
                self._losses.guard("tensorboard", lambda: board.end_hparams(status))
            self._writers.close()
            for lines in filter(None, (self._warnings, self._backup)):
                self._losses.guard(lines.name, lines.close)
        finally:
            try:  # noqa: SIM105 - no call may come before: an interrupt in it would leave the lock held
                self._lock.release()
            except RuntimeError:  # it did not come in time, and is not ours
                pass

    def change_files(
        self, change: Callable[[], None], reopen: Callable[[], tuple[MultiWriter, TensorBoardWriter | None]]
    ) -> None:
        """Close the files of values, let them be changed, and open them again whatever happens."""
        with self._lock:
            self._writers.close()
            try:
                change()
            finally:
                self._writers, self._board = reopen()

    def silence(self) -> None:
        """Do nothing from now on: the files are another process's, of rank 0 or the parent."""
        self._silent = self._disowned = True
        self._lock = threading.RLock()

    def _write_waiting(self) -> None:
        """Write the dumps that wait, the oldest first, also those that come meanwhile from this same thread."""
        self._is_writing = True
        try:
            while self._waiting:
                dump = self._waiting.popleft()
                self._writers.write(dump)
                self._summary.add(dump.settled)
                self.dumped_step = dump.step
        finally:
            self._is_writing = False

    def _number(self, method: str, key: str, value: Any) -> float | None:
        """A value as a number; one that is none is counted as lost."""
        cell = to_cell(value)[0]
        if cell is None or isinstance(cell, str):
            name = _text(key)
            self._losses.add(f"{method}:{name}", f"{method}({name!r}) was given a {type(value).__name__}, not a number")
            return None
        return float(cell)

    def _due(self, key: str, freq: int) -> bool:
        step = self._clock.get_time()
        last = self._recorded_at.get(key)
        if last is not None and 0 <= step - last < freq:
            return False
        self._recorded_at[key] = step
        return True

    def _window(self, key: str, length: int) -> deque[float]:
        size = max(1, int(length))
        window = self._windows.get(key)
        if window is None or window.maxlen != size:
            window = self._windows[key] = deque(window or (), maxlen=size)
        return window

    def _call_back(self, row: dict[str, Any]) -> None:
        try:
            assert self._callback is not None
            self._callback(dict(row))
        except Exception as error:  # noqa: BLE001 - recording never harms training, its callback included
            pass_interrupt_on(error)
            self._losses.add("log_callback_fn", f"log_callback_fn raised {type(error).__name__}: {_text(error)}")

    def _write_line(self, target: TextWriter, line: str) -> None:
        self._losses.guard("line", lambda: target.write_line(line))


def silent_logger() -> Logger:
    """One that does nothing, for processes that have no files to write to."""
    losses = Losses()
    logger = Logger(MultiWriter([], losses.add), losses)
    logger.silence()
    return logger


def _writer_to_nowhere() -> SharedSummaryWriter:
    import tempfile  # noqa: PLC0415 - 6 ms that most runs need not pay

    from rla.writers.tensorboardx_adapter import SharedSummaryWriter  # noqa: PLC0415 - it may import torch

    return SharedSummaryWriter(Path(tempfile.gettempdir()), lambda _event: None, lambda _hparams, _metrics: None)


def _text(value: object) -> str:
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - a user's object may raise anything from __str__
        return f"<unprintable {type(value).__name__}>"
