"""The cells of a recorded column as numbers: an empty one is not the same as a NaN that was recorded.

It is the one NaN whose bits are :data:`EMPTY`, which every copy of an array keeps.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64]

EMPTY: Final = 0x7FF8_0000_0000_E301
"""The bits of a cell in which nothing was recorded: a quiet NaN with a payload of its own."""


def present(values: Array) -> NDArray[np.bool_]:
    """Which cells something was recorded in, a NaN included."""
    there: NDArray[np.bool_] = values.view(np.uint64) != EMPTY
    return there
