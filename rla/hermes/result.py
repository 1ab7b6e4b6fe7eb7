"""What an experiment found, as a dictionary that can be saved: numbers over its course, arrays, and texts.

A file ``<name>.result`` is a ``torch.save`` of lists, numbers, texts and tensors. It is read without running code.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from rla.hermes.torch_adapter import is_tensor, load_plain, save_plain, tensor

_SUFFIX: Final = ".result"
_TENSORS: Final = "biufc"
"""The kinds of NumPy arrays that torch has, too."""


class Result(dict[str, Any]):
    """Values by name; ``result["rewards"]`` is a list, or a NumPy array once it was loaded.

    Attributes:
        name: What its file is called, without ``.result``.
        path: Its file, or None before it was saved.
    """

    def __init__(
        self, name: str, path: str | os.PathLike[str] | None = None, dictionary: Mapping[str, Any] | None = None
    ) -> None:
        """Make a result.

        Args:
            name: Its name.
            path: Its file, if it has one.
            dictionary: What it holds.
        """
        super().__init__(dictionary or {})
        self.name = name
        self.path = None if path is None else Path(path)

    @classmethod
    def new(cls, name: str) -> Self:
        """An empty result."""
        return cls(name)

    @classmethod
    def from_namespace(cls, name: str, namespace: Any) -> Self:
        """A result with what a namespace holds, as ``argparse`` makes one."""
        return cls(name, dictionary=vars(namespace))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a result; lists of numbers come back as arrays of shape (n,), stored arrays as arrays of shape (n, m).

        Raises:
            FileNotFoundError: It is not there.
            CheckpointError: It is damaged, or would run code.
            MissingDependencyError: torch is not installed.
        """
        file = Path(path)
        content = load_plain(file)
        return cls(file.name.removesuffix(_SUFFIX), file, {str(key): _loaded(value) for key, value in content.items()})

    def save(self, directory: str | os.PathLike[str] | None = None) -> None:
        """Write it to ``<directory>/<name>.result``; without a directory, over the file that it has.

        Raises:
            ValueError: It has no file yet.
            OSError: It cannot be written.
            MissingDependencyError: torch is not installed.
        """
        if directory is not None:
            self.path = Path(directory) / f"{self.name}{_SUFFIX}"
        if self.path is None:
            raise ValueError("this result has no file yet: say where, save(directory)")
        save_plain({key: _saved(value) for key, value in self.items()}, self.path)

    def store_scalar(self, value: Any, key: str) -> None:
        """Add a number, or several, to the list of a key.

        Args:
            value: A number, or an iterable of numbers.
            key: Its name.

        Raises:
            TypeError: It is a text, or something else that is no number.
        """
        numbers = _scalars(value)
        self._list(key).extend(numbers)

    def store_array(self, value: Any, key: str) -> None:
        """Add a row to the array of a key: once it was loaded, the array has shape (rows, length of a row).

        Args:
            value: A list or an array of numbers.
            key: Its name.
        """
        self._list(key).append(np.asarray(value))

    def plot_scalar(self, key: str, smoothing: int = 50, show: bool = True, ax: Any = None) -> Any:
        """Draw the numbers of a key, and their mean over a window that trails behind.

        Args:
            key: Whose.
            smoothing: How many numbers the window has; fewer at the beginning.
            show: Whether to show the figure.
            ax: The axes to draw into; new ones by default.

        Returns:
            The axes.

        Raises:
            KeyError: There is no such key.
        """
        from rla.hermes.result_plot import draw  # noqa: PLC0415 - loads matplotlib

        return draw(np.asarray(self[key], dtype=np.float64).ravel(), key, smoothing, show=show, ax=ax)

    def _list(self, key: str) -> list[Any]:
        found = self.setdefault(key, [])
        if not isinstance(found, list):
            found = self[key] = list(found) if isinstance(found, tuple | np.ndarray) else [found]
        return found


def _scalars(value: Any) -> list[Any]:
    if isinstance(value, str | bytes):
        raise TypeError(f"a number is wanted, not {value!r}: texts are stored by result[key] = text")
    if is_tensor(value):
        value = value.detach().cpu().numpy()
    if isinstance(value, np.ndarray | np.generic):
        return list(np.ravel(value).tolist())
    if isinstance(value, Iterable):
        return [number for each in value for number in _scalars(each)]
    if not isinstance(value, bool | int | float | complex):
        raise TypeError(f"a number is wanted, not {type(value).__name__}")
    return [value]


def _saved(value: Any) -> Any:
    """A value as plain data: NumPy's arrays become tensors, its scalars numbers."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return tensor(value) if value.dtype.kind in _TENSORS else value.tolist()
    if isinstance(value, Mapping):
        return {str(key): _saved(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set):
        return [_saved(each) for each in value]
    if value is None or isinstance(value, bool | int | float | str) or is_tensor(value):
        return value
    return str(value)


def _loaded(value: Any) -> Any:
    """Lists of numbers as arrays, and rows of equal length as one."""
    if is_tensor(value):
        return value.numpy()
    if isinstance(value, list) and value:
        rows = [each.numpy() if is_tensor(each) else each for each in value]
        return _array(rows)
    return value


def _array(rows: list[Any]) -> NDArray[Any] | list[Any]:
    shapes = {np.shape(row) for row in rows}
    if len(shapes) > 1 or any(isinstance(row, str | dict) or row is None for row in rows):
        return rows
    found = np.asarray(rows)
    return found if found.dtype.kind in _TENSORS else rows
