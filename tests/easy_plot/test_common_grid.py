"""Curves of different lengths and places on one axis."""

from __future__ import annotations

import numpy as np
import pytest

from rla.easy_plot.common_grid import common_grid, on_grid
from rla.easy_plot.smoothing import Smoothing
from rla.errors import ConfigError
from rla.runs.curves import Curve


def curve(*points: tuple[float, float]) -> Curve:
    x, y = zip(*points, strict=True)
    return Curve(np.array(x, dtype=float), np.array(y, dtype=float))


LONG, SHORT = curve((0, 0), (10, 10)), curve((4, 1), (6, 3))


def test_the_overlap_is_where_all_have_values_and_the_union_where_any_has():
    assert common_grid([LONG, SHORT], "overlap", 3).tolist() == [4, 5, 6]
    assert common_grid([LONG, SHORT], "union", 3).tolist() == [0, 5, 10]


def test_no_value_is_made_up_outside_of_a_run():
    values = on_grid([LONG, SHORT], np.array([0.0, 4.5, 10.0]), None)
    np.testing.assert_allclose(values, [[0, 4.5, 10], [np.nan, 1.5, np.nan]])
    smooth = on_grid([SHORT], np.array([0.0, 5.0, 10.0]), Smoothing("symmetric", 1))
    assert np.isnan(smooth[0]).tolist() == [True, False, True]


def test_runs_that_recorded_at_the_same_places_keep_them_exactly():
    first = curve((1, 5), (2, 6), (7, 8))
    grid = common_grid([first, curve((1, 1), (2, 2), (7, 3))], "overlap", 1000)
    assert grid.tolist() == [1, 2, 7]
    assert on_grid([first], grid, None).tolist() == [[5, 6, 8]]


def test_without_a_number_of_points_every_recorded_place_counts():
    both = [curve((0, 0), (3, 3), (9, 9)), curve((1, 1), (3, 3), (8, 8), (12, 12))]
    assert common_grid(both, "overlap", None).tolist() == [1, 3, 8, 9]
    assert common_grid(both, "union", None).tolist() == [0, 1, 3, 8, 9, 12]


def test_runs_without_anything_in_common_have_an_empty_overlap():
    apart = [curve((0, 0), (1, 1)), curve((5, 5), (6, 6))]
    assert common_grid(apart, "overlap", 10).tolist() == []
    assert len(common_grid(apart, "union", 10)) == 10


def test_runs_that_touch_in_one_point_have_that_point():
    assert common_grid([curve((0, 0), (5, 1)), curve((5, 5), (6, 6))], "overlap", 10).tolist() == [5]
    assert on_grid([curve((5, 7))], np.array([5.0]), Smoothing("symmetric", 1)).tolist() == [[7]]


@pytest.mark.parametrize(
    ("align", "points", "told"),
    [("middle", 10, "overlap or union"), ("union", 1, "at least 2"), ("union", 2.5, "whole")],
)
def test_what_cannot_be_is_refused(align, points, told):
    with pytest.raises(ConfigError, match=told):
        common_grid([LONG], align, points)
