"""Words that messages share."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """A number of things.

    >>> counted(1, "run"), counted(1200, "run")
    ('1 run', '1200 runs')
    """
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
