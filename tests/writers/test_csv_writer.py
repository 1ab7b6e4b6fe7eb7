from __future__ import annotations

import csv
import math
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rla.fsio.atomic_write import TEMP_MARK
from rla.writers import csv_table
from rla.writers.base import Dump
from rla.writers.csv_writer import CsvWriter

AWKWARD = ["comma,", 'quote"', "line\nend", "#hash", "slash/é", "cr\r", " space ", "%s", "ünï", "a=b"]


def rows_of(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.reader(stream))


def write(path: Path, *dumps: dict) -> None:
    writer = CsvWriter(path)
    for step, values in enumerate(dumps):
        writer.write(Dump(values, step, 100.0 + step))
    writer.close()


def same(left: float, right: float) -> bool:
    return left == right or (math.isnan(left) and math.isnan(right))


def test_the_first_header_is_sorted_and_ends_with_our_columns(tmp_path):
    write(tmp_path / "p.csv", {"b": 1.0, "a": 2})
    assert (tmp_path / "p.csv").read_bytes() == b"a,b,time-step,timestamp\n2,1.0,0,100.0\n"


def test_late_keys_are_appended_sorted_and_old_rows_are_padded(tmp_path):
    write(tmp_path / "p.csv", {"b": 1.0}, {"z": 1, "c": 2}, {"b": 3.0})
    assert (tmp_path / "p.csv").read_text() == (
        "b,time-step,timestamp,c,z\n1.0,0,100.0,,\n,1,101.0,2,1\n3.0,2,102.0,,\n"
    )


def test_values_that_are_no_finite_numbers_have_one_spelling(tmp_path):
    values = {"a": math.nan, "b": math.inf, "c": -math.inf, "d": None, "e": True, "f": False, "g": "x"}
    write(tmp_path / "p.csv", values)
    assert rows_of(tmp_path / "p.csv")[1] == ["NaN", "inf", "-inf", "", "1", "0", "x", "0", "100.0"]


def test_pandas_reads_every_column_of_numbers_as_numbers(tmp_path):
    write(tmp_path / "p.csv", {"a": math.nan, "b": True, "c": 10**30}, {"a": math.inf, "b": False, "c": 1, "d": 2.5})
    frame = pd.read_csv(tmp_path / "p.csv")
    assert all(kind.kind in "if" for kind in frame.dtypes)


@settings(max_examples=100, deadline=None)
@given(
    keys=st.lists(st.one_of(st.text(max_size=8), st.sampled_from(AWKWARD)), min_size=1, max_size=5, unique=True),
    data=st.data(),
)
def test_csv_reader_gives_back_every_key_and_float(tmp_path_factory, keys, data):
    path = tmp_path_factory.mktemp("csv") / "p.csv"
    keys = [key for key in keys if key not in ("time-step", "timestamp")] or ["k"]
    rows = data.draw(st.lists(st.lists(st.floats(), min_size=len(keys), max_size=len(keys)), min_size=1, max_size=4))
    write(path, *({key: row[i] for i, key in enumerate(keys[: 1 + n])} for n, row in enumerate(rows)))
    header, *lines = rows_of(path)
    for n, (row, line) in enumerate(zip(rows, lines, strict=True)):
        got = dict(zip(header, line, strict=True))
        for i, key in enumerate(keys[: 1 + n]):
            assert same(float(got[csv_table.writable(key)]), row[i])


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.lists(st.floats(allow_nan=False), min_size=10, max_size=10), min_size=1, max_size=4))
def test_pandas_gives_back_every_awkward_key_and_float(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("csv") / "p.csv"
    write(path, *(dict(zip(AWKWARD, row, strict=True)) for row in rows))
    frame = pd.read_csv(path)
    assert set(AWKWARD) < set(frame.columns)
    for number, row in enumerate(rows):
        assert [float(frame[key][number]) for key in AWKWARD] == row


@settings(max_examples=100, deadline=None)
@given(texts=st.lists(st.text(min_size=1), min_size=1, max_size=5))
def test_text_values_round_trip_even_when_the_table_is_widened_later(tmp_path_factory, texts):
    path = tmp_path_factory.mktemp("csv") / "p.csv"
    write(path, *({"t": text} for text in texts), {"late": 1.0})
    header, *lines = rows_of(path)
    assert header == ["t", "time-step", "timestamp", "late"]
    assert [line[0] for line in lines] == [*map(csv_table.writable, texts), ""]
    assert all(len(line) == 4 for line in lines)


def test_a_value_under_the_name_of_the_time_step_loses_to_ours(tmp_path):
    write(tmp_path / "p.csv", {"a": 1.0, "time-step": 77, "timestamp": "x"})
    assert rows_of(tmp_path / "p.csv") == [["a", "time-step", "timestamp"], ["1.0", "0", "100.0"]]


def test_a_torn_tail_of_any_length_is_sealed_before_the_next_row(tmp_path):
    whole = tmp_path / "whole.csv"
    write(whole, {"a": 1.5, 't"\n': 'x,"y\nz"'}, {"a": 2.5, 't"\n': "\n\n"}, {"a": 3.5})
    data, expected = whole.read_bytes(), rows_of(whole)
    for length in range(len(data) + 1):
        torn = tmp_path / "torn.csv"
        torn.write_bytes(data[:length])
        writer = CsvWriter(torn)
        writer.write(Dump({"a": 9.0}, 9, 9.0))
        writer.close()
        header, *lines = rows_of(torn)
        assert all(len(line) == len(header) for line in lines), length
        assert lines[-1][header.index("a")] == "9.0"
        assert lines[:-1] == expected[1 : len(lines)], length


def test_resuming_continues_the_columns_that_are_there(tmp_path):
    write(tmp_path / "p.csv", {"b": 1.0, 'quo"ted\n': 2.0})
    write(tmp_path / "p.csv", {'quo"ted\n': 3.0, "a": 4.0})
    header, *lines = rows_of(tmp_path / "p.csv")
    assert header == ["b", 'quo"ted\n', "time-step", "timestamp", "a"]
    assert lines == [["1.0", "2.0", "0", "100.0", ""], ["", "3.0", "0", "100.0", "4.0"]]


def test_a_table_of_another_program_gets_our_columns(tmp_path):
    (tmp_path / "p.csv").write_text("x,y\n1,2\n")
    write(tmp_path / "p.csv", {"x": 3.0})
    assert rows_of(tmp_path / "p.csv") == [
        ["x", "y", "time-step", "timestamp"],
        ["1", "2", "", ""],
        ["3.0", "", "0", "100.0"],
    ]


def test_a_late_key_after_100_000_rows_costs_about_a_file_copy(tmp_path):
    path = tmp_path / "p.csv"
    keys = [f"key {i}" for i in range(10)]
    header = b",".join(map(str.encode, keys)) + b",time-step,timestamp\n"
    path.write_bytes(header + b"".join(b"%d.123456789012345," % n * 10 + b"%d,%d.5\n" % (n, n) for n in range(100_000)))
    writer = CsvWriter(path)
    writer.write(Dump({keys[0]: 1.0}, 1, 1.0))
    started = time.thread_time()
    with path.open(newline="") as file, (tmp_path / "copy").open("w", newline="") as copy:
        csv.writer(copy).writerows(csv.reader(file))
    row_by_row = time.thread_time() - started
    started = time.thread_time()
    writer.write(Dump({keys[0]: 2.0, "late": 5.0}, 2, 2.0))
    widened = time.thread_time() - started
    writer.close()
    frame = pd.read_csv(path)
    assert frame.shape == (100_002, 13)
    assert frame["late"].dropna().tolist() == [5.0]
    assert widened < row_by_row / 2, (widened, row_by_row)


def test_widening_leaves_no_temporary_file_and_keeps_the_mode(tmp_path):
    path = tmp_path / "p.csv"
    write(path, {"a": 1.0})
    path.chmod(0o640)
    write(path, {"b": 1.0})
    assert [entry.name for entry in tmp_path.iterdir()] == ["p.csv"]
    assert path.stat().st_mode & 0o777 == 0o640


def test_rows_after_a_widening_are_in_the_file_that_has_the_name(tmp_path):
    path = tmp_path / "p.csv"
    writer = CsvWriter(path)
    for values in ({"a": 1.0}, {"b": 2.0}, {"a": 3.0}):
        writer.write(Dump(values, 1, 1.0))
    assert len(rows_of(path)) == 4
    writer.close()


def test_an_alternation_of_key_sets_loses_nothing(tmp_path):
    path = tmp_path / "p.csv"
    write(path, *({"a": float(n)} if n % 2 else {"a": float(n), "b": n} for n in range(100)))
    frame = pd.read_csv(path)
    assert frame["a"].tolist() == list(range(100))
    assert frame["b"].dropna().tolist() == list(range(0, 100, 2))


class Interrupt(BaseException):
    pass


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # an interrupt between open and with
def test_interrupts_at_any_moment_of_a_widening_lose_no_row_that_was_written(tmp_path):
    path = tmp_path / "p.csv"
    writer = CsvWriter(path)
    armed = False

    def handler(*_: object) -> None:
        if armed:
            raise Interrupt

    before = signal.signal(signal.SIGALRM, handler)
    returned, interrupted = [], 0
    try:
        for number in range(400):
            try:
                armed = True
                signal.setitimer(signal.ITIMER_REAL, 1e-6 + (number * 7 % 397) * 1.5e-6)
                writer.write(Dump({"a": number, f"key {number // 3}": 1.0}, number, 1.0))
                armed = False
                returned.append(number)
            except Interrupt:
                armed = False
                interrupted += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    writer.write(Dump({"a": 400}, 400, 1.0))
    writer.close()
    header, *lines = rows_of(path)
    written = [int(line[0]) for line in lines]
    assert interrupted
    assert len(set(header)) == len(header)
    assert all(len(line) == len(header) for line in lines)
    assert written == sorted(set(written))
    assert set(returned) <= set(written)


KILLED = """
import sys
from pathlib import Path
from rla.writers.base import Dump
from rla.writers.csv_writer import CsvWriter
writer = CsvWriter(Path(sys.argv[1]))
for n in range(10**9):
    writer.write(Dump({"a": n, "text": 'a\\n"b', f"key {n // 20}": 1.0}, n, 1.0))
    sys.stdout.write(f"{n}\\n")
    sys.stdout.flush()
"""


@pytest.mark.faults
def test_a_kill_at_any_moment_leaves_a_whole_table_with_every_row_that_was_written(tmp_path):
    for attempt in range(8):
        path = tmp_path / f"p{attempt}.csv"
        child = subprocess.Popen([sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE)
        assert child.stdout is not None
        returned = b"".join(child.stdout.readline() for _ in range(1 + 150 * attempt))
        time.sleep(0.001 * attempt)
        child.kill()
        last = int((returned + child.communicate()[0]).split(b"\n")[-2])
        write(path, {"a": -1})
        header, *lines = rows_of(path)
        assert all(len(line) == len(header) for line in lines)
        assert [int(line[0]) for line in lines][: last + 1] == list(range(last + 1))
        for left in tmp_path.glob(f".*{TEMP_MARK}"):
            left.unlink()


def test_closing_lets_go_of_every_descriptor(tmp_path):
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(20):
        write(tmp_path / "p.csv", {"a": 1.0}, {"b": 1.0})
    assert len(list(Path("/proc/self/fd").iterdir())) == before
