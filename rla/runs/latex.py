"""A table as LaTeX prints it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from rla.runs.cells import cell_text, decimal, is_numeric

_TEX: Final = {
    **{char: f"\\{char}" for char in "&%$#_{}"},
    **{char: f"{{{char}}}" for char in "[]*-`'\"?!"},
    "\\": "\\textbackslash{}",
    "~": "\\textasciitilde{}",
    "^": "\\textasciicircum{}",
    "<": "\\textless{}",
    ">": "\\textgreater{}",
    "|": "\\textbar{}",
}
"""What stands for each character that TeX or LaTeX would not print as it is.

Brackets and the star would belong to the end of the line above; the others of the second line
would join their neighbours to another sign.
"""
_NUMBER: Final = re.compile(r"(?P<mantissa>-?[\d.]+)(?:e(?P<exponent>[+-]\d+))?")


def latex_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A ``tabular`` with the rules of booktabs; columns of numbers stand to the right.

    Names and texts are data: none of them becomes a command of TeX.

    Args:
        columns: The titles.
        rows: A row of values for each line; None is an empty cell.
    """
    rows = list(rows)
    kinds = ["r" if is_numeric([row[place] for row in rows]) else "l" for place in range(len(columns))]
    lines = [_latex_line(map(_escaped, columns)), "\\midrule", *(_latex_line(map(_latex_cell, row)) for row in rows)]
    body = "\n".join(lines)
    begin = f"% \\usepackage{{booktabs}}\n\\begin{{tabular}}{{{''.join(kinds)}}}\n\\toprule\n"
    return f"{begin}{body}\n\\bottomrule\n\\end{{tabular}}\n"


def _latex_line(cells: Iterable[str]) -> str:
    return " & ".join(cells) + " \\\\"


def _latex_cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return _escaped(cell_text(value))
    text = decimal(value) if isinstance(value, int) else f"{value:.6g}"
    found = _NUMBER.fullmatch(text)
    if found is None:
        if isinstance(value, int):
            return text
        return {"inf": "$\\infty$", "-inf": "$-\\infty$"}.get(text, "NaN")
    if found["exponent"] is None:
        return f"${text}$" if text.startswith("-") else text
    return f"${found['mantissa']} \\times 10^{{{int(found['exponent'])}}}$"


def _escaped(text: str) -> str:
    """A text as TeX prints it; what cannot be printed is a blank."""
    return "".join(_TEX.get(char, char) if char.isprintable() else " " for char in text)
