"""Which of many cooperating processes records: only the first."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

_VARIABLES: Final = ("RLA_RANK", "RANK", "OMPI_COMM_WORLD_RANK", "PMI_RANK", "SLURM_PROCID", "LOCAL_RANK")
"""In order of trust: what a user says, then torchrun, MPI, Slurm, then the rank on this machine only."""


def records_here(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether this process is rank 0; the first variable that holds a number decides."""
    for variable in _VARIABLES:
        rank = environ.get(variable, "")
        if rank.isdigit():
            return int(rank) == 0
    return True
