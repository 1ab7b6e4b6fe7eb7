"""rla, an experiment database for reinforcement learning.

Every run (code, hyperparameters, recorded values, checkpoints, figures) is one item: plain files
in a directory tree by task and index, and one row of an SQL table.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rla.easy_log import logger as logger
    from rla.easy_log.init import init as init
    from rla.easy_log.query_tool import experiment_data_query as experiment_data_query
    from rla.easy_log.query_tool import single_experiment_query as single_experiment_query
    from rla.easy_log.resume import resume as resume
    from rla.easy_log.tester import exp_manager as exp_manager
    from rla.easy_log.time_step import time_step_holder as time_step_holder
    from rla.easy_plot.comparison import compare as compare
    from rla.easy_plot.learning_curves import plot as plot
    from rla.runs.query import query as query

__version__ = "0.1.0"

_HOMES = {
    "compare": "rla.easy_plot.comparison",
    "exp_manager": "rla.easy_log.tester",
    "experiment_data_query": "rla.easy_log.query_tool",
    "init": "rla.easy_log.init",
    "logger": "rla.easy_log",
    "plot": "rla.easy_plot.learning_curves",
    "query": "rla.runs.query",
    "resume": "rla.easy_log.resume",
    "single_experiment_query": "rla.easy_log.query_tool",
    "time_step_holder": "rla.easy_log.time_step",
}
"""Where each short name lives; it is imported when first used, so that ``import rla`` costs next to nothing."""

__all__ = [
    "__version__",
    "compare",
    "exp_manager",
    "experiment_data_query",
    "init",
    "logger",
    "plot",
    "query",
    "resume",
    "single_experiment_query",
    "time_step_holder",
]


def __getattr__(name: str) -> Any:
    """Fetch a short name from its home."""
    if name not in _HOMES:
        raise AttributeError(f"module 'rla' has no attribute {name!r}")
    if name == "logger":
        return importlib.import_module("rla.easy_log.logger")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
