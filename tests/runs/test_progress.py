"""How far a run has come that has not said that it ended."""

from __future__ import annotations

import math

import pytest

from rla.core.layout import RunPaths
from rla.core.manifest import State
from rla.runs.progress import progress_of


@pytest.fixture
def paths(tmp_path):
    paths = RunPaths(tmp_path, "place")
    paths.log.mkdir(parents=True)
    return paths


def test_without_a_table_the_state_stays(paths):
    state = State(time_step=3, summary={"a": 1})
    assert progress_of(paths, state) is state


def test_the_last_row_is_newer_than_the_last_heartbeat(paths):
    paths.csv.write_text("a,b,time-step,timestamp\n1,x,10,5.0\n2.5,,20,6.0\n")
    state = progress_of(paths, State(time_step=10, summary={"a": 1, "old": 7}))
    assert (state.time_step, state.summary) == (20, {"a": 2.5, "old": 7})


@pytest.mark.parametrize(
    ("text", "value"),
    [("3", 3), ("0.5", 0.5), ("inf", math.inf), ("-inf", -math.inf), ("infinity", "infinity"), ("x", "x")],
)
def test_a_field_is_the_value_that_was_recorded(paths, text, value):
    paths.csv.write_text(f"a,time-step\n{text},1\n")
    assert progress_of(paths, State()).summary == {"a": value}


def test_nan_stays_nan(paths):
    paths.csv.write_text("a,time-step\nNaN,1\n")
    assert math.isnan(progress_of(paths, State()).summary["a"])


@pytest.mark.parametrize("table", ["a\n1\n", "a,time-step\n1,\n", "a,time-step\n1,soon\n", "\xff\xfe", '"'])
def test_a_table_without_time_steps_changes_nothing(paths, table):
    paths.csv.write_text(table, encoding="latin-1")
    state = State(time_step=3)
    assert progress_of(paths, state) == state
