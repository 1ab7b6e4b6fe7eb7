"""Performance profiles and sample-efficiency curves."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rla.easy_plot.bootstrap import bootstrap_estimate
from rla.easy_plot.profiles import performance_profile, sample_efficiency
from rla.errors import ConfigError, PlotDataError

NAN = np.nan


def test_a_profile_is_the_part_of_the_runs_above_each_threshold_and_not_at_it():
    found = performance_profile([0.0, 0.5, 0.5, 1.0], [-1.0, 0.0, 0.5, 0.7, 1.0])
    assert found.values.tolist() == [1.0, 0.75, 0.25, 0.25, 0.0]
    assert found.runs.tolist() == [4] * 5


def test_environments_weigh_the_same_in_a_profile():
    found = performance_profile({"a": [0.0] * 9, "b": [1.0]}, [0.5])
    assert found.values.tolist() == [0.5]
    assert any("1 to 9 runs" in note for note in found.notes)


def test_the_interval_of_a_profile_is_that_of_all_possible_draws():
    one, other = [0.1, 0.4, 0.9], [0.3, 0.5, 0.6]
    draws = itertools.product(itertools.product(one, repeat=3), itertools.product(other, repeat=3))
    parts = [(np.mean(np.array(a) > 0.45) + np.mean(np.array(b) > 0.45)) / 2 for a, b in draws]
    found = performance_profile({"a": one, "b": other}, [0.45], level=0.8, resamples=50_000)
    np.testing.assert_allclose([found.low[0], found.high[0]], np.quantile(parts, [0.1, 0.9]), atol=1e-9)


def test_the_profile_of_one_run_has_no_interval_and_says_so():
    found = performance_profile([0.3], [0.1, 0.5])
    assert np.isnan(found.low).all()
    assert np.isnan(found.high).all()
    assert found.notes == ("one run: no interval",)


@given(st.lists(st.floats(-10, 10), min_size=2, max_size=8), st.lists(st.floats(-10, 10), min_size=2, max_size=8))
def test_a_profile_falls_and_stays_within_its_interval(scores, thresholds):
    found = performance_profile(scores, sorted(thresholds), resamples=200)
    assert (np.diff(found.values) <= 1e-12).all()
    assert (found.low <= found.values + 1e-9).all()
    assert (found.values <= found.high + 1e-9).all()


def test_a_sample_efficiency_curve_is_the_aggregate_at_each_point():
    rng = np.random.default_rng(0)
    curves = {"a": rng.normal(size=(5, 3)), "b": rng.normal(size=(7, 3))}
    found = sample_efficiency(curves, [1, 2, 3], "iqm", resamples=4000)
    for place in range(3):
        alone = bootstrap_estimate({name: each[:, place] for name, each in curves.items()}, "iqm", resamples=4000)
        assert found.values[place] == pytest.approx(alone.value)
        np.testing.assert_allclose([found.low[place], found.high[place]], [alone.low, alone.high], atol=0.1)
    assert found.runs.tolist() == [12] * 3


def test_the_number_of_runs_behind_each_point_is_in_the_curve_and_told_where_it_changes():
    found = sample_efficiency([[1.0, 2.0, 3.0], [3.0, 4.0, NAN]], [0, 10, 20], "mean")
    assert found.values.tolist() == [2.0, 3.0, 3.0]
    assert found.runs.tolist() == [2, 2, 1]
    assert np.isnan(found.low).tolist() == [False, False, True]
    assert found.notes == ("1 to 2 runs stand behind a point",)


def test_a_point_that_an_environment_does_not_reach_has_no_value():
    curves = {"a": [[1.0, 2.0], [1.5, 2.5]], "b": [[5.0, NAN], [6.0, NAN]]}
    found = sample_efficiency(curves, [0, 1], "mean")
    assert found.values[0] == pytest.approx((1.25 + 5.5) / 2)
    assert np.isnan([found.values[1], found.low[1], found.high[1]]).all()
    assert "no value at 1 point: an environment has no run there" in found.notes


def test_curves_of_one_run_each_have_no_interval_and_say_so():
    found = sample_efficiency({"a": [[1.0]], "b": [[2.0]]}, [0], "mean")
    assert found.values.tolist() == [1.5]
    assert np.isnan(found.low).all()
    assert found.notes == ("one run of each: no interval",)


def test_curves_of_another_length_are_refused_with_both_sizes():
    with pytest.raises(PlotDataError, match=r"Ant have shape \(2, 3\), and there are 4 points"):
        sample_efficiency({"Ant": np.ones((2, 3))}, range(4))


def test_no_curves_are_refused():
    with pytest.raises(PlotDataError, match="no curves"):
        sample_efficiency({}, [1])


def test_settings_that_make_no_sense_are_refused():
    with pytest.raises(ConfigError, match="level"):
        performance_profile([1.0, 2.0], [1.0], level=2)
    with pytest.raises(ConfigError, match="'best'"):
        sample_efficiency([[1.0]], [0], "best")
