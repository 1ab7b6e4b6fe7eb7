from __future__ import annotations

import gc
import tracemalloc

import numpy as np
import pytest

from rla.writers.base import Dump, PartialRowError, Writer
from rla.writers.csv_writer import CsvWriter
from rla.writers.multi_writer import MultiWriter
from rla.writers.tensorboard_writer import TensorBoardWriter
from rla.writers.text_writer import LogWriter


class Failing(Writer):
    name = "failing"

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def write(self, dump: Dump) -> None:
        raise self.error

    def close(self) -> None:
        raise self.error


def test_one_failing_format_is_reported_and_the_others_are_written(tmp_path):
    lost: list = []
    writer = MultiWriter([Failing(OSError(28, "No space")), LogWriter(tmp_path / "l")], lambda *told: lost.append(told))
    writer.write(Dump({"a": 1.0, "b": 2.0}, 1, 2.0))
    assert lost == [("failing:ENOSPC", "failing: [Errno 28] No space", 2)]
    assert (tmp_path / "l").stat().st_size
    writer.close()


def test_a_partial_row_counts_only_what_is_missing():
    lost: list = []
    MultiWriter([Failing(PartialRowError("x", 1))], lambda *told: lost.append(told)).write(
        Dump({"a": 1, "b": 2}, 1, 2.0)
    )
    assert lost == [("failing:PartialRowError", "failing: x", 1)]


def test_a_reporter_that_raises_does_no_harm():
    def broken(*_: object) -> None:
        raise RuntimeError

    writer = MultiWriter([Failing(RuntimeError("bug"))], broken, broken)
    writer.write(Dump({"a": [1]}, 1, 2.0))
    writer.close()


def test_an_interrupt_comes_through():
    with pytest.raises(KeyboardInterrupt):
        MultiWriter([Failing(KeyboardInterrupt())], print).write(Dump({"a": 1}, 1, 2.0))


def test_an_odd_value_is_told_once_per_key(tmp_path):
    told: list = []
    writer = MultiWriter([LogWriter(tmp_path / "l")], print, lambda *odd: told.append(odd))
    for step in range(3):
        writer.write(Dump({"a": [1], "b": np.float32(1), "timestamp": 1.0}, step, 2.0))
    writer.close()
    assert [key for key, _ in told] == ["a", "timestamp"]


def test_lines_go_to_every_format_that_takes_lines(tmp_path):
    writer = MultiWriter([LogWriter(tmp_path / "l"), CsvWriter(tmp_path / "c")], print)
    writer.write_line("hello")
    writer.close()
    assert (tmp_path / "l").read_text() == "hello\n"
    assert (tmp_path / "c").read_bytes() == b""


def test_memory_stays_the_same_over_many_dumps(tmp_path):
    lost: list = []
    formats = [CsvWriter(tmp_path / "c"), TensorBoardWriter(tmp_path / "tb"), LogWriter(tmp_path / "l")]
    writer = MultiWriter(formats, lambda *told: lost.append(told))

    def some(first: int) -> int:
        for step in range(first, first + 2000):
            writer.write(Dump({"a": step * 0.5, "b": step, "t": f"text {step}", "o": [step]}, step, 2.0 + step))
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    some(0)
    before = some(2000)
    assert some(4000) - before < 20_000
    tracemalloc.stop()
    writer.close()
    assert not lost
