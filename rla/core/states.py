"""The states of a run."""

from __future__ import annotations

from typing import Final

PENDING: Final = "pending"
SUBMITTED: Final = "submitted"
RUNNING: Final = "running"
FINISHED: Final = "finished"
FAILED: Final = "failed"
INTERRUPTED: Final = "interrupted"
KILLED: Final = "killed"
TIMEOUT: Final = "timeout"
CANCELLED: Final = "cancelled"

LOST: Final = "lost"
"""Never stored: what a reader says of a run that is running by its files and dead by its process."""

OPEN: Final = (PENDING, SUBMITTED, RUNNING)
"""States that a run leaves by itself."""

STORED: Final = (*OPEN, FINISHED, FAILED, INTERRUPTED, KILLED, TIMEOUT, CANCELLED)
"""Every state that a row or ``state.json`` may hold."""
