"""Look at stored runs: curves, figures and statistics.

The functions that RLA had here are fetched from their homes when they are first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rla.easy_plot.plot_func_v2 import plot_func as plot_func

_HOMES = {"plot_func": "rla.easy_plot.plot_func_v2"}

__all__ = ["plot_func"]


def __getattr__(name: str) -> Any:
    """Fetch a name from its home."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
