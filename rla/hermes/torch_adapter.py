"""Files of torch that hold plain data, and nothing that would run code."""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from typing import Any

from rla.errors import CheckpointError, MissingDependencyError
from rla.fsio.atomic_write import atomic_write


def load_plain(file: Path) -> Any:
    """What a file holds, on the CPU.

    Raises:
        FileNotFoundError: It is not there.
        MissingDependencyError: torch is not installed.
        CheckpointError: It is damaged, or would run code.
    """
    torch = _torch()
    with file.open("rb") as opened:
        try:
            return torch.load(opened, map_location="cpu", weights_only=True)
        except Exception as error:  # torch names no errors of its own
            text = f"{file} is damaged, or holds more than numbers, texts, lists and tensors"
            raise CheckpointError(text, path=file) from error


def save_plain(value: Any, file: Path) -> None:
    """Write a file, whole or not at all.

    Raises:
        OSError: It cannot be written.
        MissingDependencyError: torch is not installed.
    """
    import io  # noqa: PLC0415 - torch has loaded it

    buffer = io.BytesIO()
    _torch().save(value, buffer)
    atomic_write(file, buffer.getvalue())


def tensor(value: Any) -> Any:
    """A tensor of numbers.

    Raises:
        MissingDependencyError: torch is not installed.
    """
    return _torch().as_tensor(value)


def is_tensor(value: object) -> bool:
    """Whether something is a tensor; without torch nothing is."""
    return type(value).__module__.partition(".")[0] == "torch" and hasattr(value, "numpy")


def _torch() -> Any:
    if importlib.util.find_spec("torch") is None:
        raise MissingDependencyError("torch", "torch", "a result file")
    return importlib.import_module("torch")
