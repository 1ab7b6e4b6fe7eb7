"""Processes that a test looks at from outside."""

from pathlib import Path


def is_alive(pid: int) -> bool:
    """Whether a process goes on. One that has ended and is not waited for yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
