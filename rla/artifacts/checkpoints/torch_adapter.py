"""Checkpoints of PyTorch: files of ``torch.save`` that load with ``weights_only=True``."""

from __future__ import annotations

import pickle  # for the name of the error by which torch refuses
import warnings
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from rla.artifacts.checkpoints.adapter import Adapter, packed, unpacked
from rla.artifacts.checkpoints.file import CheckedFile, Fingerprint
from rla.artifacts.checkpoints.plain_values import MISSING, PlainValues
from rla.errors import CheckpointError

_NATIVE_KINDS: Final = "biufc"
_HELD: Final = (torch.Size, torch.dtype, torch.device)
_WASTE: Final = 2
"""Views that use less than the half of their storage are saved without the rest of it."""

_UNREADABLE: Final = (
    RuntimeError, EOFError, ValueError, TypeError, LookupError, AttributeError, ImportError, AssertionError
)  # fmt: skip


class TorchAdapter(Adapter):
    """One ``.pt`` file of torch's own zip format.

    Tensors are written as they are, from the memory they are in, and come back on the CPU unless
    ``map_location`` says otherwise. Of a tensor, its values, dtype, strides and ``requires_grad`` are
    kept (and whether it is a ``Parameter``), not its hooks, attributes or subclass.
    """

    suffix = ".pt"

    def write(self, path: Path, content: Mapping[str, Any]) -> Fingerprint:
        """See :class:`Adapter`."""
        values = _TorchValues()
        held = packed(values, content)
        values.drop_unused_storage()
        with CheckedFile(path) as file:
            try:
                torch.save(held, file)  # type: ignore[arg-type]  # it needs write and flush only
            except (RuntimeError, TypeError, pickle.PicklingError) as error:
                raise CheckpointError(f"torch cannot save a tensor of it: {error}") from error
        return file.fingerprint

    def read(self, path: Path, *, trust: bool, map_location: Any = None) -> dict[str, Any]:
        """See :class:`Adapter`. Only trusted files are read with ``weights_only=False``."""
        try:
            loaded = _load(path, "cpu" if map_location is None else map_location, trust=trust)
        except pickle.UnpicklingError as error:
            raise CheckpointError(_refusal(path, error, trust=trust), path=path) from error
        except FileNotFoundError:
            raise
        except (*_UNREADABLE, OSError) as error:  # torch seeks before the beginning of a truncated file
            raise CheckpointError(f"{path} cannot be read: {error}", path=path) from error
        return unpacked(_TorchValues(), loaded, path)


def _load(path: Path, target: Any, *, trust: bool) -> Any:
    with warnings.catch_warnings():  # what is not torch's is refused: that says enough
        warnings.filterwarnings("ignore", message="Detected pickle protocol")
        return torch.load(path, map_location=target, weights_only=not trust)


class _TorchValues(PlainValues):
    """What a ``.pt`` file holds by itself: tensors, tuples, ordered dictionaries, keys that are numbers."""

    key_types = frozenset({str, int, float, bool, type(None)})
    container_types = frozenset({tuple, OrderedDict})

    def __init__(self) -> None:
        # Each with its original, which must live as long: its id is the key
        self._aliases: dict[int, tuple[Any, torch.Tensor]] = {}
        self._views: dict[int, list[torch.Tensor]] = {}

    def pack_array(self, array: np.ndarray[Any, Any]) -> Any:
        """Share the memory with a tensor where torch knows the dtype; else keep the bytes."""
        if id(array) in self._aliases:
            return self._aliases[id(array)][1]
        if array.dtype.kind in _NATIVE_KINDS and array.dtype.isnative and hasattr(torch, array.dtype.name):
            tensor = _shared_tensor(array)
            self._keep(array, tensor)
            return tensor
        data = torch.frombuffer(bytearray(array.tobytes()) or bytearray(1), dtype=torch.uint8)
        return [data, np.lib.format.dtype_to_descr(array.dtype), list(array.shape)]

    def unpack_array(self, held: Any) -> np.ndarray[Any, Any]:
        """The memory of the tensor that was loaded."""
        if isinstance(held, torch.Tensor):
            array: np.ndarray[Any, Any] = held.cpu().numpy()
            return array
        data, description, shape = held
        dtype = np.lib.format.descr_to_dtype(description)
        return np.ndarray(shape, dtype, buffer=bytearray(data.cpu().numpy()))

    def pack_other(self, value: Any) -> Any:
        """Tensors, and what torch lists as safe."""
        if not isinstance(value, torch.Tensor):
            return value if isinstance(value, _HELD) else MISSING
        if id(value) not in self._aliases:
            try:
                self._keep(value, _alias(value))
            except RuntimeError as error:  # a kind of tensor that has no memory to share
                raise CheckpointError(f"is a tensor that cannot be saved ({error}); convert it first") from error
        return self._aliases[id(value)][1]

    def drop_unused_storage(self) -> None:
        """Give views that use little of their storage one of their own; a slice must not save the whole."""
        for views in self._views.values():
            used = sum(view.numel() * view.element_size() for view in views)
            if used * _WASTE < views[0].untyped_storage().nbytes():
                for view in views:
                    view.data = view.data.clone()

    def _keep(self, original: Any, alias: torch.Tensor) -> None:
        self._aliases[id(original)] = original, alias
        if alias.layout != torch.strided or alias.is_quantized or not (address := alias.untyped_storage().data_ptr()):
            return
        views = self._views.setdefault(address, [])
        if views and views[0].dtype != alias.dtype:  # torch saves no storage as two types
            alias.data = alias.data.clone()
        else:
            views.append(alias)


def _alias(tensor: torch.Tensor) -> torch.Tensor:
    """A plain tensor over the same memory, which may be changed without changing the caller's."""
    if torch.nn.parameter.is_lazy(tensor):
        raise CheckpointError("is a parameter without a shape yet; run the model once before saving it")
    alias = tensor.detach()
    if type(alias) is not torch.Tensor:
        alias = alias.as_subclass(torch.Tensor)
    if isinstance(tensor, torch.nn.Parameter):
        return torch.nn.Parameter(alias, tensor.requires_grad)
    return alias.requires_grad_(tensor.requires_grad)


def _shared_tensor(array: np.ndarray[Any, Any]) -> torch.Tensor:
    if any(stride < 0 or stride % array.itemsize for stride in array.strides):
        array = array.copy()
    if array.flags.writeable:
        return torch.from_numpy(array)
    with warnings.catch_warnings():  # nobody writes to this tensor
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.from_numpy(array)


def _refusal(path: Path, error: Exception, *, trust: bool) -> str:
    """Why a file was refused, and what would let it in."""
    if trust:
        return f"{path} cannot be read: {error}"
    try:
        found = ", ".join(sorted(torch.serialization.get_unsafe_globals_in_checkpoint(path)))
    except (*_UNREADABLE, pickle.UnpicklingError):
        found = ""
    asks = f"it would run {found}" if found else "it is damaged, or a pickle that may run any code"
    return (
        f"{path} holds more than tensors and plain values: {asks}. "
        "If you know who wrote it, load it with trust=True, and save it again"
    )
