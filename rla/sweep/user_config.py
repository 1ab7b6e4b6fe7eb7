"""The settings of grids. They are read when they are needed: assign to them at any time.

::

    from rla.sweep import user_config
    user_config.FORCE_DATESTAMP = True
"""

from __future__ import annotations

DEFAULT_DATA_DIR: str | None = None
"""Where output directories go when ``data_dir`` is not given; None for the data root."""

FORCE_DATESTAMP: bool = False
"""Whether every output directory carries its date, as with ``datestamp=True``."""

DEFAULT_SHORTHAND: bool = True
"""Whether a parameter without a shorthand gets one from its first letters."""

WAIT_BEFORE_LAUNCH: float = 0.0
"""Seconds between the announcement of a grid and its first variant: time to think again."""
