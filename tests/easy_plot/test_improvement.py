"""The probability that one algorithm beats another."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rla.easy_plot.improvement import probability_of_improvement
from rla.errors import PlotDataError

SCORES = st.lists(st.integers(-3, 3).map(float), min_size=1, max_size=5)


def by_counting(ours, theirs) -> float:
    """The definition: over all pairs, a tie counting half."""
    outcomes = [1.0 if x > y else 0.5 if x == y else 0.0 for x, y in itertools.product(ours, theirs)]
    return sum(outcomes) / len(outcomes)


def test_it_is_the_part_of_the_pairs_that_is_won_a_tie_counting_half():
    # 3 beats 1 and 2 and ties with 3; 2 beats 1 and ties with 2: 2.5 + 1.5 of 6
    assert probability_of_improvement([3.0, 2.0], [1.0, 2.0, 3.0]).value == pytest.approx(4 / 6)


@given(SCORES, SCORES)
def test_it_is_what_counting_all_pairs_gives(ours, theirs):
    found = probability_of_improvement(ours, theirs, resamples=10)
    assert found.value == pytest.approx(by_counting(ours, theirs))


@given(SCORES, SCORES)
def test_the_two_directions_add_up_to_one(ours, theirs):
    there = probability_of_improvement(ours, theirs, resamples=10).value
    back = probability_of_improvement(theirs, ours, resamples=10).value
    assert there + back == pytest.approx(1.0)


def test_environments_weigh_the_same_whatever_their_number_of_runs():
    ours = {"a": [1.0], "b": [0.0] * 9}
    theirs = {"b": [1.0], "a": [0.0] * 4}
    assert probability_of_improvement(ours, theirs).value == 0.5


def test_the_interval_is_that_of_all_possible_draws_of_both():
    ours, theirs = [1.0, 4.0, 6.0], [2.0, 3.0, 5.0]
    draws = itertools.product(itertools.product(ours, repeat=3), itertools.product(theirs, repeat=3))
    exact = np.quantile([by_counting(*pair) for pair in draws], [0.05, 0.95])
    found = probability_of_improvement(ours, theirs, level=0.9, resamples=100_000)
    np.testing.assert_allclose([found.low, found.high], exact, atol=0.02)


def test_better_in_every_pair_has_no_width_and_is_not_called_sure():
    found = probability_of_improvement([5.0, 6.0], [1.0, 2.0])
    assert (found.value, found.low, found.high) == (1.0, 1.0, 1.0)
    assert any("does not make it sure" in note for note in found.notes)


def test_one_run_against_one_has_no_interval_and_says_so():
    found = probability_of_improvement([5.0], [1.0])
    assert found.value == 1.0
    assert math.isnan(found.low)
    assert found.notes == ("one run of each: no interval",)


def test_environments_that_only_one_has_are_refused_and_named():
    with pytest.raises(PlotDataError, match="Ant, Hopper"):
        probability_of_improvement({"Ant": [1.0], "Pong": [1.0]}, {"Hopper": [1.0], "Pong": [1.0]})


@settings(max_examples=30)
@given(SCORES, SCORES, st.integers(0, 5))
def test_the_interval_lies_between_zero_and_one(ours, theirs, seed):
    found = probability_of_improvement(ours, theirs, resamples=50, seed=seed)
    if len(ours) == len(theirs) == 1:
        assert math.isnan(found.low)
    else:
        assert -1e-12 <= found.low <= found.high <= 1 + 1e-12
