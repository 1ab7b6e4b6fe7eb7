"""The states of the random generators of a process, so that a resumed run draws what it would have drawn.

Captured are Python's ``random``, NumPy's global generator and the ``Generator`` objects that are
passed, torch's CPU generator and that of every CUDA device: of the libraries that are loaded. Not
captured: other generators of yours, environments, and worker processes; keep those as related variables.
"""

from __future__ import annotations

import random
import sys
import warnings
from collections.abc import Mapping
from typing import Any

from rla.errors import RlaWarning


def capture(generators: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The present states.

    Args:
        generators: ``numpy.random.Generator`` objects of yours, by a name.

    Returns:
        Values that a checkpoint holds: ``python``, ``numpy``, ``torch``, ``torch_cuda`` and
        ``generators``, as far as there are any.
    """
    states: dict[str, Any] = {"python": random.getstate()}
    if (numpy_random := sys.modules.get("numpy.random")) is not None:
        states["numpy"] = numpy_random.get_state(legacy=False)
    if (torch := sys.modules.get("torch")) is not None:
        states["torch"] = torch.get_rng_state()
        if torch.cuda.is_available() and torch.cuda.is_initialized():  # asking must not start CUDA
            states["torch_cuda"] = torch.cuda.get_rng_state_all()
    if generators:
        states["generators"] = {name: generator.bit_generator.state for name, generator in generators.items()}
    return states


def restore(states: Mapping[str, Any], generators: Mapping[str, Any] | None = None) -> None:
    """Put the states back; what cannot be put back is told in a warning.

    Args:
        states: From :func:`capture`, also through a checkpoint.
        generators: The objects to set, by the names given to :func:`capture`.
    """
    if "python" in states:
        version, internal, gauss = states["python"]
        random.setstate((version, tuple(internal), gauss))
    if "numpy" in states and _is_loaded("numpy.random"):
        sys.modules["numpy.random"].set_state(states["numpy"])
    if "torch" in states and _is_loaded("torch"):
        torch = sys.modules["torch"]
        torch.set_rng_state(_tensor(torch, states["torch"]))
        _restore_cuda(torch, [_tensor(torch, state) for state in states.get("torch_cuda", ())])
    _restore_generators(states.get("generators", {}), generators or {})


def _restore_cuda(torch: Any, states: list[Any]) -> None:
    devices = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if len(states) > devices:
        _warn(f"the random states of {len(states)} CUDA devices were saved, and there are {devices}")
    for device, state in enumerate(states[:devices]):
        torch.cuda.set_rng_state(state, device)


def _restore_generators(states: Mapping[str, Any], generators: Mapping[str, Any]) -> None:
    if states.keys() != generators.keys():
        _warn(f"random generators {sorted(states)} were saved, and {sorted(generators)} are to be set")
    for name in states.keys() & generators.keys():
        generators[name].bit_generator.state = states[name]


def _tensor(torch: Any, state: Any) -> Any:
    """A state that came through a file without tensors is an array."""
    return state if isinstance(state, torch.Tensor) else torch.from_numpy(state)


def _is_loaded(module: str) -> bool:
    if module not in sys.modules:
        _warn(f"the random state of {module} was saved, and it is not loaded: import it first")
    return module in sys.modules


def _warn(message: str) -> None:
    warnings.warn(message, RlaWarning, stacklevel=4)
