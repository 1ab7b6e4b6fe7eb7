"""Hyperparameters as plain values: nested dictionaries of what JSON and YAML can hold."""

from __future__ import annotations

import argparse
import dataclasses
import difflib
import enum
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from rla.core import json_codec
from rla.errors import ConfigError

MAX_TEXT: Final = 10_000
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
            f"hyperparameters are a {type(source).__name__}; "
            "give a dict, an argparse.Namespace, a dataclass or an OmegaConf configuration"
        )
        raise ConfigError(message)
    return {_key(key): plain(value) for key, value in fields.items()}


def plain(value: object, depth: int = 0) -> Any:
    """Turn one value into what JSON and YAML can hold; never raises."""
    try:
        return _plain(value, depth)
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
    if isinstance(source, Mapping):
        return source
    if isinstance(source, argparse.Namespace):
        return vars(source)
    if dataclasses.is_dataclass(source) and not isinstance(source, type):
        return {field.name: getattr(source, field.name) for field in dataclasses.fields(source)}
    omegaconf = sys.modules.get("omegaconf")
    if omegaconf is not None and omegaconf.OmegaConf.is_dict(source):
        resolved: Mapping[Any, Any] = omegaconf.OmegaConf.to_container(source, resolve=True)
        return resolved
    return None


def _plain(value: object, depth: int) -> Any:
    if value is None or (isinstance(value, (bool, str)) and type(value) in (bool, str)):
        return value if not isinstance(value, str) else value[:MAX_TEXT]
    if isinstance(value, enum.Enum):
        return _plain(value.value, depth)
    if isinstance(value, (int, float)) and type(value).__module__ == "builtins":
        return value
    if depth < _MAX_DEPTH and (fields := _fields(value)) is not None:
        return {_key(key): plain(item, depth + 1) for key, item in fields.items()}
    if isinstance(value, (list, tuple)) and depth < _MAX_DEPTH:
        return [plain(item, depth + 1) for item in value]
    if isinstance(value, (set, frozenset)) and depth < _MAX_DEPTH:
        return sorted((plain(item, depth + 1) for item in value), key=repr)
    return _plain_object(value, depth)


def _plain_object(value: object, depth: int) -> Any:
    omegaconf = sys.modules.get("omegaconf")
    if omegaconf is not None and omegaconf.OmegaConf.is_list(value):
        return plain(omegaconf.OmegaConf.to_container(value, resolve=True), depth)
    if hasattr(value, "item") and hasattr(value, "dtype"):
        return _plain_array(value, depth)
    if isinstance(value, type) or (callable(value) and hasattr(value, "__qualname__")):
        return f"{value.__module__}.{value.__qualname__}"
    if isinstance(value, (int, float)):
        return float(value) if isinstance(value, float) else int(value)
    return str(value)[:MAX_TEXT]


def _plain_array(value: Any, depth: int) -> Any:
    """A NumPy or torch scalar or array, which both have ``shape``, ``dtype`` and ``tolist``."""
    if tuple(value.shape) == ():
        scalar = value.item()
        return _shortest(scalar, str(value.dtype)) if isinstance(scalar, float) else plain(scalar, depth + 1)
    size = 1
    for length in value.shape:
        size *= length
    return plain(value.tolist(), depth) if size <= _MAX_ITEMS else f"<{value.dtype} array {tuple(value.shape)}>"


def _shortest(value: float, dtype: str) -> float:
    """The shortest decimal that is the same number in the precision it had."""
    digits = {"float32": 9, "float16": 5, "bfloat16": 4}.get(dtype.rpartition(".")[2])
    if digits is None or value != value:  # noqa: PLR0124 - NaN is the only value unlike itself
        return value
    import numpy as np  # noqa: PLC0415 - a caller with float32 values has NumPy loaded already

    if digits == 9:  # noqa: PLR2004 - nine digits hold any float32
        return float(str(np.float32(value)))
    return float(f"{value:.{digits}g}")


def _key(key: object) -> str:
    return key if isinstance(key, str) else value_text(plain(key))


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
