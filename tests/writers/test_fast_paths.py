"""The prepared rows are the same bytes as the plain ones."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from rla.writers import csv_writer, tensorboard_writer, text_writer
from rla.writers.base import Dump

NUMBERS = st.one_of(st.floats(), st.integers(), st.integers(-(2**63), 2**63 - 1), st.floats(width=32))
KEYS = st.text(max_size=12)
ROWS = st.dictionaries(KEYS, NUMBERS, min_size=1, max_size=8)
DUMPS = st.builds(Dump, ROWS, st.integers(-(2**63), 2**63 - 1), st.floats(0, 4e9))


@settings(max_examples=300, deadline=None)
@given(dumps=st.lists(DUMPS, min_size=1, max_size=3))
def test_a_csv_row_of_numbers_is_the_same_either_way(tmp_path_factory, dumps):
    path = tmp_path_factory.mktemp("csv") / "p.csv"
    writer = csv_writer.CsvWriter(path)
    for dump in dumps:
        plan = writer._plans[dump.shape]
        fast = csv_writer._numbers_row(plan, dump.cells)
        assert fast in (None, csv_writer._row(plan, dump.cells))
    writer.close()


@settings(max_examples=300, deadline=None)
@given(dump=DUMPS)
def test_a_table_of_numbers_is_the_same_either_way(dump):
    plan = text_writer._plan(dump.shape)
    cells = plan.pick(dump.cells)
    fast = plan.template % cells
    if len(fast) == plan.length:
        assert fast == text_writer._table(plan, cells)


@settings(max_examples=300, deadline=None)
@given(
    dump=st.builds(
        Dump, st.dictionaries(KEYS, st.one_of(NUMBERS, st.booleans(), st.text())), st.integers(), st.just(1e9)
    )
)
def test_an_event_is_the_same_either_way(dump):
    plan = tensorboard_writer._plan(dump.shape)
    if plan is None:
        return
    try:
        fast = tensorboard_writer._packed_event(plan, dump)
    except OverflowError:
        return
    assert fast == tensorboard_writer._event(plan, dump)


@settings(max_examples=200, deadline=None)
@given(values=st.dictionaries(KEYS, st.floats(-1e6, 1e6), min_size=1, max_size=8))
def test_ordinary_numbers_take_the_short_way(tmp_path_factory, values):
    dump = Dump(values, 5, 1.7e9)
    if not dump.settled:
        return
    writer = csv_writer.CsvWriter(tmp_path_factory.mktemp("csv") / "p.csv")
    assert csv_writer._numbers_row(writer._plans[dump.shape], dump.cells) is not None
    writer.close()
    plan = text_writer._plan(dump.shape)
    assert len(plan.template % plan.pick(dump.cells)) == plan.length
