"""Find where a training's memory goes: what the process really uses, and its largest objects and tensors.

::

    record_memory()
    logger.dump_tabular()
    print_large_memory_variable()
"""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from rla.artifacts.environment.hardware import smi_rows, start_nvidia_smi
from rla.easy_log.current import current
from rla.easy_log.large_objects import LargeObject, find_large_objects

MIB: Final = 1 << 20
_STATM: Final = Path("/proc/self/statm")
_STATUS: Final = Path("/proc/self/status")
_PEAK: Final = re.compile(r"^VmHWM:\s*(\d+) kB$", re.MULTILINE)
_SMI_FIELDS: Final = ("index", "memory.used", "memory.total")
_SMI_PATIENCE: Final = 1.0


class GpuMemory(NamedTuple):
    """The memory of one GPU, in bytes.

    Attributes:
        number: Its number, as torch or nvidia-smi counts.
        used: What this process's tensors take, where torch tells; else what all processes use.
        reserved: What torch holds for this process, its cache included; None where torch does not tell.
        total: What the GPU has.
    """

    number: int
    used: int
    reserved: int | None
    total: int


class MemoryUsed(NamedTuple):
    """The memory of this process, in bytes.

    Attributes:
        resident: What it has in the machine's memory now; where the system tells only the peak, the peak.
        peak: The most it ever had.
        gpus: The GPUs it sees; empty without any.
    """

    resident: int
    peak: int
    gpus: tuple[GpuMemory, ...] = ()


def memory_used() -> MemoryUsed:
    """The memory of this process and of its GPUs. Where torch uses no GPU, nvidia-smi is asked, for at most 1 s."""
    peak = _peak()
    resident = _resident() or peak
    return MemoryUsed(resident, max(peak, resident), _torch_gpus() or _smi_gpus())


def record_memory() -> MemoryUsed:
    """Record what :func:`memory_used` gives, in MiB, as ``memory_used/{resident,peak,gpu <number>}``.

    Raises:
        NotConfiguredError: No run was started.
    """
    record = current.logger().logkv
    used = memory_used()
    record("memory_used/resident", used.resident / MIB)
    record("memory_used/peak", used.peak / MIB)
    for gpu in used.gpus:
        record(f"memory_used/gpu {gpu.number}", gpu.used / MIB)
    return used


def print_large_memory_variable(
    min_bytes: int = 100 * MIB, limit: int = 20, *, seconds: float = 2.0
) -> list[LargeObject]:
    """Write the largest objects that this process holds as lines of the run's log, if there is a run.

    Args:
        min_bytes: How large an object must be.
        limit: How many at most, the largest first.
        seconds: How long the search may take; what it has not reached by then is missing.

    Returns:
        The objects; an array or tensor counts with the whole memory it keeps, and once.
    """
    began = time.monotonic()
    found = find_large_objects(min_bytes, limit, seconds)
    if (run := current.get()) is not None:
        used = memory_used()
        run.logger.log(f"memory: {used.resident / MIB:.0f} MiB resident, {used.peak / MIB:.0f} MiB at its peak")
        for one in found:
            run.logger.log(f"  {one}")
        if time.monotonic() - began >= seconds:
            run.logger.log(f"  the search was stopped after {seconds:g} s: there may be more")
    return found


def _resident() -> int:
    try:
        return int(_STATM.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):  # not Linux
        return 0


def _peak() -> int:
    """The kernel's own figure; the other one also holds what the parent used before it started this process."""
    try:
        match = _PEAK.search(_STATUS.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        match = None
    return int(match[1]) * 1024 if match else _peak_of_usage()


def _peak_of_usage() -> int:
    try:
        import resource  # noqa: PLC0415 - Unix only
    except ImportError:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _torch_gpus() -> tuple[GpuMemory, ...]:
    """What torch knows, where it has started to use GPUs; asking earlier would claim memory on each."""
    cuda = getattr(sys.modules.get("torch"), "cuda", None)
    return () if cuda is None or not cuda.is_initialized() else tuple(_of_torch(cuda))


def _of_torch(cuda: Any) -> Iterator[GpuMemory]:
    for index in range(cuda.device_count()):
        total = int(cuda.get_device_properties(index).total_memory)
        yield GpuMemory(index, int(cuda.memory_allocated(index)), int(cuda.memory_reserved(index)), total)


def _smi_gpus() -> tuple[GpuMemory, ...]:
    asked = start_nvidia_smi(_SMI_FIELDS)
    if asked is None:
        return ()
    rows = smi_rows(asked, len(_SMI_FIELDS), time.monotonic() + _SMI_PATIENCE)
    numbers = [[int(cell) for cell in row] for row in rows if all(cell.isdigit() for cell in row)]
    return tuple(GpuMemory(index, used * MIB, None, total * MIB) for index, used, total in numbers)
