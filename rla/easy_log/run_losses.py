"""Where recorders outside the logger count what they could not keep."""

from __future__ import annotations

from typing import Final

from rla.easy_log.current import current
from rla.easy_log.losses import Losses

_WITHOUT_RUN: Final = Losses()


def current_losses() -> Losses:
    """The losses of the run that is being recorded; without one, some that nobody stores."""
    run = current.get()
    return run._losses if run is not None and run.is_recording else _WITHOUT_RUN  # noqa: SLF001 - the run's own recorders
