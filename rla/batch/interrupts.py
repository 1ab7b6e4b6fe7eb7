"""Ctrl-C and SIGTERM as things that are counted, not exceptions in the middle of something."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from types import FrameType
from typing import Any, Final, Self

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """Counts Ctrl-C and SIGTERM while it is entered; elsewhere than in the main thread it counts nothing.

    Attributes:
        count: How many there were.
        wake: A descriptor that becomes readable with each of them.
    """

    def __init__(self) -> None:
        """Nothing is counted yet."""
        self.count = 0
        self.wake, self._told = os.pipe()
        for end in (self.wake, self._told):
            os.set_blocking(end, False)
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                if signal.getsignal(number) is not signal.SIG_IGN:  # what is ignored stays ignored
                    self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_about: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        for end in (self.wake, self._told):
            os.close(end)

    def drain(self) -> None:
        """Let the descriptor wait for the next one."""
        with contextlib.suppress(BlockingIOError):
            while os.read(self.wake, 1024):
                pass

    def _note(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self.count += 1
        with contextlib.suppress(BlockingIOError):
            os.write(self._told, b"!")
