from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from rla.core import json_codec
from rla.writers.base import Dump
from rla.writers.json_writer import JsonWriter

CELLS = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), st.text(st.characters())
)


def test_a_dump_is_one_line_with_our_two_names_last(tmp_path):
    writer = JsonWriter(tmp_path / "p.json")
    writer.write(Dump({"b": 1.5, "a": math.nan}, 3, 4.5))
    writer.close()
    assert (tmp_path / "p.json").read_text() == '{"b":1.5,"a":{"$float":"NaN"},"time-step":3,"timestamp":4.5}\n'


@settings(max_examples=100, deadline=None)
@given(rows=st.lists(st.dictionaries(st.text(), CELLS, min_size=1), min_size=1, max_size=3))
def test_every_cell_round_trips(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("json") / "p.json"
    writer = JsonWriter(path)
    dumps = [Dump(row, 1, 2.0) for row in rows]
    for dump in dumps:
        writer.write(dump)
    writer.close()
    lines = path.read_text(encoding="utf-8").split("\n")
    expected = [{**dump.settled, "time-step": 1, "timestamp": 2.0} for dump in dumps if dump.settled]
    assert [json_codec.loads(line) for line in lines[:-1]] == expected


def test_a_torn_last_line_is_dropped_on_resume(tmp_path):
    (tmp_path / "p.json").write_text('{"a":1}\n{"a":')
    writer = JsonWriter(tmp_path / "p.json")
    writer.write(Dump({"a": 2}, 3, 4.5))
    writer.close()
    assert len((tmp_path / "p.json").read_text().splitlines()) == 2
