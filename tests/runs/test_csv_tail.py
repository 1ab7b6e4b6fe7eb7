"""The last whole row of a table, whatever its texts and wherever it was torn."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rla.runs import csv_tail
from rla.runs.csv_tail import last_row

CELLS = st.one_of(
    st.text(alphabet='ab1,"\n ', max_size=8), st.floats(allow_nan=False).map(str), st.text(max_size=5)
).filter(lambda text: "\r" not in text and "\0" not in text and not any(0xD800 <= ord(c) < 0xE000 for c in text))
KEYS = st.lists(CELLS.filter(bool), min_size=1, max_size=4, unique=True)


def encoded(rows: list[list[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


@st.composite
def tables(draw) -> list[list[str]]:
    header = [*draw(KEYS), "time-step"]
    row = st.lists(CELLS, min_size=len(header) - 1, max_size=len(header) - 1)
    return [header, *([*cells, str(step)] for step, cells in enumerate(draw(st.lists(row, max_size=6))))]


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("csv") / "progress.csv"


@pytest.fixture(params=[16 * 1024, 1, 7, 16], autouse=True, ids="chunk of {}".format)
def _chunk(request, monkeypatch):
    """A small piece begins within rows and inside quoted fields."""
    monkeypatch.setattr(csv_tail, "_FIRST_CHUNK", request.param)
    monkeypatch.setattr(csv_tail, "_BLOCK", 5)


class TestLastRow:
    @given(table=tables())
    @example(table=[["a", "time-step"], ['1\n2,3\n"', "0"]])
    @example(table=[["a", "b", "time-step"], ["x\n1,2,3\ny", "5", "6"]])
    def test_it_is_what_the_csv_module_reads_last(self, file, table):
        file.write_bytes(encoded(table))
        expected = dict(zip(table[0], table[-1], strict=True)) if len(table) > 1 else None
        assert last_row(file) == expected

    @settings(deadline=None, max_examples=40)  # each is read once per byte
    @given(table=tables())
    @example(table=[["a", "time-step"], ["0", "9"], ["x\n2,3\ny", "1"]])
    @example(table=[["a", "time-step"], ['"', "0"], ['\n"\n', "1"]])
    def test_torn_at_any_byte_it_is_the_last_row_that_was_written_whole(self, file, table):
        content = encoded(table)
        ends = [len(encoded(table[: count + 1])) for count in range(len(table))]
        for cut in range(len(content) + 1):
            file.write_bytes(content[:cut])
            whole = sum(end <= cut for end in ends)
            expected = dict(zip(table[0], table[whole - 1], strict=True)) if whole > 1 else None
            assert last_row(file) == expected, content[:cut]


def test_a_row_of_another_width_is_passed_over(file):
    file.write_bytes(b"a,b,time-step\n1,2,3\n4,5\n")
    assert last_row(file) == {"a": "1", "b": "2", "time-step": "3"}


def test_without_a_file_or_a_row_there_is_none(file, tmp_path):
    assert last_row(tmp_path / "missing") is None
    file.write_bytes(b"")
    assert last_row(file) is None
    file.write_bytes(b"a,time-step\n")
    assert last_row(file) is None


def test_a_long_table_is_read_from_its_end(file):
    file.write_bytes(b"a,time-step\n" + b"".join(b"%d,%d\n" % (n, n) for n in range(100_000)) + b"7")
    assert last_row(file) == {"a": "99999", "time-step": "99999"}


def test_a_row_longer_than_the_piece_that_is_read_first_is_found(file):
    file.write_bytes(b"a,time-step\n1,1\n" + b"x" * 100_000 + b",2\n")
    assert last_row(file)["time-step"] == "2"
