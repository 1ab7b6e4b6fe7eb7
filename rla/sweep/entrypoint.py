"""The process of one variant: call one function, and write down that it returned, and what.

It is run by its path, with the payload's file and the file for the result. It imports nothing of rla, and of
Python only what has been imported already: what a variant pays before its function begins is little more than
the start of Python. That is why files are opened here as they were before pathlib.
"""

import marshal
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_RANKS = ("PMI_RANK", "OMPI_COMM_WORLD_RANK")
_END = "the function ended the process by sys.exit before it returned: let it return instead"


def main(payload: str, result: str) -> None:
    """Call the function of a payload.

    Args:
        payload: The file that :func:`rla.sweep.payload.write_payload` wrote.
        result: The file that the value goes to. That it is there says that the function returned.
    """
    pid = os.getpid()
    with open(payload, "rb") as file:  # noqa: PTH123
        header = marshal.load(file)  # noqa: S302 - our own maker wrote it, for this process only
    rank = next((os.environ[name] for name in _RANKS if name in os.environ), None)
    if rank is None:  # else others read it, too, and it goes when all have ended
        os.unlink(payload)  # noqa: PTH108
    sys.path[:], sys.argv[:] = header["path"], header["argv"]
    function, arguments, environment = _call_of(header)
    if environment is not None:
        arguments["env_fn"] = _maker(*environment)
    try:
        value = function(**arguments)
    except SystemExit as error:
        if error.code in {None, 0}:
            sys.exit(_END)
        raise
    if os.getpid() != pid:  # it forked, and a child came back
        sys.stdout.flush()
        os._exit(0)
    if rank in {None, "0"}:
        _write(result, value)


def _call_of(
    header: "dict[str, Any]",
) -> "tuple[Callable[..., object], dict[str, Any], tuple[str, dict[str, Any]] | None]":
    """The function with its arguments: by its name where that says all, else as it was pickled."""
    if header["pickled"] is not None:
        from pickle import loads  # noqa: PLC0415 - takes as long as half the start of Python

        call: tuple[Callable[..., object], dict[str, Any], None] = loads(header["pickled"])  # noqa: S301 - as above
        function = getattr(call[0], "func", call[0])
        known = getattr(function, "__globals__", {})
        of_script = known.get("__name__") == "__main__"
        _be_the_script(header["script"], {function.__name__: function, **known} if of_script else {})
        return call
    _be_the_script(header["script"], {})
    module, name, arguments, environment = header["named"]
    return getattr(__import__(module, fromlist=["_"]), name), arguments, environment


def _be_the_script(script: "str | None", known: "dict[str, Any]") -> None:
    """Let ``__main__`` be the caller's script, and not this file.

    Pickle looks for the script's classes and functions there, and the code backup for its file. That one is not
    called ``__file__``: workers that are spawned would run the script.

    Args:
        script: Its file, or None.
        known: What a function of it knows by name.
    """
    main = type(sys)("__main__")
    vars(main).update((name, value) for name, value in known.items() if name != "__file__")
    vars(main)["__script__"] = script
    sys.modules["__rla_entrypoint__"], sys.modules["__main__"] = sys.modules["__main__"], main


def _maker(name: str, settings: "dict[str, Any]") -> "Callable[[], Any]":
    def env_fn() -> "Any":
        """Make the environment anew."""
        import gymnasium  # noqa: PLC0415 - only if the function calls it

        return gymnasium.make(name, **settings)

    return env_fn


def _write(file: str, value: object) -> None:
    """Numbers are kept, alone or by name; of anything else only that it was returned."""
    text = "null"
    if value is not None:
        import json  # noqa: PLC0415 - most functions return nothing

        text = json.dumps(_numbers(value))
    part = f"{file}.part"
    with open(part, "w", encoding="utf-8") as opened:  # noqa: PTH123
        opened.write(text)
    os.replace(part, file)  # noqa: PTH105


def _numbers(value: object) -> object:
    if isinstance(value, dict):
        return {str(key): number for key, item in value.items() if (number := _number(item)) is not None}
    return _number(value)


def _number(value: "Any") -> "float | None":
    """A number of Python, NumPy or torch as Python's."""
    if getattr(value, "shape", None) == () and hasattr(value, "item"):
        value = value.item()
    return value if isinstance(value, int | float) else None


if __name__ == "__main__":
    main(*sys.argv[1:])
