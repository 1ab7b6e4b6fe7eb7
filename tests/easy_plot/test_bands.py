"""The line and the band of a group, against values computed by hand."""

from __future__ import annotations

import numpy as np
import pytest

from rla.easy_plot.bands import Band
from rla.easy_plot.pointwise import pointwise_interval
from rla.errors import ConfigError

VALUES = np.array([[1.0, 5.0, np.nan], [2.0, np.nan, np.nan], [6.0, 7.0, 4.0]])


def rounded(values) -> list[float | None]:
    return [None if np.isnan(value) else round(float(value), 6) for value in values]


def test_the_mean_is_of_the_runs_that_have_a_value():
    summary = Band("mean", None).summary(VALUES)
    assert rounded(summary.estimate) == [3, 6, 4]
    assert summary.n.tolist() == [3, 2, 1]
    assert rounded(summary.low) == rounded(summary.high) == [None, None, None]


@pytest.mark.parametrize(
    ("band", "low", "high"),
    [
        ("std", [3 - 7**0.5, 6 - 2**0.5, None], [3 + 7**0.5, 6 + 2**0.5, None]),
        ("stderr", [3 - (7 / 3) ** 0.5, 5, None], [3 + (7 / 3) ** 0.5, 7, None]),
        ("minmax", [1, 5, None], [6, 7, None]),
    ],
)
def test_each_band_is_as_defined_and_one_run_has_none(band, low, high):
    summary = Band("mean", band).summary(VALUES)
    assert rounded(summary.low) == [None if each is None else round(each, 6) for each in low]
    assert rounded(summary.high) == [None if each is None else round(each, 6) for each in high]


def test_an_interval_is_the_bootstrap_interval_of_its_estimate():
    values = np.random.default_rng(0).normal(size=(7, 5))
    for estimate in ("mean", "median", "iqm"):
        summary = Band(estimate, "ci90", resamples=200, seed=3).summary(values)
        low, high = pointwise_interval(values, estimate, 0.9, 200, 3)
        np.testing.assert_array_equal([summary.low, summary.high], [low, high])


@pytest.mark.parametrize(
    ("band", "text"),
    [
        (Band(), "mean, 95 % bootstrap interval"),
        (Band("iqm", "ci99.5"), "interquartile mean, 99.5 % bootstrap interval"),
        (Band("median", "std"), "median ± standard deviation"),
        (Band("mean", "stderr"), "mean ± standard error"),
        (Band("mean", "minmax"), "mean and lowest to highest run"),
        (Band("median", None), "median"),
    ],
)
def test_a_band_says_what_it_is(band, text):
    assert str(band) == text


@pytest.mark.parametrize(("estimate", "band"), [("average", "std"), ("mean", "sd"), ("mean", "ci0"), ("mean", "ci100")])
def test_what_is_unknown_is_refused_with_what_there_is(estimate, band):
    with pytest.raises(ConfigError, match="choose one of"):
        Band(estimate, band)
