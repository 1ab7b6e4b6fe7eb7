"""Many runs of one function: grids of parameters, each variant in a process of its own."""

from rla.sweep.grid import ExperimentGrid
from rla.sweep.launch import call_experiment
from rla.sweep.space import choice, loguniform, uniform

__all__ = ["ExperimentGrid", "call_experiment", "choice", "loguniform", "uniform"]
