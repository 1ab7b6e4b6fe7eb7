"""The average of runs at each point, and its bootstrap interval."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rla.easy_plot.estimates import iqm, optimality_gap
from rla.easy_plot.pointwise import pointwise_count, pointwise_estimate, pointwise_interval
from rla.easy_plot.resampling import percentiles
from rla.errors import ConfigError

NAN = np.nan


def test_the_iqm_leaves_a_quarter_out_at_either_end():
    # of 1..8 the middle half is 3, 4, 5, 6
    assert iqm(np.array([8.0, 1, 7, 2, 6, 3, 5, 4])) == 4.5


def test_the_iqm_is_not_moved_by_an_outlier():
    assert iqm(np.array([1.0, 2, 3, 1e9])) == 2.5


@pytest.mark.parametrize(("count", "expected"), [(1, 0.0), (2, 0.5), (3, 1.0), (5, 2.0), (7, 3.0)])
def test_the_iqm_leaves_out_whole_values_only(count, expected):
    assert iqm(np.arange(float(count))) == expected


def test_the_iqm_takes_away_the_axis_that_is_named():
    values = np.array([[1.0, 100], [2, 200], [3, 300], [99, 400]])
    assert iqm(values, 0).tolist() == [2.5, 250.0]
    assert iqm(values, 1).tolist() == [50.5, 101.0, 151.5, 249.5]


def test_the_optimality_gap_counts_what_is_missing_to_the_target():
    assert optimality_gap(np.array([0.5, 1.0, 3.0, 0.0])) == pytest.approx((0.5 + 0 + 0 + 1) / 4)
    assert optimality_gap(np.array([2.0, 3.0]), target=4.0) == pytest.approx(1.5)


@pytest.mark.parametrize(("estimate", "expected"), [("mean", [4.0, 2.0]), ("median", [3.0, 2.0]), ("iqm", [3.0, 2.0])])
def test_the_estimate_at_a_point_is_that_of_the_runs_that_have_a_value_there(estimate, expected):
    values = np.array([[1.0, 1], [2, 2], [4, 3], [9, NAN]])
    assert pointwise_estimate(values, estimate).tolist() == expected


def test_the_runs_behind_each_point_are_counted_without_nan_and_inf():
    assert pointwise_count(np.array([[1.0, NAN, NAN], [2, np.inf, NAN]])).tolist() == [2, 0, 0]


def test_a_point_without_a_value_is_nan_and_no_warning():
    values = np.array([[NAN, 1.0, np.inf], [NAN, 3.0, 5.0]])
    np.testing.assert_array_equal(pointwise_estimate(values, "iqm"), [NAN, 2.0, 5.0])


def test_one_run_has_an_estimate_and_no_interval():
    values = np.array([[1.0, 2.0]])
    assert pointwise_estimate(values).tolist() == [1.0, 2.0]
    low, high = pointwise_interval(values)
    assert np.isnan(low).all()
    assert np.isnan(high).all()


def test_no_run_has_no_value_and_no_interval():
    assert np.isnan(pointwise_estimate(np.empty((0, 3)))).all()
    assert np.isnan(pointwise_interval(np.empty((0, 3)))[0]).all()


def test_there_is_an_interval_exactly_where_two_runs_have_a_value():
    values = np.array([[1.0, 1.0, 1.0], [2.0, 2.0, NAN], [3.0, NAN, NAN]])
    low, high = pointwise_interval(values)
    assert np.isfinite(low).tolist() == np.isfinite(high).tolist() == [True, True, False]
    assert low[0] < 2 < high[0]


def test_runs_that_agree_have_an_interval_of_no_width():
    low, high = pointwise_interval(np.full((5, 2), 7.25))
    np.testing.assert_allclose([low, high], 7.25, rtol=1e-15)


@pytest.mark.parametrize("estimate", ["mean", "median", "iqm"])
def test_the_interval_is_that_of_all_possible_draws(estimate):
    """Of four runs there are 4**4 equally probable draws: the bootstrap's exact distribution."""
    runs = np.array([0.0, 1.0, 5.0, 11.0])
    draws = np.array(list(itertools.product(runs, repeat=4)))
    reduce = {"mean": np.mean, "median": np.median, "iqm": iqm}[estimate]
    exact = np.quantile(reduce(draws, axis=1), [0.1, 0.9])
    found = pointwise_interval(runs[:, None], estimate, level=0.8, resamples=200_000)
    np.testing.assert_allclose(np.ravel(found), exact, atol=0.13)


def test_a_point_with_missing_runs_has_the_interval_of_the_others_alone():
    rng = np.random.default_rng(1)
    runs = rng.normal(size=(4, 3))
    holed = np.insert(runs, 2, NAN, axis=0)
    np.testing.assert_array_equal(pointwise_interval(holed), pointwise_interval(runs))


def test_many_points_have_the_intervals_they_have_alone():
    rng = np.random.default_rng(2)
    values = rng.normal(size=(6, 3000))
    low, high = pointwise_interval(values, "iqm", resamples=300)
    for point in (0, 1500, 2999):
        alone = pointwise_interval(values[:, [point]], "iqm", resamples=300)
        np.testing.assert_array_equal(np.ravel(alone), [low[point], high[point]])


def test_the_same_seed_gives_the_same_interval_and_another_one_another():
    values = np.random.default_rng(3).normal(size=(8, 5))
    np.testing.assert_array_equal(pointwise_interval(values, seed=4), pointwise_interval(values, seed=4))
    assert not np.array_equal(pointwise_interval(values, seed=4), pointwise_interval(values, seed=5))


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    """Bootstrap intervals of 30 normal values are known to cover a little less than their level."""
    samples = np.random.default_rng(5).normal(3.0, 2.0, size=(30, 2000))
    low, high = pointwise_interval(samples, resamples=400)
    assert 0.91 < np.mean((low < 3.0) & (high > 3.0)) < 0.96


def test_percentiles_are_numpys_by_linear_interpolation():
    drawn = np.random.default_rng(6).normal(size=(7, 101))
    expected = np.quantile(drawn, [0.05, 0.95], axis=1)
    np.testing.assert_allclose(percentiles(drawn, 0.9), expected, rtol=1e-13)


@given(arrays(np.float64, st.tuples(st.integers(2, 6), st.integers(1, 4)), elements=st.floats(-1e6, 1e6)))
def test_bounds_lie_between_the_smallest_and_the_largest_run(values):
    low, high = pointwise_interval(values, resamples=50)
    slack = 1e-9 * (1 + np.abs(values).max())
    assert (low >= values.min(axis=0) - slack).all()
    assert (high <= values.max(axis=0) + slack).all()
    assert (low <= high).all()


@pytest.mark.parametrize("settings", [{"level": 0.0}, {"level": 95}, {"resamples": 0}, {"estimate": "avg"}])
def test_an_interval_that_cannot_be_made_is_refused(settings):
    with pytest.raises(ConfigError, match=f"{next(iter(settings.values()))!r}"):
        pointwise_interval(np.ones((3, 2)), **settings)
