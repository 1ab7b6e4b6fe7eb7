"""Turn what a script wants to keep into values that a safe file can hold, and turn them back.

No file of rla holds a pickled object. What a format cannot say by itself is written as a dictionary
``{"__rla__": kind, "value": ...}``:

=============================================  =======================================================
value                                          comes back as
=============================================  =======================================================
None, bool, int, float, str, list, dict        itself
tuple, set, frozenset, deque, OrderedDict,     itself
Counter, bytes, bytearray, complex, range
Namespace, SimpleNamespace, Path, datetime,    itself
date, timedelta
NumPy array, NumPy scalar                      itself, with its dtype and shape
an array of another library                    a NumPy array (a tensor where torch writes the file)
an object with ``state_dict()``                its state dict
Enum                                           its value
dataclass                                      a dict of its fields
namedtuple, another subclass of a plain type   the plain type
another mapping                                dict
=============================================  =======================================================

Anything else raises :class:`~rla.errors.CheckpointError` with the place of the value. Values that are
shared come back as equal ones; arrays and tensors that are shared come back shared.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import OrderedDict
from typing import Any, ClassVar, Final

import numpy as np

from rla.artifacts.checkpoints.plain_kinds import BY_NAME, LARGE, SCALARS, SHORT_SCALARS, kind_of, plain_substitute
from rla.errors import CheckpointError

TAG: Final = "__rla__"
MISSING: Final = object()
"""What :meth:`PlainValues.pack_other` returns for a value that it does not know."""

_MAX_DEPTH: Final = 64
_ARRAY_KINDS: Final = "biufcmMSUV"


class PlainValues(ABC):
    """The values of one file format. An instance serves one file.

    Attributes:
        key_types: The types of keys that the format holds in a dictionary.
        container_types: Which of ``tuple`` and ``OrderedDict`` the format holds by itself.
    """

    key_types: ClassVar[frozenset[type]] = frozenset({str})
    container_types: ClassVar[frozenset[type]] = frozenset()

    @abstractmethod
    def pack_array(self, array: np.ndarray[Any, Any]) -> Any:
        """Keep an array, of any shape and any dtype without objects; return what stands for it."""

    @abstractmethod
    def unpack_array(self, held: Any) -> np.ndarray[Any, Any]:
        """The array for which ``held`` stands."""

    def pack_other(self, value: Any) -> Any:  # noqa: ARG002 - for formats that hold more
        """Keep a value of the format's own library; :data:`MISSING` when it is none."""
        return MISSING

    def unpack_other(self, kind: str, held: Any) -> Any:  # noqa: ARG002
        """The value of a kind that only this format writes."""
        raise CheckpointError(f"it holds a value of kind {kind!r}, which this version of rla does not know")

    def pack(self, value: Any, path: str, parents: tuple[int, ...] = ()) -> Any:
        """Turn a value into one that the format holds.

        Args:
            value: Anything.
            path: Where it stands, for messages.
            parents: The ids of the containers around it.

        Raises:
            CheckpointError: It cannot be kept; ``key`` is the place.
        """
        if type(value) in SCALARS and not _is_large(value):
            return value
        if id(value) in parents:
            raise CheckpointError(f"{path} contains itself, which no checkpoint can hold", key=path)
        if len(parents) > _MAX_DEPTH:
            raise CheckpointError(f"{path} is nested deeper than {_MAX_DEPTH} levels; flatten it", key=path)
        try:
            return self._pack(value, path, (*parents, id(value)))
        except CheckpointError as error:
            if error.key is not None:
                raise
            raise CheckpointError(f"{path} {error}", key=path) from None

    def unpack(self, value: Any) -> Any:
        """Turn what :meth:`pack` made back into the value.

        Raises:
            CheckpointError: A newer version of rla wrote it.
        """
        kind = type(value)
        if kind is list:
            return value if set(map(type, value)) <= SCALARS else [self.unpack(item) for item in value]
        if kind is dict and TAG in value:
            return self._make(value[TAG], value["value"])
        if kind is dict:
            return {key: self.unpack(item) for key, item in value.items()}
        if kind is tuple:
            return tuple(self.unpack(item) for item in value)
        if kind is OrderedDict:
            return self._with_attributes(value, OrderedDict((key, self.unpack(item)) for key, item in value.items()))
        return value

    def _pack(self, value: Any, path: str, parents: tuple[int, ...]) -> Any:
        if (other := self.pack_other(value)) is not MISSING:
            return other
        if (array := _as_array(value)) is not None:
            return {TAG: "array", "value": self.pack_array(array)}
        if type(value) is list:
            return self._pack_list(value, path, parents)
        if type(value) is tuple and tuple in self.container_types:
            return tuple(self.pack(item, f"{path}[{number}]", parents) for number, item in enumerate(value))
        if type(value) in {dict, OrderedDict} and self._holds_keys(value):
            return self._pack_mapping(value, path, parents)
        if (kind := kind_of(value)) is not None:
            return self._tagged(kind.name, kind.take(value), path, parents)
        return self.pack(plain_substitute(value), path, parents)

    def _tagged(self, name: str, parts: Any, path: str, parents: tuple[int, ...]) -> dict[str, Any]:
        if name.endswith(("set", "dict", "counter")):
            _require_distinct(parts if name.endswith("set") else [key for key, _ in parts])
        if name in {"dict", "ordered_dict", "counter"}:  # the path names the key, not the pair
            held: Any = [
                [self.pack(key, path, parents), self.pack(item, f"{path}[{key!r}]", parents)] for key, item in parts
            ]
        else:
            held = self.pack(parts, path, parents)
        return {TAG: name, "value": held}

    def _make(self, name: str, held: Any) -> Any:
        if name == "array":
            return self.unpack_array(held)
        if name not in BY_NAME:
            return self.unpack_other(name, held)
        return BY_NAME[name].make(self.unpack(held))

    def _pack_list(self, value: list[Any], path: str, parents: tuple[int, ...]) -> Any:
        types = set(map(type, value))
        if types <= SCALARS and not (int in types and any(map(_is_large, value))):
            return value
        if len(value) > 1 and _is_one_number_type(types):  # a million rewards are one array
            return self._tagged("scalars", np.array(value), path, parents)
        return [self.pack(item, f"{path}[{number}]", parents) for number, item in enumerate(value)]

    def _holds_keys(self, value: dict[Any, Any]) -> bool:
        if type(value) is OrderedDict and OrderedDict not in self.container_types:
            return False
        return TAG not in value and set(map(type, value)) <= self.key_types and not any(map(_is_large, value))

    def _pack_mapping(self, value: dict[Any, Any], path: str, parents: tuple[int, ...]) -> Any:
        packed = {key: self.pack(item, f"{path}[{key!r}]", parents) for key, item in value.items()}
        if type(value) is dict:
            return packed
        ordered = OrderedDict(packed)
        vars(ordered).update(self.pack(vars(value), f"{path}.__dict__", parents))
        return ordered

    def _with_attributes(self, source: OrderedDict[Any, Any], made: OrderedDict[Any, Any]) -> OrderedDict[Any, Any]:
        """PyTorch keeps the versions of a state dict's modules in an attribute of it."""
        vars(made).update(self.unpack(vars(source)))
        return made


def _is_large(value: object) -> bool:
    return type(value) is int and not -LARGE < value < LARGE


def _is_one_number_type(types: set[type]) -> bool:
    (first, *more) = types
    return not more and issubclass(first, np.generic) and np.dtype(first).kind in SHORT_SCALARS


def _require_distinct(keys: list[Any]) -> None:
    """Two members of an Enum, or one and its value, may become the same key."""
    if len(set(keys)) != len(keys):
        raise CheckpointError("has two keys or members that become the same plain value; use text or numbers")


def _as_array(value: Any) -> np.ndarray[Any, Any] | None:
    """A NumPy array, or what another library calls one; None for anything else."""
    if isinstance(value, np.generic) or not hasattr(type(value), "__array__"):
        return None
    if isinstance(value, np.ma.MaskedArray):
        raise CheckpointError("is a masked array; keep its .data and its .mask")
    if not isinstance(value, np.ndarray):
        if not (hasattr(value, "dtype") and hasattr(value, "shape")):
            return None
        value = value.detach().cpu() if callable(getattr(value, "detach", None)) else value
    array = _numpy_array(value)
    if not _holds_bytes(array.dtype):
        raise CheckpointError(f"is an array of dtype {array.dtype}; give it a numeric dtype, or keep its .tolist()")
    return array


def _numpy_array(value: Any) -> np.ndarray[Any, Any]:
    try:
        return np.asarray(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"cannot be read as an array ({error}); convert it first") from error


def _holds_bytes(dtype: np.dtype[Any]) -> bool:
    """Whether the values are the array's own bytes: no objects, no dtype that another library adds."""
    own = dtype.type.__module__ == "numpy" or issubclass(dtype.type, np.record)
    return own and dtype.kind in _ARRAY_KINDS and not dtype.hasobject
