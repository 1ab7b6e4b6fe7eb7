"""A disk that is really full, and then is not."""

from __future__ import annotations

import csv
from pathlib import Path

import pandas as pd
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from rla.core import json_codec
from rla.writers.base import Dump, PartialRowError
from rla.writers.csv_writer import CsvWriter
from rla.writers.json_writer import JsonWriter
from rla.writers.multi_writer import MultiWriter
from rla.writers.tensorboard_writer import TensorBoardWriter
from rla.writers.text_writer import LogWriter

pytestmark = pytest.mark.faults


def fill(disk: Path) -> Path:
    """Leave no byte free."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as stream:
        try:
            while stream.write(b"\0" * 4096):
                pass
        except OSError:
            pass
    return ballast


def everything(disk: Path, lost: list) -> MultiWriter:
    formats = [
        CsvWriter(disk / "progress.csv"),
        JsonWriter(disk / "progress.json"),
        LogWriter(disk / "log.txt"),
        TensorBoardWriter(disk / "tb"),
    ]
    return MultiWriter(formats, lambda *told: lost.append(told))


def test_recording_goes_on_when_there_is_space_again_and_every_file_is_valid(tiny_disk):
    lost: list = []
    writer = everything(tiny_disk, lost)
    values = {f"key {n}": float(n) for n in range(10)}
    writer.write(Dump(values, 0, 1.0))
    assert not lost
    ballast = fill(tiny_disk)
    for step in range(1, 200):
        writer.write(Dump(values, step, 1.0 + step))
    assert {cause.split(":")[1] for cause, _, _ in lost} == {"ENOSPC"}
    assert {cause.split(":")[0] for cause, _, _ in lost} == {"csv", "json", "log", "tensorboard"}
    ballast.unlink()
    lost.clear()
    writer.write(Dump(values, 1000, 2.0))
    assert not lost
    writer.close()

    frame = pd.read_csv(tiny_disk / "progress.csv")
    assert not frame.isna().any().any()
    assert frame["time-step"].tolist()[-1] == 1000
    lines = (tiny_disk / "progress.json").read_text().splitlines()
    assert json_codec.loads(lines[-1])["time-step"] == 1000
    assert len((tiny_disk / "log.txt").read_text().splitlines()) % 14 == 0
    reader = EventAccumulator(str(tiny_disk / "tb")).Reload()
    steps = [event.step for event in reader.Scalars("key 9")]
    assert steps == sorted(set(steps))
    assert steps[-1] == 1000


def test_a_table_that_cannot_be_widened_keeps_its_columns(tiny_disk):
    path = tiny_disk / "progress.csv"
    writer = CsvWriter(path)
    while path.stat().st_size < 40_000:  # a copy does not fit, a row does
        writer.write(Dump({"a": 1.0}, 1, 1.0))
    with pytest.raises(PartialRowError) as caught:
        writer.write(Dump({"a": 2.0, "late": 3.0, "later": 4.0}, 2, 2.0))
    assert caught.value.lost == 2
    assert [entry.name for entry in tiny_disk.iterdir()] == ["progress.csv"]
    with path.open(newline="") as stream:
        rows = list(csv.reader(stream))
    assert rows[-1] == ["2.0", "2", "2.0"]
    writer.write(Dump({"a": 3.0}, 3, 3.0))
    with pytest.raises(PartialRowError):
        writer.write(Dump({"late": 3.0}, 4, 4.0))
    writer.close()


def test_widening_is_tried_again_when_there_is_space(tiny_disk):
    path = tiny_disk / "progress.csv"
    writer = CsvWriter(path)
    writer.write(Dump({"a": 1.0}, 1, 1.0))
    ballast = fill(tiny_disk)
    with pytest.raises(PartialRowError):
        writer.write(Dump({"a": 2.0, "late": 3.0}, 2, 2.0))
    ballast.unlink()
    writer._retry_at = 0.0  # the time of the next attempt has come
    writer.write(Dump({"a": 4.0, "late": 5.0}, 3, 3.0))
    writer.close()
    assert path.read_text() == "a,time-step,timestamp,late\n1.0,1,1.0,\n2.0,2,2.0,\n4.0,3,3.0,5.0\n"


def test_a_run_that_begins_on_a_full_disk_records_when_there_is_space(tiny_disk):
    ballast = fill(tiny_disk)
    writer = CsvWriter(tiny_disk / "progress.csv")
    for _ in range(3):
        with pytest.raises(OSError, match="space"):
            writer.write(Dump({"a": 1.0}, 1, 1.0))
    ballast.unlink()
    writer.write(Dump({"a": 1.0}, 1, 1.0))
    writer.close()
    assert (tiny_disk / "progress.csv").read_text() == "a,time-step,timestamp\n1.0,1,1.0\n"


def test_an_event_file_begun_on_a_full_disk_begins_with_its_version(tiny_disk):
    ballast = fill(tiny_disk)
    writer = TensorBoardWriter(tiny_disk / "tb")
    with pytest.raises(OSError, match="space"):
        writer.write(Dump({"a": 1.0}, 1, 1.0))
    ballast.unlink()
    writer.write(Dump({"a": 1.0}, 2, 1.0))
    writer.close()
    assert [event.step for event in EventAccumulator(str(tiny_disk / "tb")).Reload().Scalars("a")] == [2]
