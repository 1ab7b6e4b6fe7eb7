"""How the process ends, as seen by hooks that chain to what was there and never replace it."""

from __future__ import annotations

import atexit
import builtins
import os
import re
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, ModuleType, TracebackType
from typing import Any, Final

from rla.core import states

_SIGNALS: Final = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
_STATUS: Final = Path("/proc/self/status")
_CAUGHT: Final = re.compile(r"^SigCgt:\s*([0-9a-f]+)$", re.MULTILINE)
MAX_ERROR: Final = 10_000
_NO_FAULT: Final = (StopIteration, StopAsyncIteration, GeneratorExit)
"""How loops and generators end: a run that is closed while one is handled has not failed."""
_EXITS: Final = ((sys, "exit"), (builtins, "exit"), (builtins, "quit"))
_EXIT_PRIORITY: Final = 10
"""Any number: it makes multiprocessing call us at a worker's end."""


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        state: One of :mod:`rla.core.states`.
        exit_code: What the process returns, as a shell would see it.
        error: The end of the traceback, or None.
    """

    state: str
    exit_code: int = 0
    error: str | None = None


FINISHED: Final = Outcome(states.FINISHED)


def outcome_of(error: BaseException | None) -> Outcome:
    """What an exception that left the training code makes of the run."""
    if error is None:
        return FINISHED
    if isinstance(error, SystemExit):
        return exit_outcome(error.code)
    import traceback  # noqa: PLC0415 - 5 ms that a run without an error need not pay

    text = "".join(traceback.format_exception(error))[-MAX_ERROR:]
    if isinstance(error, KeyboardInterrupt):
        return Outcome(states.INTERRUPTED, 128 + signal.SIGINT, text)
    return Outcome(states.FAILED, 1, text)


def exit_outcome(code: object) -> Outcome:
    """What ``sys.exit(code)`` makes of the run."""
    if code is None or code == 0:
        return FINISHED
    if isinstance(code, int):
        return Outcome(states.FAILED, code)
    return Outcome(states.FAILED, 1, str(code)[-MAX_ERROR:])


class ProcessHooks:
    """Tells one run how its process ends, and lets everybody else's hooks do their work.

    Installed at the run's start and removed at its end: an uncaught exception, ``sys.exit``, ``exit`` and ``quit``,
    SIGTERM, SIGHUP and the interpreter's exit, which in a worker of multiprocessing is multiprocessing's
    own. Signal handlers are only set in the main thread, and a signal that is ignored stays ignored.
    """

    def __init__(self, end: Callable[[Outcome], None]) -> None:
        """``end`` is called once with how the process ends."""
        self._end = end
        self._outcome: Outcome | None = None
        self._pid = os.getpid()
        self._handlers: dict[int, Any] = {}
        self._excepthook: Callable[..., Any] | None = None
        self._stand_ins = [
            _StandIn(module, name, self._on_exit_call) for module, name in _EXITS if hasattr(module, name)
        ]
        self._worker_exit: Any = None
        self._handled = id(sys.exception())
        self._is_over = False
        # bound methods are made anew at each look-up: one of each is kept, to know our own again
        self._own_excepthook = self._on_exception
        self._own_handler = self._on_signal

    def install(self) -> None:
        """Set every hook."""
        self._excepthook, sys.excepthook = sys.excepthook, self._own_excepthook
        self._join_worker_exit()
        for stand_in in self._stand_ins:
            stand_in.install()
        atexit.register(self._at_exit)
        if threading.current_thread() is threading.main_thread():
            self._set_handlers()

    def remove(self) -> None:
        """Put back what was there, unless somebody has set another hook since."""
        self._is_over = True
        atexit.unregister(self._at_exit)
        if self._worker_exit is not None:
            self._worker_exit.cancel()
        if sys.excepthook is self._own_excepthook and self._excepthook is not None:
            sys.excepthook = self._excepthook
        for stand_in in self._stand_ins:
            stand_in.remove()
        if threading.current_thread() is threading.main_thread():
            self._put_handlers_back()

    def outcome_now(self) -> Outcome:
        """How a run ends that is closed at this moment: a signal decides, else the exception under way.

        An exception that was being handled when the run started says nothing about it.
        """
        if self._outcome is not None and self.was_killed:
            return self._outcome
        error = sys.exception()
        if isinstance(error, _NO_FAULT) or id(error) == self._handled:
            return FINISHED
        return outcome_of(error)

    @property
    def was_killed(self) -> bool:
        """Whether a signal has asked the process to end: what it does after that is only how it ends."""
        return self._outcome is not None and self._outcome.state == states.KILLED

    def _set_handlers(self) -> None:
        for number in _SIGNALS:
            previous = _handler_before_runs(number, only_ended=True)
            if previous not in (signal.SIG_IGN, None) and not _is_handled_in_c(number):
                self._handlers[number] = previous
                signal.signal(number, self._own_handler)

    def _put_handlers_back(self) -> None:
        for number, previous in self._handlers.items():
            if signal.getsignal(number) is self._own_handler:
                signal.signal(number, previous)

    def _on_exception(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if os.getpid() == self._pid and not hasattr(sys, "ps1"):  # at a prompt the process goes on
            self._outcome = outcome_of(error)
        assert self._excepthook is not None
        self._excepthook(kind, error, trace)

    def _on_exit_call(self, code: object = None) -> None:
        if self._is_asked():
            self._outcome = exit_outcome(code)

    def _on_print_exc(self, *_about: object, **_options: object) -> None:
        """Worker processes print what ended them, and from Python 3.13 on have forgotten it when they exit."""
        if self._is_asked() and sys._getframe(2).f_code.co_name == "_bootstrap":  # noqa: SLF001 - as logging does
            self._end(outcome_of(sys.exception()))

    def _is_asked(self) -> bool:
        """Whether what this thread does ends the run's process, and no signal has ended it before."""
        mine = os.getpid() == self._pid and threading.current_thread() is threading.main_thread()
        return mine and not self.was_killed

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        previous = self._handlers[number]
        mine = os.getpid() == self._pid
        if mine:
            self._outcome = Outcome(states.KILLED, 128 + number, f"ended by {signal.Signals(number).name}")
        if callable(previous):
            previous(number, frame)
            return
        if mine:
            self._end(self._outcome or FINISHED)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    def _at_exit(self) -> None:
        if os.getpid() == self._pid:
            self._end(self._outcome or self.outcome_now())

    def _join_worker_exit(self) -> None:
        """Workers of multiprocessing leave by ``os._exit``, which calls no atexit function."""
        process = sys.modules.get("multiprocessing.process")
        if process is not None and process.parent_process() is not None:
            import traceback  # noqa: PLC0415 - 5 ms that only a worker need pay
            from multiprocessing.util import Finalize  # noqa: PLC0415 - only a worker, which has it

            self._stand_ins.append(_StandIn(traceback, "print_exc", self._on_print_exc))
            self._worker_exit = Finalize(None, self._at_exit, exitpriority=_EXIT_PRIORITY)


class _StandIn:
    """Stands in for a function that is called when the process ends, and tells of the call."""

    def __init__(self, module: ModuleType, name: str, tell: Callable[..., None]) -> None:
        self._module = module
        self._name = name
        self._tell = tell
        self._previous: Callable[..., Any] = getattr(module, name)

    def install(self) -> None:
        self._previous = getattr(self._module, self._name)
        setattr(self._module, self._name, self)

    def remove(self) -> None:
        if getattr(self._module, self._name) is self:
            setattr(self._module, self._name, self._previous)

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        self._tell(*arguments, **options)
        return self._previous(*arguments, **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._previous, name)

    def __repr__(self) -> str:
        return repr(self._previous)  # at a prompt it tells how to leave


def _is_handled_in_c(number: int) -> bool:
    """Whether a signal has a handler of which Python knows nothing, and which it could not call."""
    if signal.getsignal(number) != signal.SIG_DFL:
        return False
    try:
        status = _STATUS.read_text(encoding="utf-8", errors="replace")
    except OSError:  # not Linux
        return False
    caught = _CAUGHT.search(status)
    return caught is not None and bool(int(caught[1], 16) >> (number - 1) & 1)


def fatal_signals() -> list[int]:
    """The signals that would end this process at once but for a handler of ours."""
    return [number for number, before in _ours().items() if not callable(before)]


def give_back_handlers() -> None:
    """Let signals do in a forked child what they did before any run."""
    for number, before in _ours().items():
        signal.signal(number, before)


def _ours() -> dict[int, Any]:
    """The signals that a run handles, with what handled them before any run."""
    before = {number: _handler_before_runs(number) for number in _SIGNALS}
    return {number: handler for number, handler in before.items() if handler is not signal.getsignal(number)}


def _handler_before_runs(number: int, *, only_ended: bool = False) -> Any:
    """A signal's handler, past those of runs, or of those that ended in another thread and could not put it back."""
    handler: Any = signal.getsignal(number)
    while isinstance(owner := getattr(handler, "__self__", None), ProcessHooks):
        if only_ended and not owner._is_over:  # noqa: SLF001
            break
        handler = owner._handlers[number]  # noqa: SLF001
    return handler
