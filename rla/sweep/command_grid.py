"""Grids from a command line or a file: a function, and the values of its parameters.

Values are read as Python literals and never evaluated; what is no literal is text. A name such as
``torch.nn.Tanh`` becomes what it names only if it is one of a module that is allowed.
"""

from __future__ import annotations

import ast
import difflib
import importlib
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from rla.errors import GridError
from rla.sweep.grid import ExperimentGrid
from rla.sweep.thunk import Signature, signature_of, thunk_name

NAME_MODULES: Final = (
    *("torch.nn", "torch.nn.functional", "torch.optim", "torch.optim.lr_scheduler"),
    *("tensorflow.nn", "tensorflow.keras.activations", "jax.nn", "flax.linen"),
)
"""The modules whose names may be values."""

RUN_KEYS: Final = ("num_cpu", "data_dir", "datestamp", "jobs", "gpus", "resume", "retries", "timeout", "on_failure")
"""What a file may say of how its grid is run."""

_SHORT: Final = {
    "env": ("env_name", ("env_name", "env_fn")),
    "hid": ("ac_kwargs:hidden_sizes", ("ac_kwargs",)),
    "act": ("ac_kwargs:activation", ("ac_kwargs",)),
}
"""Short forms of spinningup's: what each stands for, in a function that takes one of these and not the short form."""

_FLAG: Final = re.compile(r"--(?P<key>[^\W\d][\w:-]*)(\[(?P<shorthand>[^\]]*)\])?(=(?P<value>.*))?", re.DOTALL)
_KEY: Final = re.compile(r"(?P<key>[^\[\]]+)(\[(?P<shorthand>[^\]]*)\])?")
_FUNCTION: Final = re.compile(r"(?P<module>[^\W\d]\w*(\.[^\W\d]\w*)*):(?P<name>[^\W\d]\w*)")
_FILE_KEYS: Final = ("function", "name", "parameters", "run")


@dataclass(frozen=True)
class Asked:
    """What a command line or file asks for.

    Attributes:
        function: ``module:function``.
        name: The grid's name, or None for the function's.
        parameters: Each parameter's values and its shorthand, or None.
        run: How to run it, as far as it says.
    """

    function: str
    name: str | None = None
    parameters: dict[str, tuple[list[Any], str | None]] = field(default_factory=dict)
    run: dict[str, Any] = field(default_factory=dict)


def read_words(words: Sequence[str], names_from: Sequence[str] = ()) -> Asked:
    """Read a command line: a function or a file, then parameters as ``--key value value``.

    Args:
        words: What was typed, without rla's own options.
        names_from: Modules whose names may be values, beside :data:`NAME_MODULES`.

    Raises:
        GridError: It cannot be read.
    """
    if not words or words[0].startswith("--"):
        raise GridError("say what to run first: module:function, or a YAML file that names it")
    first, *rest = words
    modules = (*NAME_MODULES, *names_from)
    asked = read_file(Path(first), modules) if Path(first).suffix in {".yaml", ".yml"} else Asked(first)
    for key, shorthand, texts in _flags(rest):
        asked.parameters[key] = [value_of(text, modules) for text in texts] or [True], shorthand
    return asked


def read_file(path: Path, modules: Sequence[str] = NAME_MODULES) -> Asked:
    """Read a YAML file with ``function``, ``parameters``, and perhaps ``name`` and ``run``.

    A parameter is a list of its values, or its one value; a mapping holds parameters inside it.

    Raises:
        GridError: It cannot be read, or holds something else.
    """
    from rla.core.config_file import read_config_file  # noqa: PLC0415 - loads PyYAML, needed for a file only

    if not path.is_file():
        raise GridError(f"{path} does not exist")
    values = read_config_file(path).values
    _require_known(values, _FILE_KEYS, f"{path}: a grid's file")
    function, name, run = values.get("function"), values.get("name"), values.get("run") or {}
    if not isinstance(function, str):
        raise GridError(f"{path}: it must say what to run, as  function: module:function", path=path, key="function")
    if not isinstance(run, dict):
        raise GridError(f"{path}: run is a mapping, as  run: {{jobs: 4}}", path=path, key="run")
    _require_known(run, RUN_KEYS, f"{path}: run")
    parameters = dict(_parameters(values.get("parameters") or {}, path, modules))
    return Asked(function, None if name is None else str(name), parameters, dict(run))


def load_function(text: str) -> Callable[..., object]:
    """Import a function; modules of the working directory are found.

    Raises:
        GridError: The text names no function, or its module cannot be imported.
    """
    match = _FUNCTION.fullmatch(text)
    if match is None:
        raise GridError(f"{text!r} names no function: write module:function, as train:main for main of train.py")
    if Path(match["module"]).suffix == ".py":
        advice = f"{match['module'].removesuffix('.py')}:{match['name']}"
        raise GridError(f"{text!r} names a file: write its module, as {advice}")
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        module = importlib.import_module(match["module"])
    except Exception as error:  # a user's module may raise anything
        raise GridError(f"{match['module']} cannot be imported: {type(error).__name__}: {error}") from error
    function = getattr(module, match["name"], None)
    if not callable(function):
        known = [name for name, value in vars(module).items() if callable(value) and not name.startswith("_")]
        raise GridError(f"{match['module']} has no function {match['name']!r}; {_nearest(match['name'], known)}")
    loaded: Callable[..., object] = function
    return loaded


def grid_of(asked: Asked, function: Callable[..., object]) -> ExperimentGrid:
    """The grid that was asked for.

    Raises:
        GridError: There are no parameters, or they exclude one another.
    """
    grid, signature = ExperimentGrid(asked.name or thunk_name(function)), signature_of(function)
    if not asked.parameters:
        first = next(iter(signature.named), "lr")
        raise GridError(f"there are no parameters: give one with its values, as  --{first.replace('_', '-')} 1 2")
    for key, (values, shorthand) in asked.parameters.items():
        whole, meant = _meant(key, signature)
        grid.add(whole, values, key if meant and shorthand is None else shorthand)
    return grid


def value_of(text: str, modules: Sequence[str] = NAME_MODULES) -> Any:
    """What a word stands for: a Python literal, an allowed name, or itself.

    Raises:
        GridError: It begins like a list, tuple or dictionary and is none; or an allowed module lacks the name.
    """
    try:
        return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        if text[:1] in {"[", "(", "{"}:
            advice = "quote one that holds spaces, and write names inside it as text"
            raise GridError(f"{text!r} is no list, tuple or dictionary: {advice}") from None
    module, _, name = text.rpartition(".")
    return _named(module, name) if module in modules else text


def _named(module: str, name: str) -> Any:
    try:
        return getattr(importlib.import_module(module), name)
    except ImportError as error:
        raise GridError(f"{module}.{name} cannot be had: {error}") from error
    except AttributeError:
        raise GridError(f"{module} has no {name!r}; {_nearest(name, dir(importlib.import_module(module)))}") from None


def _flags(words: Sequence[str]) -> Iterator[tuple[str, str | None, list[str]]]:
    """Each parameter with its shorthand and the words behind it."""
    seen: set[str] = set()
    key, shorthand, texts = "", None, list[str]()
    for word in words:
        if not word.startswith("--"):
            if not key:
                raise GridError(f"{word!r} stands before any parameter: parameters are --name value value")
            texts.append(word)
            continue
        if key:
            yield key, shorthand, texts
        key, shorthand, texts = _flag(word)
        if key in seen:
            raise GridError(f"--{key} is given twice: list all its values behind one of them", key=key)
        seen.add(key)
    if key:
        yield key, shorthand, texts


def _flag(word: str) -> tuple[str, str | None, list[str]]:
    match = _FLAG.fullmatch(word)
    if match is None:
        raise GridError(f"{word!r} is no parameter: write --name, or --name[shorthand], and : between levels")
    key = match["key"].replace("-", "_")
    return key, match["shorthand"], [] if match["value"] is None else [match["value"]]


def _parameters(
    given: object, path: Path, modules: Sequence[str], above: str = ""
) -> Iterator[tuple[str, tuple[list[Any], str | None]]]:
    if not isinstance(given, Mapping):
        raise GridError(f"{path}: parameters are a mapping, as  parameters: {{lr: [0.1, 0.01]}}", path=path)
    for text, value in given.items():
        match = _KEY.fullmatch(text)
        if match is None:
            raise GridError(f"{path}: {text!r} is no parameter: write name, or name[shorthand]", path=path, key=text)
        key = f"{above}{match['key']}"
        if isinstance(value, Mapping) and value:
            yield from _parameters(value, path, modules, f"{key}:")
            continue
        listed = value if isinstance(value, list) else [value]
        yield key, ([_resolved(each, modules) for each in listed], match["shorthand"])


def _resolved(value: Any, modules: Sequence[str]) -> Any:
    """A value of a file is what YAML makes of it; only allowed names mean more than their text."""
    module, _, name = value.rpartition(".") if isinstance(value, str) else ("", "", "")
    return _named(module, name) if module and module in modules else value


def _meant(key: str, signature: Signature) -> tuple[str, bool]:
    """The parameter that a short form stands for in a function, and whether it is one."""
    whole, takers = _SHORT.get(key, (key, ()))
    if key in signature.named or not any(taker in signature.named for taker in takers):
        return key, False
    return whole, True


def _require_known(given: Mapping[str, Any], known: Sequence[str], what: str) -> None:
    for key in given:
        if key not in known:
            raise GridError(f"{what} has no {key!r}; {_nearest(key, known)}", key=key, allowed=known)


def _nearest(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"it has {', '.join(known[:20]) or 'none'}"
