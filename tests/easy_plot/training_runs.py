"""Runs whose recorded values a test knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import rla
from rla import logger, time_step_holder


def record_run(root: Path, given: Mapping[str, object], values: Sequence[object], key: str = "return") -> str:
    """Record one run with a dump every 100 time steps; its uid."""
    with rla.init("demo", dict(given), data_root=root, log_used=["csv"]) as run:
        for place, value in enumerate(values):
            time_step_holder.set_time(100 * place)
            logger.record_tabular(key, value)
            logger.dump_tabular()
    return str(run.uid)
