"""Words that messages share."""

from __future__ import annotations

from typing import Final

_UNITS: Final = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_STEP: Final = 1024


def counted(number: int, noun: str) -> str:
    """A number of things.

    >>> counted(1, "run"), counted(1200, "run")
    ('1 run', '1200 runs')
    """
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def size_text(size: int) -> str:
    """Bytes as people read them.

    >>> size_text(7), size_text(2048), size_text(3 * 1024**3)
    ('7 B', '2.0 KiB', '3.0 GiB')
    """
    value = float(size)
    for unit in _UNITS[:-1]:
        if value < _STEP:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= _STEP
    return f"{value:.1f} {_UNITS[-1]}"


def span(seconds: float) -> str:
    """A time as short as people say it.

    >>> span(0.25), span(59.6), span(90), span(7500), span(180000)
    ('0.2 s', '1m00s', '1m30s', '2h05m', '2d02h')
    """
    if seconds < 9.95:  # noqa: PLR2004 - tenths matter below
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days}d{hours:02}h"
    return f"{hours}h{minutes:02}m" if hours else f"{minutes}m{rest:02}s" if minutes else f"{rest} s"
