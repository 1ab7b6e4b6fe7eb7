"""Data that a script collects by key and that is saved with each checkpoint."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from typing import Any, Literal

from rla.errors import ConfigError

Mode = Literal["append", "replace"]


class CustomData:
    """Values by key, each a list, a deque of limited length, or any single value.

    The first ``add`` of a key decides which; ``mode="replace"`` decides anew.
    """

    def __init__(self) -> None:
        """Nothing is collected."""
        self._values: dict[str, Any] = {}

    def add(self, key: str, data: Any, dtype: type = list, max_len: int = -1, mode: Mode = "append") -> None:
        """Add to what a key holds, or set it.

        Args:
            key: Its name.
            data: One item for a list or a deque; else the value itself.
            dtype: ``list``, ``deque``, or any other type for a single value, which each call sets.
            max_len: The most items to hold; the oldest leave first. -1 is no limit.
            mode: ``append`` adds an item; ``replace`` sets the whole, for a list or deque to the items of ``data``.

        Raises:
            ConfigError: There is no such mode, or ``data`` holds no items to replace with.
        """
        if mode not in {"append", "replace"}:
            raise ConfigError(
                f"mode {mode!r} is neither 'append' nor 'replace'", key=key, allowed=["append", "replace"]
            )
        held = self._values.get(key)
        many = issubclass(dtype, (list, deque)) if key not in self._values else isinstance(held, (list, deque))
        if mode == "replace":
            self._values[key] = _collection(key, data, dtype, max_len)
        elif not many:
            self._values[key] = data
        elif key not in self._values:
            self._values[key] = _collection(key, [data], dtype, max_len)
        else:
            self._values[key] = _appended(self._values[key], data, max_len)

    def get(self, key: str) -> Any:
        """What a key holds: the list, deque or value itself.

        Raises:
            ConfigError: Nothing was added under it; the message names the keys that there are.
        """
        if key not in self._values:
            known = ", ".join(map(repr, self._values)) or "none"
            raise ConfigError(f"there is no custom data {key!r}; there are: {known}", key=key, allowed=[*self._values])
        return self._values[key]

    def clear(self, key: str) -> None:
        """Forget a key.

        Raises:
            ConfigError: Nothing was added under it.
        """
        self.get(key)
        del self._values[key]

    def keys(self) -> list[str]:
        """The keys, in the order of their first ``add``."""
        return list(self._values)

    def mean(self, key: str) -> float:
        """The mean of all numbers that a key holds; NaN when it holds none.

        Raises:
            ConfigError: There is no such key, or it holds what has no mean.
        """
        import numpy as np  # noqa: PLC0415 - only who asks for a mean needs it

        held = self.get(key)
        try:
            numbers = [np.asarray(item, dtype=float) for item in (held if isinstance(held, (list, deque)) else [held])]
        except (TypeError, ValueError) as error:
            raise ConfigError(f"custom data {key!r} has no mean: {error}", key=key) from error
        count = sum(array.size for array in numbers)
        return float(sum(array.sum() for array in numbers)) / count if count else math.nan

    def snapshot(self) -> dict[str, Any]:
        """All keys, with copies of lists and deques, so that a save sees one state."""
        copies = (list, deque)
        return {key: held.copy() if isinstance(held, copies) else held for key, held in self._values.items()}

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Hold what a snapshot holds, and nothing else."""
        self._values = dict(snapshot)


def _collection(key: str, data: Any, dtype: type, max_len: int) -> Any:
    if not issubclass(dtype, (list, deque)):
        return data
    try:
        items = list(data)
    except TypeError:
        raise ConfigError(
            f"custom data {key!r} is replaced by items, not by a {type(data).__name__}", key=key
        ) from None
    limit = max_len if max_len >= 0 else None
    if issubclass(dtype, deque):
        return deque(items, limit)
    return items if limit is None else items[len(items) - min(limit, len(items)) :]


def _appended(held: Any, item: Any, max_len: int) -> Any:
    """In place where that is enough: appending to a long list must not copy it."""
    if isinstance(held, deque) and max_len >= 0 and held.maxlen != max_len:
        held = deque(held, max_len)
    held.append(item)
    if isinstance(held, list) and 0 <= max_len < len(held):
        del held[: len(held) - max_len]
    return held
