"""TensorBoard: one event file per run holds all of it, one event per dump."""

from __future__ import annotations

import itertools
import operator
import os
import platform
import re
import struct
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, NamedTuple

from rla.writers import events, protobuf
from rla.writers.append_file import AppendFile
from rla.writers.base import Dump, Plans, Shape, Writer

if TYPE_CHECKING:
    from rla.writers.tensorboardx_adapter import SharedSummaryWriter

_NUMBERS: Final = frozenset({float, int, bool})
_FLOAT_SIZE: Final = 4
_TIME: Final = 1 << 3 | protobuf.FIXED64
_STEP: Final = 2 << 3 | protobuf.VARINT
_pack_head = struct.Struct("<BdB").pack


class _Plan(NamedTuple):
    """How the event of one shape is written."""

    tags: tuple[str, ...]
    pick: Callable[[tuple[Any, ...]], tuple[Any, ...]]
    """Takes the cells, gives the numbers."""
    parts: list[Any]
    """What stands before each number, and behind it a place for the number."""
    pack: Callable[..., bytes]
    """Joins the parts."""


class TensorBoardWriter(Writer):
    """Appends to ``events.out.tfevents.<seconds>.<host>.<pid>.<n>`` in a directory, a new file unless one is named.

    All numbers of a dump are one event; text and None are left out. The file holds float32:
    what is larger is shown as infinite.
    """

    name: ClassVar = "tensorboard"

    def __init__(self, directory: Path, continued: Path | None = None) -> None:
        """Make the directory and an empty file.

        Args:
            directory: Where the file lies.
            continued: A file of whole records to go on with instead.

        Raises:
            OSError: That could not be done.
        """
        from rla.writers.record import frame  # noqa: PLC0415 - crc32c takes 30 ms to import

        self._frame = frame
        self._plans = Plans(_plan)
        self._directory = directory
        self._has_hparams = False
        directory.mkdir(parents=True, exist_ok=True)
        self._file = _new_file(directory) if continued is None else AppendFile(continued)

    def write(self, dump: Dump) -> None:
        """Append one event with all numbers of the dump.

        Raises:
            OSError: The event is not in the file.
        """
        if dump.excluded:
            dump = dump.seen_by(self.name)
        plan = self._plans[dump.shape]
        if plan is None:
            return
        try:
            content = _packed_event(plan, dump)
        except OverflowError:
            content = _event(plan, dump)
        self.add_event(content)

    def add_text(self, tag: str, markdown: str, step: int = 0) -> None:
        """Add a text, which TensorBoard renders as Markdown.

        Raises:
            OSError: The text is not in the file.
        """
        self.add_event(events.event(events.markdown(tag, markdown), step, time.time()))

    def add_hparams(self, flat: Mapping[str, Any], metrics: Sequence[str] = (), session_name: str = "") -> None:
        """Tell the HParams page what this run was started with.

        Args:
            flat: Name -> value. None is left out; other than bool, int, float and str becomes its ``str``.
            metrics: Tags of the scalars that are results. Without them TensorBoard finds the scalars
                itself, and shows runs with different hyperparameters side by side.
            session_name: Runs of one name are shown as one group; without it each is its own.

        Raises:
            OSError: The hyperparameters are not in the file.
        """
        now = time.time()
        hparams = {str(key): _hparam(value) for key, value in flat.items() if value is not None}
        experiment = events.hparams_experiment(hparams, metrics) if metrics else b""
        self.add_event(events.event(experiment + events.hparams_start(hparams, session_name, now), 0, now))
        self._has_hparams = True

    def end_hparams(self, status: str) -> None:
        """Tell the HParams page how the run ended.

        Args:
            status: "success", "failure" or "running"; any other is shown as unknown.

        Raises:
            OSError: The status is not in the file.
        """
        now = time.time()
        self.add_event(events.event(events.hparams_end(status, now), 0, now))

    def add_summary(self, summary: object, step: int, timestamp: float | None = None) -> None:
        """Add a ``tf.Summary`` that another library made.

        Args:
            summary: Its bytes, or an object with ``SerializeToString()``.
            step: The time step.
            timestamp: Seconds since the epoch; by default now.

        Raises:
            TypeError: It is neither.
            ValueError: The bytes are malformed; nothing was written.
            OSError: The summary is not in the file.
        """
        content = events.checked_summary(summary)
        self.add_event(events.event(content, step, time.time() if timestamp is None else timestamp))

    def add_event(self, encoded: bytes) -> None:
        """Append an encoded ``Event`` as it is.

        Raises:
            OSError: The event is not in the file.
        """
        record = self._frame(encoded)
        if not self._file.size:  # the version comes with the first event, however late a full disk lets it in
            record = self._frame(events.file_version(time.time())) + record
        self._file.append(record)

    def tensorboardx_writer(
        self,
        sink: Callable[[bytes], object] | None = None,
        on_error: Callable[[str, Exception], object] | None = None,
    ) -> SharedSummaryWriter:
        """A tensorboardX ``SummaryWriter`` whose events land in this file.

        Args:
            sink: Takes each encoded event; by default :meth:`add_event`, which may raise and does
                not lock. Pass a function that does what the caller's threads need.
            on_error: Told what one of its ``add_*`` methods raises; by default it is raised.
        """
        from rla.writers.tensorboardx_adapter import SharedSummaryWriter  # noqa: PLC0415 - it may import torch

        return SharedSummaryWriter(self._directory, sink or self.add_event, self._hparams_once, on_error)

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        self._file.close()

    def _hparams_once(self, flat: Mapping[str, Any], metrics: Sequence[str]) -> None:
        if not self._has_hparams:  # readers keep the first
            self.add_hparams(flat, metrics)


def _new_file(directory: Path) -> AppendFile:
    host = re.sub(r"[^\w.-]", "_", platform.node())
    for number in itertools.count():
        name = f"events.out.tfevents.{int(time.time()):010d}.{host}.{os.getpid()}.{number}"
        try:
            return AppendFile(directory / name, exclusive=True)
        except FileExistsError:
            continue
    raise AssertionError  # count() never ends


def _plan(shape: Shape) -> _Plan | None:
    keys, kinds = shape
    numbers = [index for index in range(len(keys)) if kinds[index] in _NUMBERS]
    if not numbers:
        return None
    heads = [events.scalar(keys[index], 0.0)[:-_FLOAT_SIZE] for index in numbers]
    size = sum(map(len, heads)) + _FLOAT_SIZE * len(heads)
    heads[0] = protobuf.varint(events.SUMMARY_FIELD << 3 | protobuf.BYTES) + protobuf.varint(size) + heads[0]
    return _Plan(
        tags=tuple(keys[index] for index in numbers),
        pick=_picker(numbers, len(keys)),
        parts=[part for head in heads for part in (head, 0.0)],
        pack=struct.Struct("<" + "".join(f"{len(head)}sf" for head in heads)).pack,
    )


def _picker(numbers: list[int], count: int) -> Callable[[tuple[Any, ...]], tuple[Any, ...]]:
    if len(numbers) == count:
        return operator.itemgetter(slice(count))
    return lambda cells: tuple(cells[index] for index in numbers)


def _packed_event(plan: _Plan, dump: Dump) -> bytes:
    """The event by the shortest way.

    Raises:
        OverflowError: A number is too large for float32.
    """
    parts = plan.parts
    parts[1::2] = plan.pick(dump.cells)
    return _pack_head(_TIME, dump.timestamp, _STEP) + protobuf.varint(dump.step) + plan.pack(*parts)


def _event(plan: _Plan, dump: Dump) -> bytes:
    """The event of any numbers."""
    values = map(events.scalar, plan.tags, plan.pick(dump.cells))
    return events.event(b"".join(values), dump.step, dump.timestamp)


def _hparam(value: Any) -> events.HParam:
    return value if isinstance(value, bool | int | float | str) else str(value)
