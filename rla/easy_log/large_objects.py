"""The largest objects of this process: arrays, tensors, texts, containers. Bounded in time, and read-only."""

from __future__ import annotations

import array
import collections
import gc
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from inspect import CO_OPTIMIZED
from itertools import islice
from types import FrameType
from typing import Any, Final, NamedTuple

_CHUNK: Final = 2000
_MOST_ITEMS: Final = 200_000
"""A container with more is not opened: none of so many can be large, and listing them takes long."""
_CONTAINERS: Final = (list, dict, set, frozenset, tuple, collections.deque)
_BUILTIN: Final = (*_CONTAINERS, str, bytes, bytearray, array.array)
_LIVE_LOCALS: Final = (3, 13)
_MIB: Final = 1 << 20

_Measure = Callable[[Any], tuple[int, object]]
"""The bytes that an object keeps, and what tells the memory from other memory."""


class LargeObject(NamedTuple):
    """One large object.

    Attributes:
        size: The bytes it keeps; for a container without what it holds.
        kind: Its type.
        shape: The shape of an array or tensor, the length of anything else.
        dtype: What its elements are, or an empty text.
        device: Where it lies: ``cpu``, ``cuda:0``, ...
        name: The variable of a module or running function that holds it, as ``__main__.buffer`` or
            ``train.batch``; empty when none does.
    """

    size: int
    kind: str
    shape: tuple[int, ...]
    dtype: str
    device: str
    name: str

    def __str__(self) -> str:
        shape = "x".join(map(str, self.shape))
        parts = (f"{self.size / _MIB:10.1f} MiB", self.kind, shape, self.dtype, self.device, self.name)
        return "  ".join(filter(None, parts))


def find_large_objects(min_bytes: int, limit: int, seconds: float) -> list[LargeObject]:
    """The largest objects that Python code can reach, the largest first.

    Looked at are the variables of running functions, then all that the garbage collector knows and
    what that holds. Memory that several arrays or tensors share counts once, and whole.

    Args:
        min_bytes: How large an object must be.
        limit: How many at most.
        seconds: When to stop looking.
    """
    deadline = time.monotonic() + seconds
    measures = _Measures()
    found: dict[object, tuple[int, list[Any]]] = {}
    variables = _local_variables()
    for batch in _batches([value for _, value in variables]):
        _take_large(batch, measures, min_bytes, found)
        if time.monotonic() > deadline:
            break
    largest = sorted(found.values(), key=lambda entry: entry[0], reverse=True)[:limit]
    names = _names({id(one) for _, sharing in largest for one in sharing}, variables)
    return [_described(size, sharing, names) for size, sharing in largest]


class _Measures(dict[type, "_Measure | None"]):
    """How objects of a type are measured; None for types that keep no memory of their own to speak of."""

    def __missing__(self, kind: type) -> _Measure | None:
        measure: _Measure | None = None
        if issubclass(kind, _loaded("torch", "Tensor")):
            measure = _measure_tensor
        elif issubclass(kind, _loaded("numpy", "ndarray")):
            measure = _measure_array
        elif kind in _BUILTIN:
            measure = _measure_builtin
        self[kind] = measure
        return measure


def _loaded(module: str, name: str) -> tuple[type, ...]:
    """A class of a library, if that is loaded."""
    kind = getattr(sys.modules.get(module), name, None)
    return (kind,) if isinstance(kind, type) else ()


def _take_large(
    batch: Iterable[Any], measures: _Measures, min_bytes: int, found: dict[object, tuple[int, list[Any]]]
) -> None:
    for one in batch:
        measure = measures[type(one)]
        if measure is None:
            continue
        try:
            size, memory = measure(one)
        except Exception:  # noqa: BLE001, S112 - a tensor without storage, or a user's subclass
            continue
        if size >= min_bytes:
            sharing = found.setdefault(memory, (size, []))[1]
            if not any(one is other for other in sharing):
                sharing.append(one)


def _measure_builtin(one: object) -> tuple[int, object]:
    return sys.getsizeof(one), id(one)


def _measure_array(one: Any) -> tuple[int, object]:
    """The memory of the array it is a view of; the key is like that of a tensor, which may share it."""
    owner = one
    while hasattr(owner.base, "__array_interface__"):
        owner = owner.base
    if isinstance(owner.base, (bytes, bytearray)):
        return _measure_builtin(owner.base)
    return int(owner.nbytes), ("cpu", int(owner.__array_interface__["data"][0]))


def _measure_tensor(one: Any) -> tuple[int, object]:
    """The memory it shares with its views; one on the ``meta`` device has none."""
    storage = one.untyped_storage()
    address = int(storage.data_ptr())
    return int(storage.nbytes()) if address else 0, (str(one.device), address)


def _batches(first: list[Any]) -> Iterator[list[Any]]:
    yield first
    yield from _reached(first)
    known = iter(gc.get_objects())
    while chunk := list(islice(known, _CHUNK)):
        yield chunk
        yield from _reached(chunk)


def _reached(holders: list[Any]) -> Iterator[list[Any]]:
    """What objects hold, and what small dictionaries and tuples hold that the collector leaves out."""
    while holders:
        held = gc.get_referents(*(one for one in holders if not _is_vast(one)))
        yield held
        holders = [one for one in held if type(one) in (dict, tuple) and not gc.is_tracked(one)]


def _is_vast(one: Any) -> bool:
    return type(one) in _CONTAINERS and len(one) > _MOST_ITEMS


def _local_variables() -> list[tuple[str, Any]]:
    """The variables of the running functions of all threads, this file's own left out."""
    found: list[tuple[str, Any]] = []
    for innermost in sys._current_frames().values():  # noqa: SLF001 - the documented way to see other threads
        frame: FrameType | None = innermost
        while frame is not None:
            if frame.f_code.co_flags & CO_OPTIMIZED and frame.f_code.co_filename != __file__:
                found += _of_frame(frame)
            frame = frame.f_back
    return found


def _of_frame(frame: FrameType) -> list[tuple[str, Any]]:
    """A function's variables. Before Python 3.13 its frame keeps the copy, which would hold deleted ones alive."""
    variables = frame.f_locals
    found = [(f"{frame.f_code.co_qualname}.{name}", value) for name, value in list(variables.items())]
    if sys.version_info < _LIVE_LOCALS and sys.gettrace() is None:  # a debugger works with that copy
        variables.clear()
    return found


def _names(wanted: set[int], variables: list[tuple[str, Any]]) -> dict[int, str]:
    """The variables of modules and running functions that hold objects, by the objects' identity."""
    names: dict[int, str] = {}
    for module_name, module in list(sys.modules.items()):
        members = getattr(module, "__dict__", None)
        for name, value in list(members.items()) if type(members) is dict else ():
            if id(value) in wanted:
                names.setdefault(id(value), f"{module_name}.{name}")
    for name, value in variables:
        if id(value) in wanted:
            names.setdefault(id(value), name)
    return names


def _described(size: int, sharing: list[Any], names: dict[int, str]) -> LargeObject:
    one = next((other for other in sharing if id(other) in names), sharing[0])
    shape = getattr(one, "shape", None)
    return LargeObject(
        size,
        type(one).__name__,
        (len(one),) if shape is None else tuple(map(int, shape)),
        str(getattr(one, "dtype", "")),
        str(getattr(one, "device", "cpu")),
        names.get(id(one), ""),
    )
