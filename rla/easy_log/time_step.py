"""The time step: the x of every recorded value. Usable at any time, before a run and after it."""

from __future__ import annotations

from typing import SupportsInt

from rla.easy_log.losses import warn


class TimeStepHolder:
    """One integer that the training loop moves and every dump reads.

    Attributes:
        epoch: Free for the script's own use; nothing reads it.
    """

    def __init__(self, time: SupportsInt = 0, epoch: int = 0, tf_log: bool = False) -> None:
        """Start at a time step. ``tf_log`` is accepted for old scripts and does nothing."""
        del tf_log
        self._time = int(time)
        self.epoch = epoch

    def config(self, time: SupportsInt = 0, tf_log: bool = False) -> None:
        """Start again at a time step."""
        del tf_log
        self._time = int(time)

    def set_time(self, time: SupportsInt) -> None:
        """Move to a time step; any order is allowed, also backwards. What is no number is told and passed over."""
        try:
            self._time = int(time)
        except (TypeError, ValueError, OverflowError) as error:
            warn(f"the time step stays {self._time}: {error}")

    def inc_time(self) -> int:
        """Move on by one; returns the new time step."""
        self._time += 1
        return self._time

    def add_time(self, add: SupportsInt) -> int:
        """Move on by many, as a vector of environments does; returns the new time step."""
        self._time += int(add)
        return self._time

    def get_time(self) -> int:
        """The time step that the next dump gets."""
        return self._time


time_step_holder = TimeStepHolder()
