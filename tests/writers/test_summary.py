from __future__ import annotations

import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rla.writers.summary import SummaryTracker

VALUES = st.one_of(st.floats(), st.integers(-(10**6), 10**6), st.booleans(), st.none(), st.text(max_size=3))
ROWS = st.lists(st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3), max_size=40)


def tracked(rows: list[dict]) -> tuple[dict, dict]:
    tracker = SummaryTracker()
    for row in rows:
        tracker.add(row)
    return tracker.snapshot()


def test_last_and_range_over_many_dumps():
    last, ranges = tracked([{"a": float(n), "b": n % 2 == 0} for n in range(1000)])
    assert last == {"a": 999.0, "b": False}
    assert ranges == {"a": {"min": 0.0, "max": 999.0, "mean": 499.5}, "b": {"min": 0.0, "max": 1.0, "mean": 0.5}}


@settings(max_examples=300, deadline=None)
@given(rows=ROWS)
def test_it_says_what_going_through_all_rows_says(rows):
    last, ranges = tracked(rows)
    for key in "abc":
        recorded = [row[key] for row in rows if row.get(key) is not None]
        finite = [float(v) for v in recorded if not isinstance(v, str) and math.isfinite(v)]
        assert repr(last.get(key)) == repr(recorded[-1] if recorded else None)
        assert (key in ranges) == bool(finite)
        if finite:
            assert (ranges[key]["min"], ranges[key]["max"]) == (min(finite), max(finite))
            scale = max(map(abs, finite))
            mean = sum(v / len(finite) for v in finite)
            assert ranges[key]["mean"] == pytest.approx(mean, rel=1e-6, abs=scale * 1e-6)


def test_a_snapshot_in_between_changes_nothing():
    tracker = SummaryTracker()
    for n in range(300):
        tracker.add({"a": float(n)})
        if n % 7 == 0:
            tracker.snapshot()
    assert tracker.snapshot()[1]["a"] == {"min": 0.0, "max": 299.0, "mean": pytest.approx(149.5)}


def test_values_that_are_no_numbers_are_short_text():
    last, ranges = tracked([{"a": [1], "b": "x" * 5000, "c": np.float32(0.5), "d": math.nan, "e": 10**400}])
    assert last["a"] == "[1]"
    assert len(last["b"]) == 200
    assert last["c"] == 0.5
    assert math.isnan(last["d"])
    assert list(ranges) == ["c"]


def test_the_latest_of_alternating_key_sets_is_last():
    rows = [{"a": 1.0, "b": 1.0}, {"a": 2.0}, {"a": 3.0, "b": 3.0}, {"a": 4.0}]
    assert tracked(rows)[0] == {"a": 4.0, "b": 3.0}


def test_memory_is_bounded_whatever_is_recorded():
    tracker = SummaryTracker()
    tracemalloc.start()
    for _ in range(300):
        tracker.add({"big": np.zeros(100_000), "text": "x" * 100_000})
    assert tracemalloc.get_traced_memory()[0] < 2_000_000
    tracemalloc.stop()
    for n in range(12_000):
        tracker.add({f"key {n}": 1.0})
    assert len(tracker.snapshot()[0]) == 10_000
