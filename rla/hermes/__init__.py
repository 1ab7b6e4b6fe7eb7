"""Run the jobs of a hermes file, and read what they left.

``rla.hermes.Experiment``, ``ExperimentList`` and ``Result`` are the names for scripts; they are fetched
when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rla.hermes.experiment import Experiment
    from rla.hermes.experiment_list import ExperimentList
    from rla.hermes.result import Result

__all__ = ["Experiment", "ExperimentList", "Result"]

_HOMES = {
    "Experiment": "rla.hermes.experiment",
    "ExperimentList": "rla.hermes.experiment_list",
    "Result": "rla.hermes.result",
}


def __getattr__(name: str) -> Any:
    """Fetch a name from its home."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib  # noqa: PLC0415 - only when a name is asked for

    return getattr(importlib.import_module(_HOMES[name]), name)
