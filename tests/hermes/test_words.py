"""Words of a hermes file."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rla.hermes.words import WordError, quoted, without_comment, words_of

ONE_LINE = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]))


def texts(line: str) -> list[str]:
    return [word.text for word in words_of(line)]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("-lr 0.001", ["-lr", "0.001"]),
        ("'a b' c\\ d", ["a b", "c d"]),
        ('--tag="x y"', ["--tag=x y"]),
        ("--layers [64, 64] --n 2", ["--layers", "[64, 64]", "--n", "2"]),
        ('{"a": "x]y", "b": [1, 2]}', ['{"a": "x]y", "b": [1, 2]}']),
        ("https://host/a#b?c=1,2", ["https://host/a#b?c=1,2"]),
        ('"a\\"b\\\\c\\d"', ['a"b\\c\\d']),
        ("$HOME * ; | > x", ["$HOME", "*", ";", "|", ">", "x"]),
        ("''", [""]),
    ],
)
def test_words_arrive_as_they_are_meant(line, expected):
    assert texts(line) == expected


@pytest.mark.parametrize(("line", "at"), [("a 'b", 2), ("x [1, 2", 2), ('say "no', 4), ("end \\", 4)])
def test_what_is_not_closed_is_named_with_its_place(line, at):
    with pytest.raises(WordError) as caught:
        words_of(line)
    assert caught.value.position == at


@given(st.lists(ONE_LINE, max_size=5))
def test_quoted_words_are_read_back_as_they_were(words):
    assert texts(" ".join(map(quoted, words))) == words


@pytest.mark.parametrize(
    ("line", "expected"),
    [("threads:2 # two", "threads:2"), ("# all", ""), ("http://a//b", "http://a//b"), ("x // y", "x"), ("a#b", "a#b")],
)
def test_a_comment_begins_at_the_line_or_after_a_blank(line, expected):
    assert without_comment(line) == expected
