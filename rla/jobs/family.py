"""The processes of a job: its group, and what it has started in groups of its own."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


def send(leader: int, number: int) -> None:
    """Send a signal to a job and all that it has started, also to processes that have left its group.

    Only what has left the group and has lost its parent, too, is out of reach.

    Args:
        leader: The job's process, the first of its group.
        number: The signal.

    Raises:
        ProcessLookupError: There is no such group any more.
        PermissionError: It belongs to another user.
    """
    strays = [pid for pid in _descendants(leader) if _group(pid) != leader]
    os.killpg(leader, number)
    for pid in strays:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def _descendants(pid: int) -> Iterator[int]:
    """The children of a process, and theirs; none where the system does not tell."""
    with contextlib.suppress(OSError):
        for thread in list(Path(f"/proc/{pid}/task").iterdir()):
            for child in map(int, (thread / "children").read_text(encoding="ascii").split()):
                yield child
                yield from _descendants(child)


def _group(pid: int) -> int | None:
    """The group of a process, or None when it is gone."""
    try:
        return os.getpgid(pid)
    except OSError:
        return None
