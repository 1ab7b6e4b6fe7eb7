"""Points in time as people write them: dates, ISO stamps, and how long ago."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Final

from rla.errors import SelectionError

_AGO: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw])")
_SECONDS: Final = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 7 * 86400.0}
_DATE: Final = re.compile(r"(\d{4})[-/](\d\d)[-/](\d\d)")
_STAMP: Final = re.compile(r"(\d{4}/\d\d/\d\d/\d\d-\d\d-\d\d)(-\d{6})?")


def parse_moment(text: str, now: float, *, end: bool = False) -> float:
    """A point in time, in seconds since the epoch.

    Args:
        text: ``2026-03-01``, any ISO 8601 stamp, the stamp of an index, or ``90s``, ``30m``, ``3h``,
            ``2d``, ``1w`` ago. Without a zone it is local time.
        now: The present, in seconds since the epoch.
        end: A date alone means the end of that day, not its beginning.

    Raises:
        SelectionError: It is none of these.
    """
    text = text.strip()
    if ago := _AGO.fullmatch(text):
        return now - float(ago[1]) * _SECONDS[ago[2]]
    try:
        moment = _moment(text)
        if end and _DATE.fullmatch(text):
            moment += timedelta(days=1)
        return moment.timestamp()  # one without a zone is local
    except (ValueError, OverflowError, OSError):
        message = f"{text!r} is no time; write 2026-03-01, 2026-03-01T21:13, or 3h, 2d, 1w for how long ago"
        raise SelectionError(message, expression=text) from None


def _moment(text: str) -> datetime:
    if date := _DATE.fullmatch(text):
        return datetime.fromisoformat("-".join(date.groups()))
    if stamp := _STAMP.fullmatch(text):
        fraction = stamp[2] or "-000000"
        return datetime.strptime(stamp[1] + fraction, "%Y/%m/%d/%H-%M-%S-%f")  # noqa: DTZ007 - local by design
    return datetime.fromisoformat(text)
