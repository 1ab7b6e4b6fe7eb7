"""Averages of runs, how sure they are, and how algorithms compare: every function, at its documented path."""

from rla.easy_plot.bootstrap import Estimated, aggregate, bootstrap_estimate
from rla.easy_plot.estimates import iqm, mean, median, optimality_gap
from rla.easy_plot.improvement import probability_of_improvement
from rla.easy_plot.pointwise import pointwise_count, pointwise_estimate, pointwise_interval
from rla.easy_plot.profiles import Curve, performance_profile, sample_efficiency
from rla.easy_plot.scores import Scores, min_max_normalise, reference_normalise

__all__ = [
    "Curve",
    "Estimated",
    "Scores",
    "aggregate",
    "bootstrap_estimate",
    "iqm",
    "mean",
    "median",
    "min_max_normalise",
    "optimality_gap",
    "performance_profile",
    "pointwise_count",
    "pointwise_estimate",
    "pointwise_interval",
    "probability_of_improvement",
    "reference_normalise",
    "sample_efficiency",
]
