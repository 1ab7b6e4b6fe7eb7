"""Tables for notebooks: plain HTML, escaped, of bounded size."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Final

MAX_ROWS: Final = 50
_MAX_TEXT: Final = 200


def table(rows: Sequence[Sequence[object]], head: Sequence[object] = (), *, total: int | None = None) -> str:
    """A table of the first rows, and a line that tells how many more there are.

    Args:
        rows: The rows; of more than :data:`MAX_ROWS` only the first are shown.
        head: The titles of the columns, or nothing.
        total: How many rows there really are; by default as many as were given.
    """
    parts = ["<table>"]
    if head:
        parts.append(_line(head, "th"))
    parts += [_line(row, "td") for row in rows[:MAX_ROWS]]
    parts.append("</table>")
    more = (len(rows) if total is None else total) - min(len(rows), MAX_ROWS)
    if more > 0:
        parts.append(f"<p>and {more} more</p>")
    return "\n".join(parts)


def _line(cells: Sequence[object], tag: str) -> str:
    return "<tr>" + "".join(f"<{tag}>{_escaped(cell)}</{tag}>" for cell in cells) + "</tr>"


def _escaped(value: object) -> str:
    text = "" if value is None else str(value)
    shown = text if len(text) <= _MAX_TEXT else text[: _MAX_TEXT - 1] + "\N{HORIZONTAL ELLIPSIS}"
    return html.escape(shown.encode("utf-8", "replace").decode())
