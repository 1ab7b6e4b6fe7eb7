"""The names of spinningup's ``run_utils``: a script that changes its import line finds all it had here."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

from rla.sweep import user_config
from rla.sweep.declaration import DIV_LINE_WIDTH
from rla.sweep.grid import ExperimentGrid
from rla.sweep.launch import call_experiment, database_of
from rla.sweep.naming import all_bools, output_place, valid_str

__all__ = ["DIV_LINE_WIDTH", "ExperimentGrid", "all_bools", "call_experiment", "setup_logger_kwargs", "valid_str"]


def setup_logger_kwargs(
    exp_name: str,
    seed: int | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    datestamp: bool = False,
) -> dict[str, str]:
    """Where a logger of spinningup's kind is to write, for a script that calls its function itself.

    Args:
        exp_name: The run's name.
        seed: Its seed, or None.
        data_dir: What the directory lies in; by default ``DEFAULT_DATA_DIR``, else the data root.
        datestamp: Whether the directory carries its date.

    Returns:
        ``output_dir`` and ``exp_name``. The directory is not made, and nobody else is kept from it.

    Raises:
        GridError: The name cannot be a directory's.
    """
    stamped = datestamp or user_config.FORCE_DATESTAMP
    place = output_place(exp_name, seed, datestamp=stamped, now=datetime.now())  # noqa: DTZ005 - for people here
    base = data_dir or user_config.DEFAULT_DATA_DIR or database_of(None)[1].root
    return {"output_dir": str(Path(base) / place), "exp_name": exp_name}
