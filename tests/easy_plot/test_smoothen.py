"""The sliding mean and deviation, against the definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rla.easy_plot.smoothen import smoothen
from rla.errors import ConfigError


def test_a_window_holds_exactly_as_many_values_as_were_asked_for():
    means, deviations = smoothen([1.0, 2.0, 6.0, 4.0, 8.0], window_size=3)
    np.testing.assert_allclose(means, [1.0, 1.5, 3.0, 4.0, 6.0])
    np.testing.assert_allclose(deviations, [0.0, 0.5, np.sqrt(14 / 3), np.sqrt(8 / 3), np.sqrt(8 / 3)])


def test_a_window_of_one_value_is_the_value():
    means, deviations = smoothen([3.0, 1.0, 2.0], 1)
    assert means.tolist() == [3.0, 1.0, 2.0]
    assert deviations.tolist() == [0.0, 0.0, 0.0]


def test_a_window_wider_than_all_values_is_of_those_there_are():
    assert smoothen([2.0, 4.0], 100)[0].tolist() == [2.0, 3.0]
    assert smoothen([2.0], 10**9)[0].tolist() == [2.0]


def test_no_values_have_no_means():
    means, deviations = smoothen([])
    assert (means.shape, deviations.shape) == ((0,), (0,))


def test_nan_and_infinity_do_not_spread():
    means, deviations = smoothen([np.nan, 1.0, np.nan, 3.0, np.inf, np.nan, np.nan], 3)
    np.testing.assert_array_equal(means, [np.nan, 1.0, 1.0, 2.0, 3.0, 3.0, np.nan])
    np.testing.assert_array_equal(deviations, [np.nan, 0.0, 0.0, 1.0, 0.0, 0.0, np.nan])


def test_small_differences_of_large_values_stay():
    values = 1e9 + np.arange(1000.0) % 2
    means, deviations = smoothen(values, 10)
    np.testing.assert_allclose(means[9:], 1e9 + 0.5, rtol=0, atol=1e-6)
    np.testing.assert_allclose(deviations[9:], 0.5, atol=1e-9)


@given(st.lists(st.floats(-1e6, 1e6), max_size=40), st.integers(1, 50))
def test_it_is_the_mean_and_deviation_of_each_window(values, width):
    means, deviations = smoothen(values, width)
    for place in range(len(values)):
        window = values[max(0, place - width + 1) : place + 1]
        assert means[place] == pytest.approx(np.mean(window), abs=1e-6)
        assert deviations[place] == pytest.approx(np.std(window), abs=1e-3)


def test_many_values_are_those_of_few():
    values = np.random.default_rng(0).normal(size=30_000)
    np.testing.assert_allclose(smoothen(values, 250)[0][-100:], smoothen(values[-400:], 250)[0][-100:])


def test_a_window_of_no_size_is_refused():
    with pytest.raises(ConfigError, match="0 values"):
        smoothen([1.0], 0)
