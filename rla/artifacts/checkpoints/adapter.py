"""The contract between the checkpoints and a framework."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Final

from rla.artifacts.checkpoints.file import Fingerprint
from rla.artifacts.checkpoints.plain_values import PlainValues
from rla.errors import CheckpointError

FORMAT: Final = 1
FORMAT_KEY: Final = "rla_checkpoint"
"""What marks the content of a file as ours; its value is the version of the format."""


class Adapter(ABC):
    """Writes and reads the one file of a checkpoint.

    An implementation keeps these promises; ``tests/artifacts/test_checkpoint_contract.py`` checks them:

    * What it writes holds no pickled object, and :meth:`read` gives it back as
      :mod:`rla.artifacts.checkpoints.plain_values` tells.
    * What cannot be kept raises :class:`CheckpointError` whose ``key`` is the place of the value.
    * Tensors and arrays go to the file without a full copy in memory.
    * The file is durable when :meth:`write` returns.
    * :meth:`read` runs no code from a file unless it is trusted.

    Attributes:
        suffix: How its files end.
    """

    suffix: ClassVar[str]

    @abstractmethod
    def write(self, path: Path, content: Mapping[str, Any]) -> Fingerprint:
        """Write the content to a new file.

        Args:
            path: Does not exist; its directory does, and may be used for temporary files.
            content: Values by text.

        Returns:
            What the file is to be known by.

        Raises:
            OSError: The file could not be written.
            CheckpointError: A value cannot be kept.
        """

    @abstractmethod
    def read(self, path: Path, *, trust: bool, map_location: Any = None) -> dict[str, Any]:
        """Read a file: the content that was written, or ``{"model": ...}`` for another program's file.

        Args:
            path: The file.
            trust: Let the file run code, where the format can hold any.
            map_location: Where tensors go, as torch takes it; None for the CPU. Others ignore it.

        Raises:
            OSError: The file cannot be read.
            CheckpointError: It is damaged, or not safe and not trusted.
        """


def packed(values: PlainValues, content: Mapping[str, Any]) -> dict[str, Any]:
    """The content as the format of ``values`` holds it, marked as ours."""
    return {FORMAT_KEY: FORMAT, **{key: values.pack(value, key) for key, value in content.items()}}


def unpacked(values: PlainValues, loaded: Any, path: Path) -> dict[str, Any]:
    """The content of a file, whoever wrote it.

    Raises:
        CheckpointError: It is marked as ours but not as this version writes it.
    """
    if not isinstance(loaded, dict) or FORMAT_KEY not in loaded:
        return {"model": loaded}
    if loaded[FORMAT_KEY] != FORMAT:
        raise CheckpointError(f"{path} was written by another version of rla: update rla", path=path)
    try:
        return {key: values.unpack(value) for key, value in loaded.items() if key != FORMAT_KEY}
    except (TypeError, ValueError, LookupError, AttributeError, RecursionError) as error:
        raise CheckpointError(f"{path} holds a value that cannot be made again: {error}", path=path) from error
