"""A thread that lets a run speak while the training is busy, and that a fork cannot catch halfway."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable

PERIOD = 60.0
"""Seconds between two heartbeats."""


class Heartbeat:
    """Calls a function every :data:`PERIOD` seconds until it is stopped."""

    def __init__(self, beat: Callable[[], None], period: float = PERIOD) -> None:
        """``beat`` must not raise."""
        self._beat = beat
        self._period = period
        self._stopped = threading.Event()
        self._beating = threading.RLock()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin; the thread dies with the process."""
        thread = threading.Thread(target=self._run, name="rla-heartbeat", daemon=True)
        thread.start()
        self._thread = thread

    def stop(self, timeout: float) -> None:
        """End, and wait at most ``timeout`` seconds for a beat that is under way; the thread goes by itself."""
        self._stopped.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout)

    def pause(self, timeout: float) -> bool:
        """Hold the next beat back, so that no fork copies one halfway; whether it is held."""
        return self._beating.acquire(timeout=timeout)

    def resume(self) -> None:
        """Let the beats go on, however often this thread has paused them, if it has: an interrupt may come any time."""
        with contextlib.suppress(RuntimeError):
            while True:
                self._beating.release()

    def _run(self) -> None:
        if hasattr(signal, "pthread_sigmask"):  # a signal that the training holds back would else come through here
            signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        while not self._stopped.wait(self._period):
            with self._beating:
                if not self._stopped.is_set():
                    self._beat()
