"""Hyperparameters as plain values: nested dictionaries of what JSON and YAML can hold."""

from __future__ import annotations

import argparse
import copy
import dataclasses
import difflib
import enum
import math
import struct
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from rla.core import json_codec
from rla.errors import ConfigError

MAX_TEXT: Final = 10_000
_MOST_BITS: Final = 14_000
_MAX_DEPTH: Final = 20
_MAX_ITEMS: Final = 1_000


def normalise(source: object) -> dict[str, Any]:
    """Turn what a script calls its hyperparameters into a dictionary of plain values.

    Args:
        source: A mapping, an ``argparse.Namespace``, a dataclass instance, an OmegaConf
            configuration, or None for no hyperparameters. Nested ones are turned too.

    Returns:
        A new dictionary. NumPy and torch scalars have become Python numbers (float32 keeps its
        own shortest digits: 0.001 stays 0.001), small arrays lists, paths and other objects text.

    Raises:
        ConfigError: The source is none of these.
    """
    fields = _fields(source)
    if fields is None:
        message = (
            f"hyperparameters cannot be of type {type(source).__name__}; "
            "give a dict, an argparse.Namespace, a dataclass or an OmegaConf configuration"
        )
        raise ConfigError(message)
    return {_key(key): plain(value) for key, value in fields.items()}


def plain(value: object, parents: tuple[int, ...] = ()) -> Any:
    """Turn one value into what JSON and YAML can hold; never raises.

    Args:
        value: Anything.
        parents: The ids of the containers around it: one inside itself ends there.
    """
    try:
        return _plain(value, parents)
    except Exception:  # noqa: BLE001 - a user's object may raise anything; its type is still worth keeping
        return f"<unprintable {type(value).__name__}>"


def lookup(hyperparameters: Mapping[str, Any], key: str) -> Any:
    """The value of a key, or of a dotted path into nested dictionaries.

    Raises:
        ConfigError: There is no such key; the message names the nearest one.
    """
    if key in hyperparameters:
        return hyperparameters[key]
    value: Any = hyperparameters
    for part in key.split("."):
        if not isinstance(value, Mapping) or part not in value:
            raise _unknown_key(hyperparameters, key)
        value = value[part]
    return value


def flatten(hyperparameters: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every leaf with its dotted key, in order; an empty dictionary is a leaf."""
    for key, value in hyperparameters.items():
        if isinstance(value, Mapping) and value:
            yield from flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def overwritten(hyperparameters: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A copy in which some values are others.

    Args:
        hyperparameters: Nested as they were given.
        changes: New values by key. A dotted key reaches inside, unless a key has that very name or
            nothing is there to reach into.
    """
    changed = copy.deepcopy(dict(hyperparameters))
    for key, value in changes.items():
        inside, last = _owner(changed, key)
        inside[last] = value
    return changed


def _owner(hyperparameters: dict[str, Any], key: str) -> tuple[dict[str, Any], str]:
    """The dictionary that a dotted key leads into, and the key in it."""
    *outer, last = key.split(".")
    inside: Any = hyperparameters
    for part in outer if key not in hyperparameters else ():
        inside = inside.get(part) if isinstance(inside, dict) else None
    return (inside, last) if isinstance(inside, dict) and key not in hyperparameters else (hyperparameters, key)


def tracked_text(hyperparameters: Mapping[str, Any], keys: Sequence[str]) -> str:
    """The exact tracked part of the index name, ``key=value`` joined by ``&``.

    Raises:
        ConfigError: A key is not among the hyperparameters.
    """
    return "&".join(f"{key}={value_text(lookup(hyperparameters, key))}" for key in keys)


def value_text(value: object) -> str:
    """A plain value as people write it: text bare, containers as JSON."""
    if isinstance(value, (Mapping, list)):
        return json_codec.dumps(value)
    return str(value)


def _fields(source: object) -> Mapping[Any, Any] | None:
    if source is None:
        return {}
    omegaconf = sys.modules.get("omegaconf")
    if omegaconf is not None and omegaconf.OmegaConf.is_dict(source):
        container: Mapping[Any, Any] | None = _from_omegaconf(source)
        return container
    if isinstance(source, Mapping):
        return source
    if isinstance(source, argparse.Namespace):
        return vars(source)
    if dataclasses.is_dataclass(source) and not isinstance(source, type):
        names = [field.name for field in dataclasses.fields(source)]
        return {name: getattr(source, name) for name in names if hasattr(source, name)}
    return None


def _from_omegaconf(source: Any) -> Any:
    """The container of a configuration; one whose references lead nowhere keeps them as text."""
    import omegaconf  # noqa: PLC0415 - loaded already: this is one of its objects

    try:
        return omegaconf.OmegaConf.to_container(source, resolve=True)
    except omegaconf.errors.OmegaConfBaseException:
        return omegaconf.OmegaConf.to_container(source, resolve=False)


def _plain(value: object, parents: tuple[int, ...]) -> Any:
    if value is None or (isinstance(value, (bool, str)) and type(value) in (bool, str)):
        return value if not isinstance(value, str) else value[:MAX_TEXT]
    if isinstance(value, enum.Enum):
        return _plain(value.value, parents)
    if type(value) is int and value.bit_length() > _MOST_BITS:
        return hex(value)  # Python writes no decimals that long
    if isinstance(value, (int, float)) and type(value).__module__ == "builtins":
        return value
    if id(value) in parents:
        return f"<{type(value).__name__} inside itself>"
    if len(parents) < _MAX_DEPTH:
        items = _plain_container(value, (*parents, id(value)))
        if items is not None:
            return items
    return _plain_object(value, parents)


def _plain_container(value: object, parents: tuple[int, ...]) -> dict[str, Any] | list[Any] | None:
    if (fields := _fields(value)) is not None:
        return {_key(key): plain(item, parents) for key, item in fields.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item, parents) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted((plain(item, parents) for item in value), key=repr)
    return None


def _plain_object(value: object, parents: tuple[int, ...]) -> Any:
    omegaconf = sys.modules.get("omegaconf")
    if omegaconf is not None and omegaconf.OmegaConf.is_list(value):
        return plain(_from_omegaconf(value), parents)
    if hasattr(value, "item") and hasattr(value, "dtype"):
        return _plain_array(value, parents)
    if isinstance(value, type) or (callable(value) and hasattr(value, "__qualname__")):
        return f"{value.__module__}.{value.__qualname__}"
    if isinstance(value, (int, float)):
        return float(value) if isinstance(value, float) else int(value)
    return str(value)[:MAX_TEXT]


def _plain_array(value: Any, parents: tuple[int, ...]) -> Any:
    """A NumPy or torch scalar or array, which both have ``shape``, ``dtype`` and ``tolist``."""
    if math.prod(value.shape) > _MAX_ITEMS:
        return f"<{value.dtype} array {tuple(value.shape)}>"
    items = value.tolist()
    if type(items) is type(value):  # NumPy's long double is its own item
        return float(items)
    return _shortest(plain(items, parents), str(value.dtype).rpartition(".")[2])


def _shortest(value: Any, dtype: str) -> Any:
    """Each number as the shortest decimal that is the same one in the precision it had."""
    if isinstance(value, list):
        return [_shortest(item, dtype) for item in value]
    if dtype not in {"float32", "float16", "bfloat16"} or not isinstance(value, float) or not math.isfinite(value):
        return value
    import numpy as np  # noqa: PLC0415 - a caller with float32 values has NumPy loaded already

    if dtype == "bfloat16":
        candidates = (float(f"{value:.{digits}g}") for digits in (1, 2, 3, 4))
        return next((each for each in candidates if _bfloat16(each) == value), value)
    return float(str(np.float32(value) if dtype == "float32" else np.float16(value)))


def _bfloat16(value: float) -> float:
    """The nearest bfloat16: the upper half of a float32, rounded to even."""
    bits: int = struct.unpack("<I", struct.pack("<f", value))[0]
    bits += 0x7FFF + (bits >> 16 & 1)
    rounded: float = struct.unpack("<f", struct.pack("<I", bits & 0xFFFF0000))[0]
    return rounded


def _key(key: object) -> str:
    return str.__str__(key) if isinstance(key, str) else value_text(plain(key))


def _unknown_key(hyperparameters: Mapping[str, Any], key: str) -> ConfigError:
    known = [name for name, _ in flatten(hyperparameters)]
    near = difflib.get_close_matches(key, known, n=1)
    if near:
        advice = f"did you mean {near[0]!r}?"
    elif known:
        advice = f"the hyperparameters are {', '.join(map(repr, known[:20]))}"
    else:
        advice = "no hyperparameters were given: call exp_manager.set_hyper_param(...) first"
    return ConfigError(f"tracked hyperparameter {key!r} was not given; {advice}", key=key, allowed=known)
