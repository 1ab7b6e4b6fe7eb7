"""A table as GitHub's Markdown has it.

Source: https://github.github.com/gfm/#tables-extension-
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from rla.runs.cells import cell_text, is_numeric

_SPECIAL: Final = re.compile(r"([\\`*_\[\]<>|~$&])")
"""What Markdown may take for a mark within a line; with a backslash before it, it is a plain character."""


def markdown_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table whose columns of numbers stand to the right.

    Names and texts are data: none of them becomes a mark or HTML.

    Args:
        columns: The titles.
        rows: A row of values for each line; None is an empty cell.
    """
    rows = list(rows)
    kinds = ["---:" if is_numeric([row[place] for row in rows]) else "---" for place in range(len(columns))]
    lines = [[escaped(title) for title in columns], kinds, *([_cell(value) for value in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value:.6g}" if isinstance(value, float) else cell_text(value)
    return escaped(cell_text(value))


def escaped(text: str) -> str:
    """A text as Markdown prints it; what cannot be printed is a blank."""
    return _SPECIAL.sub(r"\\\1", "".join(char if char.isprintable() else " " for char in text))
