"""Scores by environment, and how they are made comparable."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rla.easy_plot.scores import min_max_normalise, read_scores, reference_normalise
from rla.errors import PlotDataError

NAN = np.nan


def test_a_row_is_one_environment_and_a_table_has_one_in_each_column():
    assert read_scores([1.0, 2.0]).runs == {"": 2}
    assert read_scores([[1.0, 10.0], [2.0, 20.0], [3.0, NAN]]).runs == {"0": 3, "1": 2}


def test_what_is_not_finite_is_left_out_and_counted():
    found = read_scores({"Hopper": [1.0, NAN, np.inf, 2.0], "Ant": [3.0, 4.0]})
    assert found.by_environment["Hopper"].tolist() == [1.0, 2.0]
    assert found.left_out == {"Hopper": 2}
    assert found.notes() == ("2 NaN or infinite left out of 'Hopper'",)


def test_unequal_numbers_of_runs_are_told():
    assert read_scores({"a": [1.0] * 3, "b": [1.0] * 5}).notes() == ("the environments have 3 to 5 runs",)


@pytest.mark.parametrize(
    ("scores", "words"),
    [
        ({"Hopper": [NAN, np.inf]}, "no finite score of 'Hopper'"),
        ([NAN], "no finite score;"),
        ({}, "there are no scores"),
        (np.zeros((2, 2, 2)), r"\(2, 2, 2\)"),
        (3.0, r"shape \(\)"),
    ],
)
def test_scores_that_say_nothing_are_refused(scores, words):
    with pytest.raises(PlotDataError, match=words):
        read_scores(scores)


def test_human_normalised_scores_are_zero_for_random_and_one_for_human_play():
    # Pong and Breakout, random and human: Mnih et al. 2015, Extended Data Table 2
    table = {"Pong": (-20.7, 9.3), "Breakout": (1.7, 31.8)}
    found = reference_normalise({"Pong": [-20.7, 9.3, 18.9], "Breakout": [401.2]}, table)
    np.testing.assert_allclose(found["Pong"], [0.0, 1.0, 1.32])
    np.testing.assert_allclose(found["Breakout"], [13.27], atol=0.005)  # 1327 % in the paper


def test_an_environment_without_references_is_named_with_the_nearest():
    with pytest.raises(PlotDataError, match=r"'Pnog'.*did you mean Pong") as caught:
        reference_normalise({"Pnog": [1.0]}, {"Pong": (0, 1)})
    assert caught.value.name == "Pnog"


def test_equal_references_are_refused():
    with pytest.raises(PlotDataError, match="two that differ"):
        reference_normalise({"Pong": [1.0]}, {"Pong": (2, 2)})
    with pytest.raises(PlotDataError, match="two that differ"):
        min_max_normalise([3.0, 3.0])


def test_normalising_by_the_extremes_uses_those_of_each_environment_and_keeps_nan():
    found = min_max_normalise({"a": [2.0, 4.0, NAN, 3.0], "b": [-1.0, 1.0]})
    np.testing.assert_array_equal(found["a"], [0.0, 1.0, NAN, 0.5])
    np.testing.assert_array_equal(found["b"], [0.0, 1.0])


def test_normalising_by_given_bounds_may_leave_zero_and_one():
    assert min_max_normalise([-1.0, 5.0, 11.0], low=0, high=10)[""].tolist() == [-0.1, 0.5, 1.1]


@given(st.lists(st.floats(-1e6, 1e6), min_size=2).filter(lambda values: max(values) - min(values) > 1e-3))
def test_normalised_scores_keep_their_order_and_span_zero_to_one(values):
    found = min_max_normalise(values)[""]
    assert found.min() == 0
    assert found.max() == 1
    order = np.argsort(values, kind="stable")
    assert (np.diff(found[order]) >= 0).all()
