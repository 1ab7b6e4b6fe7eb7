"""Averages of runs, how sure they are, and how two algorithms compare: the functions, each at its documented path."""

from rla.easy_plot.estimates import iqm, mean, median, optimality_gap
from rla.easy_plot.pointwise import pointwise_count, pointwise_estimate, pointwise_interval

__all__ = [
    "iqm",
    "mean",
    "median",
    "optimality_gap",
    "pointwise_count",
    "pointwise_estimate",
    "pointwise_interval",
]
