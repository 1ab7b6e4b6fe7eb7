"""The function that a grid runs, and what each call of it gets.

It is checked against its signature before anything starts, and gets ``seed``, ``logger_kwargs`` and
``env_fn`` only where it takes them.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from rla.errors import GridError

RUN_ARGUMENTS: Final = ("exp_name", "thunk", "num_cpu", "data_dir", "datestamp")
"""What says how a function is run; a parameter of these names is meant for it only if it names it."""

_NOT_RUN_BY_CALLS: Final = (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction)
_BY_NAME: Final = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


@dataclass(frozen=True)
class Signature:
    """What a function takes.

    Attributes:
        name: What it is called.
        named: The arguments that it names.
        required: Those of them without a default.
        takes_any: Whether it takes any other by name, or does not tell.
    """

    name: str
    named: tuple[str, ...]
    required: tuple[str, ...]
    takes_any: bool

    def takes(self, argument: str) -> bool:
        """Whether it can be given an argument."""
        return self.takes_any or argument in self.named


@dataclass(frozen=True)
class Call:
    """One call of a function, as it is sent to the process that makes it.

    Attributes:
        function: The function.
        arguments: By name; all but ``env_fn``.
        environment: The id and arguments of the environment that ``env_fn`` makes, or None for no ``env_fn``.
    """

    function: Callable[..., object]
    arguments: dict[str, Any]
    environment: tuple[str, dict[str, Any]] | None = None


def signature_of(function: object) -> Signature:
    """Read what a function takes.

    Raises:
        GridError: It cannot be called, or has arguments that cannot be given by name.
    """
    name = thunk_name(function)
    if not callable(function):
        raise GridError(f"what a grid runs must be a function, or the name of a parameter; it is {function!r}")
    if any(kind(function) for kind in _NOT_RUN_BY_CALLS):
        raise GridError(f"calling {name} does not run it: wrap it in a function that awaits or exhausts it")
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # some functions written in C do not tell
        return Signature(name, (), (), takes_any=True)
    needed = [each for each in parameters if each.default is each.empty]
    if any(each.kind is each.POSITIONAL_ONLY for each in needed):
        raise GridError(f"{name} has arguments that cannot be given by name; wrap it in a function that has none")
    return Signature(
        name,
        tuple(each.name for each in parameters if each.kind in _BY_NAME),
        tuple(each.name for each in needed if each.kind in _BY_NAME),
        any(each.kind is each.VAR_KEYWORD for each in parameters),
    )


def thunk_name(function: object) -> str:
    """What a function is called; a ``functools.partial`` as the function in it."""
    inner = getattr(function, "func", None)
    if inner is not None and not hasattr(function, "__name__"):
        return thunk_name(inner)
    return str(getattr(function, "__name__", type(function).__name__))


def check_parameters(signature: Signature, given: Sequence[str]) -> None:
    """Refuse parameters that a function does not take, before anything starts.

    Args:
        signature: What it takes.
        given: The top levels of a variant.

    Raises:
        GridError: One of them is not taken, or one that must be given is not.
    """
    for key in given:
        if key in RUN_ARGUMENTS and key not in signature.named:
            raise GridError(f"{key!r} says how to run {signature.name}: give it to run(...), not to the grid", key=key)
        if not (signature.takes(key) or key == "seed" or _becomes_env_fn(signature, key)):
            raise GridError(f"{signature.name} has no argument {key!r}; {_nearest(key, signature)}", key=key)
    supplied = {*given, "seed", "logger_kwargs"}
    if "env_name" in given:
        supplied.add("env_fn")
    for key in signature.required:
        if key not in supplied:
            raise GridError(
                f"{signature.name} needs {key!r}, which no parameter gives: grid.add({key!r}, ...)", key=key
            )


def call_of(
    function: Callable[..., object], signature: Signature, variant: Mapping[str, Any], logger_kwargs: Mapping[str, Any]
) -> Call:
    """The call of a function for one variant.

    Args:
        function: The function.
        signature: What it takes.
        variant: The parameters, nested, with the seed.
        logger_kwargs: Where a logger of spinningup's kind writes; those of the variant count before these.

    Raises:
        GridError: What must be a dictionary is none.
    """
    arguments = dict(variant)
    for key in ("logger_kwargs", "env_kwargs"):
        if not isinstance(arguments.get(key) or {}, Mapping):
            raise GridError(f"{key!r} must be a dictionary; it is {arguments[key]!r}", key=key)
    if signature.takes("logger_kwargs"):
        arguments["logger_kwargs"] = {**logger_kwargs, **(arguments.get("logger_kwargs") or {})}
    if not signature.takes("seed"):
        arguments.pop("seed", None)
    environment = None
    if "env_name" in arguments and signature.takes("env_fn"):
        made_of = arguments.get("env_kwargs") or {}
        environment = (arguments["env_name"], dict(made_of))
        for key in ("env_name", "env_kwargs"):
            if key not in signature.named:
                arguments.pop(key, None)
    return Call(function, arguments, environment)


def _becomes_env_fn(signature: Signature, key: str) -> bool:
    return key in {"env_name", "env_kwargs"} and signature.takes("env_fn")


def _nearest(key: str, signature: Signature) -> str:
    near = difflib.get_close_matches(key, signature.named, n=1)
    return f"did you mean {near[0]!r}?" if near else f"it has {', '.join(map(repr, signature.named)) or 'none'}"
