"""Aggregates over environments, and the stratified bootstrap, against definitions and all possible draws."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rla.easy_plot.bootstrap import AGGREGATES, aggregate, bootstrap_estimate
from rla.easy_plot.estimates import iqm, mean, median, optimality_gap
from rla.easy_plot.resampling import draw, times_drawn
from rla.errors import ConfigError, PlotDataError

TABLE = {"a": [0.0, 0.2, 0.4, 1.4], "b": [0.6, 0.8, 1.0, 1.2], "c": [2.0, 2.2, 2.4, 2.6]}
# means 0.5, 0.9, 2.3; in order: 0 .2 .4 .6 .8 1 1.2 1.4 2 2.2 2.4 2.6; the middle six: .6 .8 1 1.2 1.4 2


@pytest.mark.parametrize(
    ("estimate", "expected"),
    [
        ("mean", 3.7 / 3),
        ("median", 0.9),
        ("iqm", 7.0 / 6),
        ("optimality_gap", ((1 + 0.8 + 0.6) + (0.4 + 0.2)) / 12),
    ],
)
def test_the_aggregates_of_three_environments_are_those_computed_by_hand(estimate, expected):
    assert aggregate(TABLE, estimate) == pytest.approx(expected)


def test_the_target_of_the_optimality_gap_can_be_chosen():
    assert aggregate(TABLE, "optimality_gap", target=0.5) == pytest.approx((0.5 + 0.3 + 0.1) / 12)


def test_the_median_of_one_environment_is_that_of_its_runs():
    assert aggregate([1.0, 2.0, 9.0], "median") == 2.0


def test_environments_weigh_the_same_in_mean_and_gap_whatever_their_number_of_runs():
    scores = {"a": [0.0], "b": [1.0] * 9}
    assert aggregate(scores, "mean") == 0.5
    assert aggregate(scores, "optimality_gap") == 0.5


def test_an_unequal_number_of_runs_is_told_with_what_it_means_for_the_interquartile_mean():
    found = bootstrap_estimate({"a": [0.0, 1.0], "b": [1.0] * 9}, "iqm")
    assert found.runs == {"a": 2, "b": 9}
    assert any("2 to 9 runs" in note for note in found.notes)
    assert any("weighs more" in note for note in found.notes)


def test_the_interval_is_that_of_all_possible_draws_within_each_environment():
    """Two environments of three runs have 27 x 27 equally probable draws."""
    one, other = [0.0, 1.0, 5.0], [10.0, 12.0, 17.0]
    draws = list(itertools.product(itertools.product(one, repeat=3), itertools.product(other, repeat=3)))
    exact = {
        "mean": [np.mean([np.mean(a), np.mean(b)]) for a, b in draws],
        "iqm": [np.mean(sorted(a + b)[1:-1]) for a, b in draws],
        "median": [np.median([np.mean(a), np.mean(b)]) for a, b in draws],
        "optimality_gap": [(np.maximum(11 - np.array(a + b), 0)).mean() for a, b in draws],
    }
    for estimate in AGGREGATES:
        found = bootstrap_estimate({"a": one, "b": other}, estimate, level=0.8, resamples=60_000, target=11.0, seed=1)
        expected = np.quantile(exact[estimate], [0.1, 0.9])
        np.testing.assert_allclose([found.low, found.high], expected, atol=0.09, err_msg=estimate)


def test_runs_are_never_exchanged_between_environments():
    found = bootstrap_estimate({"a": [0.0] * 4, "b": [1.0] * 4}, "mean")
    assert (found.low, found.high) == (0.5, 0.5)


def test_one_run_has_no_interval_and_says_so():
    found = bootstrap_estimate([3.0], "mean")
    assert found.value == 3.0
    assert math.isnan(found.low)
    assert math.isnan(found.high)
    assert found.notes == ("one run: no interval",)


def test_one_run_of_each_environment_has_no_interval_and_says_so():
    found = bootstrap_estimate([[1.0, 2.0]], "mean")
    assert math.isnan(found.low)
    assert found.notes == ("one run of each: no interval",)


def test_one_run_in_some_environments_is_told():
    found = bootstrap_estimate({"a": [1.0], "b": [1.0, 2.0]}, "mean")
    assert found.low < found.high
    assert any("1 of 2 samples are of one run" in note for note in found.notes)


def test_nan_does_not_spread_and_is_counted():
    found = bootstrap_estimate({"a": [1.0, 2.0, np.nan], "b": [np.inf, 3.0, 4.0]}, "mean")
    assert found.value == 2.5
    assert found.runs == {"a": 2, "b": 2}
    assert found.notes == ("1 NaN or infinite left out of 'a'", "1 NaN or infinite left out of 'b'")


@pytest.mark.parametrize("function", [mean, median, iqm, optimality_gap])
def test_the_plain_averages_refuse_nan_and_nothing(function):
    with pytest.raises(PlotDataError, match="2 of 3 scores are NaN or infinite"):
        function([1.0, np.nan, np.inf])
    with pytest.raises(PlotDataError, match="no scores"):
        function([])


def test_the_plain_averages_are_those_of_the_definitions():
    scores = [5.0, 1.0, 3.0, 100.0]
    assert mean(scores) == 27.25
    assert median(scores) == 4.0
    assert iqm(scores) == 4.0
    assert optimality_gap(scores, target=4.0) == 1.0


def test_an_unknown_estimate_is_named_with_those_there_are():
    with pytest.raises(ConfigError, match="'average'; choose one of mean, median, iqm, optimality_gap"):
        aggregate([1.0], "average")


def test_the_same_seed_gives_the_same_interval_and_another_one_another():
    scores = np.random.default_rng(0).normal(size=(10, 3))
    assert bootstrap_estimate(scores, seed=1) == bootstrap_estimate(scores, seed=1)
    assert bootstrap_estimate(scores, seed=1).low != bootstrap_estimate(scores, seed=2).low


def test_many_runs_are_drawn_in_pieces_and_all_draws_count():
    pieces = draw([1_000_000, 100_000], 7, seed=0)
    assert len(pieces) == 7
    assert [[each.shape for each in piece] for piece in pieces] == [[(1, 1_000_000), (1, 100_000)]] * 7


def test_the_parts_of_a_draw_count_how_often_each_run_is_in_it():
    assert times_drawn(np.array([[0, 0, 2], [1, 1, 1]]), 3).tolist() == [[2 / 3, 0, 1 / 3], [0, 1, 0]]


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    """Of three environments with ten normal runs each; the percentile bootstrap is known to be a little too narrow."""
    generator = np.random.default_rng(3)
    inside = 0
    for _ in range(400):
        scores = generator.normal([0.0, 1.0, 5.0], size=(10, 3))
        found = bootstrap_estimate(scores, "mean", resamples=300)
        inside += found.low < 2.0 < found.high
    assert 0.87 < inside / 400 < 0.97


@settings(max_examples=50)
@given(
    st.dictionaries(
        st.text(max_size=3), st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=6), min_size=1, max_size=3
    ),
    st.sampled_from(AGGREGATES),
)
def test_the_order_of_runs_and_environments_does_not_matter(scores, estimate):
    turned = {name: values[::-1] for name, values in reversed(scores.items())}
    assert aggregate(turned, estimate) == pytest.approx(aggregate(scores, estimate), abs=1e-9)
