"""What a fork of a recording process holds back, and what its child puts in order.

Python swallows what is raised inside such a function, as the KeyboardInterrupt of somebody who presses Ctrl-C
while the process forks, and does not finish the function. So each is registered twice, and a second call finishes
what the first one could not: a signal that stayed held back would be lost to this process and all its children.
"""

from __future__ import annotations

import functools
import os
import signal
import threading
from typing import Final

from rla.easy_log.current import current
from rla.easy_log.heartbeat import Heartbeat
from rla.easy_log.outcome import fatal_signals, give_back_handlers

_PATIENCE: Final = 1.0
_CALLS: Final = 2


@functools.cache
def watch_forks() -> None:
    """Look after every fork of this process from now on."""
    if hasattr(os, "register_at_fork"):
        for _ in range(_CALLS):
            os.register_at_fork(before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child)


class _Held(threading.local):
    """What the fork of this thread holds back: another thread may end the run, or fork, meanwhile."""

    mask: set[int] | None = None
    heartbeat: Heartbeat | None = None


_held = _Held()


def _before() -> None:
    """Hold back the signals that would end a child, and the heartbeat.

    A handler in Python is called late: a child that gets its signal while it comes into being, or on its way into a
    wait, loses it, and whoever waits for the child's end waits for ever. The heartbeat may hold locks.
    """
    if fatal := fatal_signals():
        if _held.mask is None:
            _held.mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        signal.pthread_sigmask(signal.SIG_BLOCK, fatal)
    run = current.get()
    if run is not None and (heartbeat := run.heartbeat) is not None:
        _held.heartbeat = heartbeat
        heartbeat.pause(_PATIENCE)


def _after_in_parent() -> None:
    _let_signals_go()
    if (heartbeat := _held.heartbeat) is not None:
        heartbeat.resume()
        _held.heartbeat = None


def _after_in_child() -> None:
    if (run := current.get()) is not None:
        run.disown()
    give_back_handlers()
    _let_signals_go()
    _held.heartbeat = None


def _let_signals_go() -> None:
    if _held.mask is not None:
        signal.pthread_sigmask(signal.SIG_SETMASK, _held.mask)
        _held.mask = None
