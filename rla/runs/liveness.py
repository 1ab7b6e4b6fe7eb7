"""Whether a run that has not ended is still being recorded. Computed by readers, never stored."""

from __future__ import annotations

import time
from typing import Final

from rla.core.layout import RunPaths
from rla.core.manifest import Manifest
from rla.fsio.file_lock import is_locked
from rla.runs import machine

HEARTBEAT_GRACE: Final = 600.0
"""Seconds after its last heartbeat that a run on another machine still counts as alive."""


def is_alive(record: Manifest, paths: RunPaths, heartbeat: float | None) -> bool:
    """Whether the process that records a run is still there.

    Its lock tells at once. On the same machine the process table decides otherwise; a run of another
    machine is believed for :data:`HEARTBEAT_GRACE` seconds after it last spoke.
    """
    if is_locked(paths.manifest):
        return True
    if record.host == machine.host_name():
        return record.boot == machine.boot_id() and machine.process_runs(record.pid, record.process_started)
    return spoke_lately(heartbeat)


def is_only_believed(run_host: str, paths: RunPaths) -> bool:
    """Whether nothing but a young heartbeat speaks for a run of another machine: nobody here can know better."""
    return run_host != machine.host_name() and not is_locked(paths.manifest)


def spoke_lately(heartbeat: float | None) -> bool:
    """Whether a heartbeat is so young that its run still counts as alive, where nothing else can tell."""
    return heartbeat is not None and time.time() - heartbeat < HEARTBEAT_GRACE
