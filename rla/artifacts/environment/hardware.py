"""The machine a run runs on: processors, memory, GPUs; found without loading a library."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from rla.artifacts.environment.bounded_process import BoundedProcess

NVIDIA_DRIVER: Final = Path("/proc/driver/nvidia")
_CGROUP: Final = Path("/sys/fs/cgroup")
_MODEL: Final = re.compile(r"^(?:model name|Model|Hardware)\s*:\s*(\S.*)$", re.MULTILINE)
_TOTAL: Final = re.compile(r"^MemTotal:\s*(\d+) kB$", re.MULTILINE)
_FIELD: Final = re.compile(r"^(Model|GPU UUID|Bus Location):\s*(\S.*?)\s*$", re.MULTILINE)
_DRIVER: Final = re.compile(r"Kernel Module.*?\s(\d+(?:\.\d+)+)\s")
_GPU_KEYS: Final = {"Model": "name", "GPU UUID": "uuid", "Bus Location": "bus"}
_SMI_FIELDS: Final = ("name", "uuid", "memory.total", "driver_version")
_HEAD_CHARS: Final = 4096
_MIB: Final = 1 << 20


def processors() -> dict[str, Any]:
    """``count`` of the host, how many of them are ``usable`` here, the ``quota`` of a container, the ``model``."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    found = {"count": os.cpu_count(), "usable": usable, "quota": _cpu_quota(), "model": _cpu_model()}
    return {key: value for key, value in found.items() if value is not None}


def memory() -> dict[str, int]:
    """``total`` bytes of the host, and the ``limit`` of a container."""
    total = _TOTAL.search(_head(Path("/proc/meminfo")))
    found = {"total": int(total[1]) * 1024 if total else _memory_by_pages(), "limit": _memory_limit()}
    return {key: value for key, value in found.items() if value is not None}


class GpuQuery:
    """Which NVIDIA GPUs there are: from the driver's files, else from ``nvidia-smi`` if that answers in time."""

    def __init__(self, environ: Mapping[str, str] = os.environ, driver: Path = NVIDIA_DRIVER) -> None:
        """Ask; nothing is started where the driver tells by itself."""
        self._found = driver_gpus(driver)
        self._smi = None if self._found else start_nvidia_smi(_SMI_FIELDS, environ)

    def finish(self, deadline: float) -> list[dict[str, Any]]:
        """Each GPU's ``name``, ``uuid``, ``driver`` and, where it is known, ``bus`` and ``memory`` in bytes."""
        found = self._found
        if self._smi is not None:
            found = [_from_smi(row) for row in smi_rows(self._smi, len(_SMI_FIELDS), deadline)]
        for gpu, size in zip(found, _torch_memory(), strict=False):
            gpu.setdefault("memory", size)
        return found


def driver_gpus(driver: Path = NVIDIA_DRIVER) -> list[dict[str, Any]]:
    """The GPUs in the driver's own files."""
    version = _DRIVER.search(_head(driver / "version"))
    gpus = []
    for file in sorted(driver.glob("gpus/*/information")):
        gpu: dict[str, Any] = {_GPU_KEYS[key]: value for key, value in _FIELD.findall(_head(file))}
        gpus.append({**gpu, "driver": version[1]} if version else gpu)
    return gpus


def start_nvidia_smi(fields: tuple[str, ...], environ: Mapping[str, str] = os.environ) -> BoundedProcess | None:
    """Ask ``nvidia-smi`` for fields of every GPU; None where it is not installed."""
    program = shutil.which("nvidia-smi", path=environ.get("PATH"))
    if program is None:
        return None
    question = [program, f"--query-gpu={','.join(fields)}", "--format=csv,noheader,nounits"]
    return BoundedProcess(question, environ=environ, limit=_MIB)


def smi_rows(asked: BoundedProcess, columns: int, deadline: float) -> list[list[str]]:
    """The rows of its answer; empty when it failed or took too long."""
    output = asked.finish(deadline)
    if output.problem is not None or output.code != 0:
        return []
    lines = output.text.decode("utf-8", "replace").splitlines()
    rows = [[cell.strip() for cell in line.split(",")] for line in lines]
    return [row for row in rows if len(row) == columns]


def _from_smi(row: list[str]) -> dict[str, Any]:
    name, uuid, size, driver = row
    gpu: dict[str, Any] = {"name": name, "uuid": uuid, "driver": driver}
    return {**gpu, "memory": int(size) * _MIB} if size.isdigit() else gpu


def _torch_memory() -> Iterator[int]:
    """The GPUs' memory, when torch uses them already: asking earlier would claim memory and break forks."""
    cuda = getattr(sys.modules.get("torch"), "cuda", None)
    if cuda is None or "CUDA_VISIBLE_DEVICES" in os.environ or not cuda.is_initialized():
        return
    for index in range(cuda.device_count()):
        yield int(cuda.get_device_properties(index).total_memory)


def _cpu_model() -> str | None:
    model = _MODEL.search(_head(Path("/proc/cpuinfo")))
    return model[1].strip() if model else None


def _cpu_quota() -> float | None:
    """How many processors' worth of time a container may use."""
    quota, _, period = _head(_CGROUP / "cpu.max").strip().partition(" ")
    return round(int(quota) / int(period), 2) if quota.isdigit() and period.isdigit() and int(period) else None


def _memory_limit() -> int | None:
    text = _head(_CGROUP / "memory.max").strip()
    return int(text) if text.isdigit() else None


def _memory_by_pages() -> int | None:
    with contextlib.suppress(ValueError, OSError, AttributeError):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return None


def _head(file: Path) -> str:
    """The beginning of a small file of the system; empty where there is none."""
    try:
        with file.open("rb", buffering=0) as opened:
            return opened.read(_HEAD_CHARS).decode("utf-8", "replace")
    except OSError:
        return ""
