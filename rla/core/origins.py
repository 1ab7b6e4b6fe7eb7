"""What makes a run, as the table calls it."""

from __future__ import annotations

from typing import Final

MANAGER: Final = "manager"
"""A script's own call of ``exp_manager`` or ``rla.init``."""

HERMES: Final = "hermes"
SWEEP: Final = "sweep"
"""A grid of :mod:`rla.sweep`."""

IMPORTED: Final = "imported"
"""Another tool, or an older version."""
