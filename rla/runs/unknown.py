"""Messages about a name that is not there: which ones are."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from typing import Final

_MOST: Final = 15


def nearest(name: str, known: Collection[str]) -> str:
    """What could have been meant, then what there is."""
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.6)
    near += [other for other in known if other not in near and other.rpartition(".")[2] == name]
    rest = [other for other in known if other not in near]
    shown = ", ".join([*near, *rest][:_MOST]) + (", ..." if len(known) > _MOST else "")
    question = f"did you mean {' or '.join(near[:3])}? " if near else ""
    return f"{question}There is {shown}" if known else "there is none at all"
