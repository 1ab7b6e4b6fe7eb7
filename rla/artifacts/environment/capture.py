"""All that a run records of its environment: the code's state, packages, Python, machine, scheduler."""

from __future__ import annotations

import os
import platform
import socket
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from rla.artifacts.environment import hardware
from rla.artifacts.environment.git_state import GitCapture
from rla.artifacts.environment.packages import installed_packages
from rla.core.redact import redact_text

VARIABLES: Final = (
    *("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "CUDA_LAUNCH_BLOCKING", "CUBLAS_WORKSPACE_CONFIG"),
    *("NVIDIA_VISIBLE_DEVICES", "NVIDIA_TF32_OVERRIDE", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES"),
    *("PYTORCH_CUDA_ALLOC_CONF", "TF_DETERMINISTIC_OPS", "TF_ENABLE_ONEDNN_OPTS", "XLA_FLAGS", "JAX_PLATFORMS"),
    *("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS", "OMP_PROC_BIND"),
    *("PYTHONHASHSEED", "PYTHONPATH", "PYTHONOPTIMIZE", "PYTHONDEVMODE"),
    *("CONDA_DEFAULT_ENV", "CONDA_PREFIX", "VIRTUAL_ENV"),
    *("WORLD_SIZE", "RANK", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR"),
    *("MUJOCO_GL", "PYOPENGL_PLATFORM", "SDL_VIDEODRIVER", "DISPLAY", "TZ", "LANG", "LC_ALL"),
)
"""The environment variables that are recorded; no others are."""

SLURM_VARIABLES: Final = (
    *("SLURM_JOB_ID", "SLURM_JOB_NAME", "SLURM_JOB_PARTITION", "SLURM_JOB_NODELIST", "SLURM_CLUSTER_NAME"),
    *("SLURM_ARRAY_JOB_ID", "SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_COUNT", "SLURM_ARRAY_TASK_MIN"),
    *("SLURM_ARRAY_TASK_MAX", "SLURM_ARRAY_TASK_STEP", "SLURM_PROCID", "SLURM_NTASKS", "SLURM_NODEID"),
    *("SLURM_CPUS_PER_TASK", "SLURM_MEM_PER_NODE", "SLURM_JOB_GPUS", "SLURM_RESTART_COUNT", "SLURMD_NODENAME"),
)
"""The variables of a Slurm job that are recorded."""

_CONTAINER_FILES: Final = {"/.dockerenv": "docker", "/run/.containerenv": "podman"}
_CONTAINER_VARIABLES: Final = {
    "APPTAINER_CONTAINER": "apptainer",
    "SINGULARITY_CONTAINER": "singularity",
    "KUBERNETES_SERVICE_HOST": "kubernetes",
}
_NOTHING: Final[tuple[object, ...]] = (None, "", [], {})


class EnvironmentCapture:
    """What is recorded of a run's environment. Nothing that goes wrong in it reaches the run.

    git and nvidia-smi are asked when it is made, and answer while the run does other work.
    """

    def __init__(
        self, project_root: Path, *, never: Sequence[Path] = (), environ: Mapping[str, str] = os.environ
    ) -> None:
        """Begin.

        Args:
            project_root: A directory of the repository that holds the code.
            never: Directories of which nothing is recorded: the data root.
            environ: The environment variables.
        """
        self._begun = time.monotonic()
        self._environ = environ
        self._git = _tried(lambda: GitCapture(project_root, never=never, environ=environ))
        self._gpus = _tried(lambda: hardware.GpuQuery(environ))

    def finish(self, timeout: float = 2.0) -> tuple[dict[str, Any], dict[str, Any]]:
        """What ``run.json`` holds as ``git`` and ``environment``. Never raises.

        Args:
            timeout: How many seconds after the beginning git and nvidia-smi are killed.
        """
        environment = self._environment()  # while git goes on
        deadline = self._begun + timeout
        capture = self._git
        git = capture if isinstance(capture, dict) else _tried(lambda: capture.finish(deadline))
        gpus = self._gpus
        environment["gpus"] = gpus if isinstance(gpus, dict) else _tried(lambda: gpus.finish(deadline))
        return git, {key: value for key, value in environment.items() if value not in _NOTHING}

    def cancel(self) -> None:
        """Stop what was begun, when the run does not start after all."""
        if isinstance(self._git, GitCapture):
            self._git.cancel()
        if isinstance(self._gpus, hardware.GpuQuery):
            self._gpus.finish(0.0)

    def _environment(self) -> dict[str, Any]:
        return {
            "python": _tried(python),
            "platform": _tried(system),
            "cpu": _tried(hardware.processors),
            "memory": _tried(hardware.memory),
            "container": _tried(lambda: container(self._environ)),
            "slurm": _tried(lambda: chosen(SLURM_VARIABLES, self._environ)),
            "variables": _tried(lambda: chosen(VARIABLES, self._environ)),
            **_tried(_packages),
        }


def python() -> dict[str, str]:
    """The interpreter: version, implementation, executable, and the environment it belongs to."""
    return {
        "version": platform.python_version(),
        "implementation": sys.implementation.name,
        "executable": sys.executable,
        "prefix": sys.prefix,
    }


def system() -> dict[str, str]:
    """The operating system, its release, the kind of processor, the C library, the node."""
    library = os.confstr("CS_GNU_LIBC_VERSION") if "CS_GNU_LIBC_VERSION" in getattr(os, "confstr_names", {}) else ""
    found = {
        "system": platform.system(),
        "release": platform.release(),
        "machine": platform.machine(),
        "libc": library or "",
        "node": socket.gethostname(),
    }
    return {key: value for key, value in found.items() if value}


def container(environ: Mapping[str, str]) -> str | None:
    """What kind of container this is, as far as it shows; None when it does not."""
    found = (kind for name, kind in _CONTAINER_VARIABLES.items() if environ.get(name))
    files = (kind for file, kind in _CONTAINER_FILES.items() if Path(file).exists())
    return next(found, None) or environ.get("container") or next(files, None)


def chosen(names: Sequence[str], environ: Mapping[str, str]) -> dict[str, str]:
    """Those of the named variables that are set, with secrets in them masked."""
    return {name: redact_text(environ[name]) for name in names if name in environ}


def _packages() -> dict[str, Any]:
    found = installed_packages()
    return {"packages": found.versions, "package_sources": found.sources, "editable": found.editable}


def _tried(look: Callable[[], Any]) -> Any:
    """What a look at the environment gives, or a note of what it raised."""
    try:
        return look()
    except Exception as error:  # noqa: BLE001 - a run starts whatever its environment is like
        return {"problems": [redact_text(f"{type(error).__name__}: {error}")]}
