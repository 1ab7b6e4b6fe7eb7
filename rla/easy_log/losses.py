"""What recording could not keep: said once per cause, counted always, never raised."""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from rla.core.interrupts import pass_interrupt_on
from rla.errors import RlaWarning

_OURS = (str(Path(__file__).parents[1]) + os.sep, contextlib.__file__)
"""How the files begin that are ours, or stand between two of ours: a context manager runs through contextlib."""


class Losses:
    """The losses of one run.

    Attributes:
        counts: How many values were lost or changed, by cause.
    """

    def __init__(self) -> None:
        """Nothing is lost yet."""
        self.counts: Counter[str] = Counter()
        self._said: set[str] = set()

    def add(self, cause: str, message: str, count: int = 1) -> None:
        """Count a loss; the first of each cause is said."""
        self.counts[cause] += count
        self.say(cause, message)

    def guard(self, cause: str, action: Callable[[], object]) -> None:
        """Do something that recording can go on without; what it raises is counted as a loss."""
        try:
            action()
        except Exception as error:  # noqa: BLE001 - recording never harms training, whatever breaks in it
            pass_interrupt_on(error)
            self.add(cause, f"{cause}: {type(error).__name__}: {error}")

    def say(self, cause: str, message: str) -> None:
        """Tell the user something once, without counting a loss."""
        if cause in self._said:
            return
        self._said.add(cause)
        warn(message)


def _frames_of_rla() -> int:
    """How far up the first line is that is not ours: that is the one a warning should show."""
    depth, frame = 0, sys._getframe(1)  # noqa: SLF001 - the only way to a caller's file that costs nothing
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_OURS):
        depth, frame = depth + 1, frame.f_back
    return depth + 1


def warn(message: str) -> None:
    """Warn without ever raising, also where warnings are errors: training goes on."""
    try:
        warnings.warn(message, RlaWarning, stacklevel=_frames_of_rla())
    except Exception as error:  # noqa: BLE001 - a filter that raises, a closed stderr, a hook of the user's own
        pass_interrupt_on(error)
        with contextlib.suppress(Exception):  # logging writes to the same stderr
            import logging  # noqa: PLC0415 - 8 ms that only a run whose warnings are errors need pay

            logging.getLogger("rla").warning(message)
