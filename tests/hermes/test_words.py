"""Words of a hermes file."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rla.hermes.words import Scanner, WordError, quoted, without_comment, words_of

ONE_LINE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\n"))


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


def parted_by_character(text: str, stop: str) -> list[str]:
    """The words of a text, read one character after the other; ``WordError`` where something is not closed."""
    words: list[str] = []
    place, word, inside = 0, None, []
    while place < len(text):
        char = text[place]
        if inside:
            end = quote_end(text, place) if char in "'\"" else place + 1
            word += text[place:end]
            if char in "[{(":
                inside.append({"[": "]", "{": "}", "(": ")"}[char])
            elif char == inside[-1]:
                inside.pop()
            place = end
        elif char.isspace() or char in stop:
            words += [] if word is None else [word]
            word, place = None, place + 1
        elif char in "'\"":
            end = quote_end(text, place)
            body = text[place + 1 : end - 1]
            word = (word or "") + (re.sub(r'\\(["\\])', r"\1", body) if char == '"' else body)
            place = end
        elif char == "\\":
            word, place = (word or "") + escaped(text, place), place + 2
        else:
            if char in "[{(":
                inside.append({"[": "]", "{": "}", "(": ")"}[char])
            word, place = (word or "") + char, place + 1
    if inside:
        raise WordError("not closed", place)
    return [*words, *([] if word is None else [word])]


def escaped(text: str, backslash: int) -> str:
    """The character behind a backslash."""
    if backslash + 1 == len(text):
        raise WordError("nothing follows", backslash)
    return text[backslash + 1]


def quote_end(text: str, begin: int) -> int:
    """Behind the quote that closes the one at a place."""
    pattern = r'"(?:\\["\\]|[^"])*?"' if text[begin] == '"' else r"'[^']*'"
    match = re.compile(pattern, re.DOTALL).match(text, begin)
    if match is None:
        raise WordError("not closed", begin)
    return match.end()


SIGNS = st.text(st.sampled_from(list("ab0-=#/:$*;.,'\"\\[](){} \t\u00a0\u2028é")), max_size=20)


@settings(max_examples=500)
@given(SIGNS, st.sampled_from(["", ",]", ",)"]))
def test_reading_many_characters_at_once_gives_what_reading_each_gives(text, stop):
    def scanned() -> list[str]:
        scanner, words = Scanner(text), []
        while scanner.peek():
            if scanner.peek().isspace() or scanner.peek() in stop:
                scanner.position += 1
            else:
                words.append(scanner.word(stop).text)
        return words

    try:
        expected = parted_by_character(text, stop)
    except WordError:
        with pytest.raises(WordError):
            scanned()
    else:
        assert scanned() == expected
