"""What is sent to the process of a variant: a function and its arguments, in a file that only its user reads.

The process removes the file when it has read it; where several MPI processes read it, it goes at the variant's
end. It is not a record: what a run was given is in its ``run.json`` and ``config.json``, as text and numbers.
"""

from __future__ import annotations

import marshal
import os
import pickle
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from rla.errors import GridError, MissingDependencyError, RlaError
from rla.fsio.atomic_write import write_all
from rla.sweep.thunk import Call, thunk_name


def write_payload(file: Path, call: Call) -> None:
    """Write a call for the process that makes it.

    Raises:
        GridError: The function or an argument cannot be sent to another process.
        OSError: The file cannot be written, or is there.
    """
    named = _named(call)
    header = {
        "path": [entry or str(Path.cwd()) for entry in map(str, sys.path)],
        "argv": list(sys.argv),
        "script": _script(),
        "named": named,
        "pickled": serialised(call) if named is None else None,
    }
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        write_all(descriptor, marshal.dumps(header))
    finally:
        os.close(descriptor)


def _script() -> str | None:
    """The file of the main program; None in a notebook or at a prompt. A variant that starts variants has one, too."""
    main = sys.modules.get("__main__")
    file = getattr(main, "__file__", None) or getattr(main, "__script__", None)
    return None if file is None else str(Path(file).absolute())


def _named(call: Call) -> tuple[str, str, dict[str, Any], Any] | None:
    """A call as the name of its function and plain arguments, where that says all: no pickle has to be loaded."""
    function = call.function
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", None)
    if not (isinstance(module, str) and isinstance(name, str)) or module == "__main__":
        return None
    if getattr(sys.modules.get(module), name, None) is not function or not is_plain([call.arguments, call.environment]):
        return None
    return module, name, call.arguments, call.environment


def is_plain(value: object, depth: int = 8) -> bool:
    """Whether a value is made of nothing but Python's own simple types, each exactly, and not too deep."""
    if type(value) in {list, tuple, dict} and depth:
        items = [*value.keys(), *value.values()] if isinstance(value, dict) else value
        return all(is_plain(item, depth - 1) for item in items)  # type: ignore[attr-defined]
    return value is None or type(value) in {bool, int, float, str, bytes}


def serialised(call: Call) -> bytes:
    """A call as bytes.

    Raises:
        GridError: A part of it cannot be sent to another process; the message names the part.
        MissingDependencyError: It takes cloudpickle to send it.
    """
    try:
        return _dumps((call.function, call.arguments, call.environment))
    except RlaError:
        raise
    except Exception as error:  # an object that is copied may raise anything
        part, reason = next(_culprits(call), ("a part of it", error))
        raise GridError(
            f"{thunk_name(call.function)} cannot be sent to a process of its own: {part} cannot be copied ({reason}); "
            "make it inside the function"
        ) from error


def _dumps(value: object) -> bytes:
    try:
        import cloudpickle  # noqa: PLC0415 - an extra
    except ImportError:
        content = pickle.dumps(value)
        if b"__main__" in content:
            raise _missing() from None
        return content
    return bytes(cloudpickle.dumps(value))


def _missing() -> MissingDependencyError:
    return MissingDependencyError("cloudpickle", "sweep", "sending a function of a script or notebook to a process")


def _culprits(call: Call) -> Iterator[tuple[str, Exception]]:
    """What cannot be sent, by the name that a user knows it by."""
    for key, value in call.arguments.items():
        yield from _tried(f"parameter {key!r}", value)
    for key, value in _captured(call.function).items():
        yield from _tried(f"{key!r}, which it uses from outside,", value)


def _tried(name: str, value: object) -> Iterator[tuple[str, Exception]]:
    try:
        _dumps(value)
    except Exception as error:  # noqa: BLE001 - as above
        yield name, error


def _captured(function: Callable[..., object]) -> Mapping[str, Any]:
    """The variables from outside that a function uses."""
    code = getattr(function, "__code__", None)
    if code is None:
        return {}
    cells = zip(code.co_freevars, getattr(function, "__closure__", None) or (), strict=True)
    closed = {name: cell.cell_contents for name, cell in cells if _is_filled(cell)}
    known = getattr(function, "__globals__", {})
    return {**{name: known[name] for name in code.co_names if name in known}, **closed}


def _is_filled(cell: Any) -> bool:
    try:
        cell.cell_contents  # noqa: B018 - an empty one raises
    except ValueError:
        return False
    return True
