"""The next job, made ready while others run: where jobs take no time, a slot would else wait for its files."""

from __future__ import annotations

import time
from typing import Final

from rla.batch.starting import ReadyJob

_NO_TIME: Final = 0.2
"""Seconds. Jobs that take longer do not feel how long the next start takes; and no job waits longer than this,
because its identifier tells when it was made ready."""


class Ahead:
    """Keeps one job ready, as long as that pays."""

    def __init__(self, *, possible: bool) -> None:
        """Nothing is ready, and nobody knows how long jobs take.

        Args:
            possible: Whether the next job and its surroundings are known before a slot is free.
        """
        self._possible = possible
        self._pays = False
        self._ready: ReadyJob | None = None
        self._until = 0.0

    @property
    def is_wanted(self) -> bool:
        """Whether a job should be made ready now."""
        return self._possible and self._pays and self._ready is None

    def learn(self, seconds: float) -> None:
        """A job took so long."""
        self._pays = seconds < _NO_TIME

    def keep(self, ready: ReadyJob) -> None:
        """This one is ready."""
        self._ready = ready
        self._until = time.monotonic() + _NO_TIME

    def take(self) -> ReadyJob | None:
        """The one that is ready, or None."""
        ready, self._ready = self._ready, None
        return ready

    def take_stale(self) -> ReadyJob | None:
        """The one that has been ready for too long, or None; then no other is wanted for now."""
        if self._ready is None or time.monotonic() < self._until:
            return None
        self._pays = False
        return self.take()

    @property
    def due(self) -> float | None:
        """When it has been ready for too long, on the monotonic clock; None when there is none."""
        return None if self._ready is None else self._until
