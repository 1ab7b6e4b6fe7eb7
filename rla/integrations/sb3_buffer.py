"""The replay buffer of Stable-Baselines3 as arrays in a file that runs no code."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from rla.errors import ConfigError
from rla.fsio.atomic_write import sync_directory, temporary_beside

if TYPE_CHECKING:
    from stable_baselines3.common.base_class import BaseAlgorithm

FILE: Final = "replay_buffer.npz"
_ARRAYS: Final = ("observations", "next_observations", "actions", "rewards", "dones", "timeouts")


def save_buffer(model: BaseAlgorithm, directory: str | Path) -> Path | None:
    """Write what a model's replay buffer holds, whole or not at all; None where it has none.

    Raises:
        OSError: The disk refused; the file before it is as it was.
    """
    buffer = getattr(model, "replay_buffer", None)
    if buffer is None:
        return None
    target = Path(directory) / FILE
    temporary = temporary_beside(target)
    used = buffer.buffer_size if buffer.full else buffer.pos
    arrays = {key: array[:used] for key, array in _arrays(buffer).items()}
    try:
        with temporary.open("xb") as file:
            np.savez(file, **arrays, _pos=np.array(buffer.pos), _full=np.array(buffer.full))
        temporary.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    sync_directory(target.parent)
    return target


def load_buffer(model: BaseAlgorithm, file: Path) -> None:
    """Fill a model's replay buffer with what :func:`save_buffer` wrote.

    Raises:
        ConfigError: The model has no such buffer, or one of another size.
        OSError: The file cannot be read.
    """
    buffer = getattr(model, "replay_buffer", None)
    if buffer is None:
        raise ConfigError(f"{file} holds a replay buffer, and {type(model).__name__} has none")
    arrays = _arrays(buffer)
    with np.load(file, allow_pickle=False) as stored:
        for key, array in arrays.items():
            if key not in stored or len(stored[key]) > len(array) or stored[key].shape[1:] != array.shape[1:]:
                raise ConfigError(f"the replay buffer in {file} does not fit that of this model (at {key})")
            array[: len(stored[key])] = stored[key]
        buffer.pos, buffer.full = int(stored["_pos"]), bool(stored["_full"])


def _arrays(buffer: Any) -> dict[str, Any]:
    """Every array of a buffer; one of dictionaries has one per key."""
    found: dict[str, Any] = {}
    for name in _ARRAYS:
        held = getattr(buffer, name, None)
        parts = held.items() if isinstance(held, dict) else [("", held)] if held is not None else []
        found |= {f"{name}/{key}" if key else name: array for key, array in parts}
    return found
