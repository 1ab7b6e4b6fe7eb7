"""Who and where this process is, found without network traffic."""

from __future__ import annotations

import contextlib
import getpass
import os
import socket
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

_PROBES: Final = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))
"""Addresses reserved for documentation: connecting a UDP socket sends no packet."""
_ENDED: Final = frozenset("ZX")
_START_FIELD: Final = 19
"""Where ``/proc/<pid>/stat`` keeps the start time, counted after the command's closing bracket."""


def ip_address(environ: Mapping[str, str] = os.environ) -> str:
    """The address this machine would be reached at; ``RLA_IP`` overrides it, ``noip`` without one."""
    if chosen := environ.get("RLA_IP"):
        return chosen
    for family, target in _PROBES:
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((target, 9))
            return str(probe.getsockname()[0])
    return "noip"


@cache
def host_name() -> str:
    """This machine's name, as it calls itself."""
    return socket.gethostname()


@cache
def boot_id() -> str:
    """Which start of this machine it is; empty where the system does not tell."""
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return ""


def process_start(pid: int) -> int:
    """When a process began, in clock ticks since boot; 0 when it is gone or the system does not tell.

    One that has ended and that its parent has not asked for is gone.
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        fields = text.rpartition(")")[2].split()
        return 0 if fields[0] in _ENDED else int(fields[_START_FIELD])
    except (OSError, ValueError, IndexError):
        return 0


@cache
def user_name() -> str:
    """Who runs this process, or its number when it has no name."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container often has no entry for the user
        return str(os.getuid()) if hasattr(os, "getuid") else ""


def process_runs(pid: int, started: int) -> bool:
    """Whether a process of this machine still runs, and is the one that began then.

    Args:
        pid: Its number.
        started: What :func:`process_start` said of it when it was known, or 0.
    """
    if pid <= 0:
        return False
    if started and (now := process_start(pid)):
        return now == started
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # it runs, as somebody else
    return not started
