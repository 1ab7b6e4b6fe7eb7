"""Tell an exception that a signal handler of the user's raised from one that recording met."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from types import CodeType, TracebackType
from typing import Any


def pass_interrupt_on(error: BaseException) -> None:
    """Raise what a signal handler raised once more: it is meant for the training, whatever it interrupted.

    To be called first wherever any error is taken for one of recording.

    Args:
        error: What was caught; it may also have the handler's as its cause.
    """
    meant: BaseException | None = error
    while meant is not None:
        if _is_of_handler(meant):
            raise meant
        meant = meant.__cause__


def _is_of_handler(error: BaseException) -> bool:
    trace = error.__traceback__
    if trace is None or trace.tb_next is None:  # raised where it was caught
        return False
    codes = _handler_codes()
    return any(code in codes for code in _codes(trace))


def _codes(trace: TracebackType | None) -> Iterator[CodeType]:
    while trace is not None:
        yield trace.tb_frame.f_code
        trace = trace.tb_next


def _handler_codes() -> set[CodeType]:
    """What the handlers in Python run."""
    return {code for number in signal.valid_signals() if (code := _code_of(signal.getsignal(number))) is not None}


def _code_of(handler: Any) -> CodeType | None:
    handler = getattr(handler, "func", handler)  # a functools.partial
    if not hasattr(handler, "__code__"):  # a method has its function's; else an object that can be called
        handler = getattr(type(handler), "__call__", None)  # noqa: B004 - its code is wanted
    return getattr(handler, "__code__", None)
