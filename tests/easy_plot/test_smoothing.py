"""Smoothing, against its definitions computed by hand and by brute force."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rla.easy_plot.smoothing import Smoothing, ema, read_smoothing, symmetric_ema, window
from rla.errors import ConfigError

VALUES = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40)


@st.composite
def curves(draw):
    y = draw(VALUES)
    gaps = draw(st.lists(st.floats(0.01, 1e3), min_size=len(y), max_size=len(y)))
    return np.cumsum(gaps), np.array(y)


def brute_ema(x, y, decay):
    out = []
    for i in range(len(x)):
        weights = [math.exp(-(x[i] - x[j]) / decay) for j in range(i + 1)]
        out.append(sum(w * v for w, v in zip(weights, y[: i + 1], strict=True)) / sum(weights))
    return out


def test_an_ema_of_three_points_is_the_one_computed_by_hand():
    half = 1 / math.log(2)  # a distance of 1 halves the weight
    smooth = ema(np.array([0.0, 1.0, 3.0]), np.array([8.0, 2.0, 4.0]), half)
    assert smooth.tolist() == pytest.approx([8.0, (4 + 2) / 1.5, (1 + 0.5 + 4) / (1 / 8 + 1 / 4 + 1)])


@given(curves(), st.floats(0.1, 1e4))
@settings(deadline=None)
def test_an_ema_is_the_weighted_mean_of_all_values_so_far(curve, decay):
    np.testing.assert_allclose(ema(*curve, decay), brute_ema(*curve, decay), rtol=1e-9, atol=1e-6)


def test_a_window_of_three_is_the_mean_of_the_neighbours_and_of_two_at_the_ends():
    assert window(np.array([1.0, 2.0, 6.0, 4.0]), 3).tolist() == pytest.approx([1.5, 3.0, 4.0, 5.0])


def test_an_even_window_has_one_more_behind_than_ahead():
    assert window(np.array([1.0, 2.0, 6.0, 4.0]), 2).tolist() == pytest.approx([1.0, 1.5, 4.0, 5.0])


@given(VALUES, st.integers(1, 50))
@settings(deadline=None)
def test_a_window_is_exactly_as_wide_as_asked(values, width):
    ahead, behind = (width - 1) // 2, width - 1 - (width - 1) // 2
    expected = [np.mean(values[max(0, i - behind) : i + ahead + 1]) for i in range(len(values))]
    np.testing.assert_allclose(window(np.array(values), width), expected, rtol=1e-9, atol=1e-6)


@given(curves(), st.floats(0.1, 1e3), st.integers(1, 20))
@settings(deadline=None)
def test_a_symmetric_ema_is_the_mean_weighed_by_distance_on_both_sides(curve, decay, points):
    x, y = curve
    grid = np.linspace(x[0] - 1, x[-1] + 1, points)
    smooth = symmetric_ema(x, y, grid, decay)
    for place, value in zip(grid, smooth, strict=True):
        weights = np.exp(-np.abs(place - x) / decay) * np.where(x == place, 2, 1)
        if weights.sum() > 1e-7:
            assert value == pytest.approx((weights * y).sum() / weights.sum(), rel=1e-6, abs=1e-5)
        elif weights.sum() < 1e-9:
            assert math.isnan(value)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, None),
        (1, None),
        (11, Smoothing("window", 11)),
        ("11", Smoothing("window", 11)),
        ("window:3", Smoothing("window", 3)),
        ("ema:5e3", Smoothing("ema", 5000)),
        ("symmetric:0.5", Smoothing("symmetric", 0.5)),
        (Smoothing("ema", 2), Smoothing("ema", 2)),
    ],
)
def test_every_way_to_say_it_is_read(given, expected):
    assert read_smoothing(given) == expected


@pytest.mark.parametrize(
    "given", ["ema", "ema:", "ema:0", "ema:-1", "ema:nan", "ema:inf", "window:2.5", 2.5, 0, -3, "box:3", ""]
)
def test_what_is_none_of_them_is_refused_and_told(given):
    with pytest.raises(ConfigError, match="'ema:5000'"):
        read_smoothing(given)


def test_a_huge_value_spoils_no_window_that_it_is_not_in():
    values = np.array([1.0, 2.0, 1e30, 3.0, 5.0, 7.0, 9.0])
    assert window(values, 3)[[0, 4, 5, 6]].tolist() == [1.5, 5.0, 7.0, 8.0]
    assert window(np.empty(0), 3).tolist() == []
