"""Tables in Markdown: read back by splitting at the bars, as a renderer does."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from rla.runs.markdown import markdown_table


def test_columns_of_numbers_stand_to_the_right_and_none_is_empty():
    assert markdown_table(["lr", "name"], [[0.1, "a"], [None, "b"], [2, None]]) == (
        "| lr | name |\n| ---: | --- |\n| 0.1 | a |\n|  | b |\n| 2 |  |\n"
    )


def test_marks_in_names_and_values_are_plain_characters():
    table = markdown_table(["a_b"], [["<b>|*x* `y` [z](w) $1$ &amp;"], [["p", "q"]], [True]])
    assert table.splitlines()[0] == "| a\\_b |"
    assert table.splitlines()[2] == "| \\<b\\>\\|\\*x\\* \\`y\\` \\[z\\](w) \\$1\\$ \\&amp; |"
    assert table.splitlines()[3:] == ["| p, q |", "| True |"]


@given(st.text())
def test_a_text_of_any_kind_stays_in_its_cell(text):
    lines = markdown_table(["one", "two"], [[text, "end"]]).split("\n")
    assert len(lines) == 4
    cells = re.split(r"(?<!\\)(?:\\\\)*\|", lines[2])
    assert len(cells) == 4
    assert cells[2] == " end "
