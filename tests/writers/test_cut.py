"""What a run begins with that continues another: its values up to a time step, in each format."""

from __future__ import annotations

import csv
import json
import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

from rla.writers import csv_table
from rla.writers.base import Dump
from rla.writers.csv_writer import CsvWriter
from rla.writers.cut import cut_csv, cut_events, cut_json
from rla.writers.json_writer import JsonWriter
from rla.writers.tensorboard_writer import TensorBoardWriter


def write(writer, steps, key="value"):
    for step in steps:
        writer.write(Dump({key: step * 0.5}, step, 1000.0 + step, {}))
    writer.close()


def rows(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_table_is_cut_after_the_step_and_can_be_continued(tmp_path):
    write(CsvWriter(tmp_path / "old.csv"), range(0, 100, 10))
    assert cut_csv(tmp_path / "old.csv", tmp_path / "new.csv", 45) == 1040.0
    write(CsvWriter(tmp_path / "new.csv"), [50, 60], key="late")
    assert [(row["time-step"], row["value"], row["late"]) for row in rows(tmp_path / "new.csv")] == [
        *[(str(step), str(step * 0.5), "") for step in range(0, 50, 10)],
        ("50", "", "25.0"),
        ("60", "", "30.0"),
    ]


def test_rows_of_a_run_that_went_back_are_kept_by_their_step(tmp_path):
    write(CsvWriter(tmp_path / "old.csv"), [10, 20, 30, 15, 25])
    cut_csv(tmp_path / "old.csv", tmp_path / "new.csv", 20)
    assert [row["time-step"] for row in rows(tmp_path / "new.csv")] == ["10", "20", "15"]


def test_a_torn_last_row_is_left_out_and_the_source_stays_as_it_is(tmp_path):
    old = tmp_path / "old.csv"
    write(CsvWriter(old), [1, 2])
    os.truncate(old, old.stat().st_size - 3)
    before = old.read_bytes()
    assert cut_csv(old, tmp_path / "new.csv", 9) == 1001.0
    assert [row["time-step"] for row in rows(tmp_path / "new.csv")] == ["1"]
    assert old.read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"value,time-step,timestamp\n", b"val"], ids=["empty", "header", "torn"])
def test_a_table_without_rows_is_no_trouble(tmp_path, content):
    (tmp_path / "old.csv").write_bytes(content)
    assert cut_csv(tmp_path / "old.csv", tmp_path / "new.csv", 5) is None
    assert rows(tmp_path / "new.csv") == []


texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=60)
@given(st.lists(st.tuples(texts, st.integers(-5, 20), texts), max_size=12), st.integers(-6, 21))
def test_any_text_in_quotes_is_cut_where_its_row_ends(tmp_path, table, step):
    header = ['a, "b"\nc', "time-step", "d"]
    lines = [csv_table.row(map(csv_table.quote, map(str, row))) for row in [header, *table]]
    (tmp_path / "old.csv").write_bytes(b"".join(lines))
    (tmp_path / "new.csv").unlink(missing_ok=True)
    cut_csv(tmp_path / "old.csv", tmp_path / "new.csv", step)
    with (tmp_path / "new.csv").open(newline="", encoding="utf-8") as file:
        kept = list(csv.reader(file))[1:]
    assert kept == [[a, str(s), d] for a, s, d in table if s <= step]


def test_json_lines_are_cut_after_the_step(tmp_path):
    write(JsonWriter(tmp_path / "old.json"), range(5))
    with (tmp_path / "old.json").open("ab") as file:
        file.write(b'{"value": 1.0, "time-s')
    cut_json(tmp_path / "old.json", tmp_path / "new.json", 2)
    lines = (tmp_path / "new.json").read_text().splitlines()
    assert [json.loads(line)["time-step"] for line in lines] == [0, 1, 2]


# --- events


def board(directory, steps, hparams):
    writer = TensorBoardWriter(directory)
    writer.add_hparams(hparams)
    writer.add_text("hyperparameters", "| lr |", 0)
    write_events(writer, steps)


def write_events(writer, steps):
    for step in steps:
        writer.write(Dump({"value": step * 0.5}, step, 1000.0 + step, {}))
    writer.end_hparams("success")
    writer.close()


def test_events_are_cut_after_the_step_and_the_file_can_be_continued(tmp_path):
    board(tmp_path / "old", [-1, 10, 20, 30], {"lr": 1})
    (tmp_path / "new").mkdir()
    target = tmp_path / "new" / "events.out.tfevents.1.host.2.0"
    cut_events(tmp_path / "old", target, 20)
    writer = TensorBoardWriter(tmp_path / "new", continued=target)
    writer.add_hparams({"lr": 2})
    write_events(writer, [21, 22])
    assert [file.name for file in (tmp_path / "new").iterdir()] == [target.name]
    found = EventAccumulator(str(target))
    found.Reload()
    assert [(event.step, event.value) for event in found.Scalars("value")] == [
        (step, step * 0.5) for step in (-1, 10, 20, 21, 22)
    ]


def test_the_hyperparameters_and_the_end_of_the_old_run_are_not_told_again(tmp_path):
    board(tmp_path / "old", [1], {"lr": 1})
    cut_events(tmp_path / "old", tmp_path / "new", 5)
    events = list(EventFileLoader(str(tmp_path / "new")).Load())
    assert [event.WhichOneof("what") for event in events] == ["file_version", "summary"]
    assert events[1].summary.value[0].tag == "value"


def test_what_lies_behind_a_damaged_record_is_left_out(tmp_path):
    board(tmp_path / "old", [1, 2, 3], {})
    (file,) = (tmp_path / "old").iterdir()
    data = bytearray(file.read_bytes())
    at = data.rindex(b"value")
    data[at] ^= 1
    file.write_bytes(data)
    cut_events(tmp_path / "old", tmp_path / "events.out.tfevents.1", 5)
    found = EventAccumulator(str(tmp_path / "events.out.tfevents.1"))
    found.Reload()
    assert [event.step for event in found.Scalars("value")] == [1, 2]


def test_a_directory_without_events_gives_an_empty_file_that_begins_as_any(tmp_path):
    (tmp_path / "new").mkdir()
    target = tmp_path / "new" / "events.out.tfevents.1.host.2.0"
    cut_events(tmp_path / "nowhere", target, 5)
    write_events(TensorBoardWriter(tmp_path / "new", continued=target), [1])
    assert next(iter(EventFileLoader(str(target)).Load())).file_version == "brain.Event:2"
