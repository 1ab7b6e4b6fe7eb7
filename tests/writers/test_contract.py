"""What ``Writer`` promises, kept by every writer."""

from __future__ import annotations

import math
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
import torch

from rla.writers.base import Dump, Plans, Writer
from rla.writers.csv_writer import CsvWriter
from rla.writers.json_writer import JsonWriter
from rla.writers.tensorboard_writer import TensorBoardWriter
from rla.writers.text_writer import LogWriter, StdoutWriter


class Unprintable:
    def __str__(self):
        raise RuntimeError


ODD = {
    "nan": math.nan,
    "inf": math.inf,
    "minus inf": -math.inf,
    "huge": 10**400,
    "large": 1e300,
    "bool": True,
    "none": None,
    "text": 'a,"b"\nc\r\x1b[2J\0\ud800',
    "list": [1, 2],
    "dict": {1: 2},
    "bytes": b"\xff",
    "complex": 1j,
    "float16": np.float16(1),
    "bfloat16": torch.tensor(1, dtype=torch.bfloat16),
    "array": np.zeros(5000),
    "decimal": Decimal("0.1"),
    "unprintable": Unprintable(),
    'key\nwith,"all"#/%s\x1b\0\ud800é': 1.0,
    "": 2.0,
    "timestamp": 3.0,
}


def make_csv(place: Path) -> Writer:
    return CsvWriter(place / "progress.csv")


def make_json(place: Path) -> Writer:
    return JsonWriter(place / "progress.json")


def make_log(place: Path) -> Writer:
    return LogWriter(place / "log.txt")


def make_stdout(place: Path) -> Writer:
    return StdoutWriter()


def make_tensorboard(place: Path) -> Writer:
    return TensorBoardWriter(place / "tb")


def content(place: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(place.rglob("*")) if path.is_file())


@pytest.mark.parametrize("make", [make_csv, make_json, make_log, make_stdout, make_tensorboard])
class TestEveryWriter:
    def test_writes_rows_and_closes_twice(self, make, tmp_path):
        writer = make(tmp_path)
        writer.write(Dump({"a": 1.0, "b": 2}, 1, 2.0))
        writer.write(Dump({"a": 1.5, "b": 3}, 2, 3.0))
        writer.close()
        writer.close()

    def test_has_brought_out_a_row_when_write_returns(self, make, tmp_path, capfd):
        writer = make(tmp_path)
        before = content(tmp_path)
        writer.write(Dump({"a": 1.0}, 1, 2.0))
        assert len(content(tmp_path)) > len(before) or "| a " in capfd.readouterr().out
        writer.close()

    def test_takes_any_value_without_raising(self, make, tmp_path):
        writer = make(tmp_path)
        writer.write(Dump(dict(ODD), 1, 2.0))
        for key, value in ODD.items():
            writer.write(Dump({key: value, "plain": 1.0}, -5, 2.0))
        writer.close()

    def test_leaves_out_what_is_excluded_from_it(self, make, tmp_path, capfd):
        writer = make(tmp_path)
        writer.write(Dump({"kept": 1.0, "hidden": 2.0}, 1, 2.0, {"hidden": (writer.name,), "kept": ("other",)}))
        written = content(tmp_path) + capfd.readouterr().out.encode()
        assert b"kept" in written
        assert b"hidden" not in written
        writer.close()

    def test_writes_nothing_for_a_dump_without_values(self, make, tmp_path, capfd):
        writer = make(tmp_path)
        before = content(tmp_path)
        writer.write(Dump({}, 1, 2.0))
        writer.write(Dump({"a": 1.0}, 1, 2.0, {"a": (writer.name,)}))
        assert content(tmp_path) == before
        assert not capfd.readouterr().out
        writer.close()

    def test_keeps_a_bounded_number_of_plans_when_every_dump_has_other_keys(self, make, tmp_path):
        writer = make(tmp_path)
        for number in range(3 * Plans.LIMIT):
            writer.write(Dump({f"key {number}": 1.0}, number, 2.0))
        plans = getattr(writer, "_plans", {})
        assert len(plans) <= Plans.LIMIT
        writer.close()

    def test_takes_any_step(self, make, tmp_path):
        writer = make(tmp_path)
        for step in (0, -1, 2**63 - 1, -(2**63), 2**70):
            writer.write(Dump({"a": 1.0}, step, 2.0))
        writer.close()
