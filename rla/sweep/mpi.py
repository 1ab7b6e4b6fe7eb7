"""Split a variant into MPI processes."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rla.errors import GridError, MissingDependencyError

ENVIRONMENT: Final = {"MKL_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
"""Many processes with many threads each would wait for one another."""
_LAUNCHER: Final = "mpirun"
_CPU_INFO: Final = Path("/proc/cpuinfo")


def process_count(num_cpu: int | str) -> int:
    """How many processes ``num_cpu`` means.

    Raises:
        GridError: It is neither a number from 1 on nor ``"auto"``.
    """
    if num_cpu == "auto":
        return _cores()
    if type(num_cpu) is not int or num_cpu < 1:
        raise GridError(f"num_cpu is a number from 1 on, or 'auto'; it is {num_cpu!r}", key="num_cpu")
    return num_cpu


def require_launcher(count: int) -> None:
    """Refuse several processes where there is nothing to start them with.

    Raises:
        MissingDependencyError: There is no ``mpirun``.
    """
    if count > 1:
        launcher()


def launcher() -> str:
    """The path of ``mpirun``: the one the user's shell finds, else the one installed beside Python.

    Raises:
        MissingDependencyError: There is none.
    """
    beside = str(Path(sys.executable).parent)
    found = shutil.which(_LAUNCHER) or shutil.which(_LAUNCHER, path=beside)
    if found is None:
        raise MissingDependencyError("mpich", "mpi", "num_cpu above 1")
    return found


def command(count: int, words: Sequence[str]) -> tuple[str, ...]:
    """A command as so many MPI processes."""
    return (launcher(), "-np", str(count), *words)


def _cores() -> int:
    """The cores that this process may use; two threads of one core count once where the system tells."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(usable, _physical_cores() or usable))


def _physical_cores() -> int | None:
    """How many cores the machine has, or None where the system does not tell."""
    try:
        blocks = _CPU_INFO.read_text(encoding="utf-8", errors="replace").split("\n\n")
    except OSError:
        return None
    lines = [dict(line.split(":", 1) for line in block.splitlines() if ":" in line) for block in blocks]
    fields = [{key.strip(): value.strip() for key, value in each.items()} for each in lines]
    cores = {(each["physical id"], each["core id"]) for each in fields if {"physical id", "core id"} <= each.keys()}
    return len(cores) or None
