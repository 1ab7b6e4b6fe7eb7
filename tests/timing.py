"""Waiting for what happens, and judging times, on a machine that has other things to do.

A test never bets on how fast the machine is: it waits for the event itself, with a limit that only a hang reaches,
and takes the least of several measured times, because other programs only ever add to them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")

HANGS = 90.0
"""Seconds after which something has not come late but hangs."""


def wait_for(condition: Callable[[], T], seconds: float = HANGS) -> T:
    """Wait until something is true, and give it."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"it did not come to pass in {seconds:g} s"
        time.sleep(0.01)
    return found


def least_seconds(action: Callable[[], Any], enough: float) -> float:
    """The least time that an action takes: it is done again, ten times at most, until it took less than ``enough``."""
    least = float("inf")
    for _ in range(10):
        began = time.monotonic()
        action()
        least = min(least, time.monotonic() - began)
        if least < enough:
            break
    return least


def with_time_enough(attempt: Callable[[float], T], is_enough: Callable[[T], object], seconds: float) -> T:
    """What an attempt with a limit in seconds gives: with a longer one while the machine had not got far enough."""
    for limit in (seconds, 5 * seconds, 25 * seconds):
        if is_enough(given := attempt(limit)):
            break
    return given
