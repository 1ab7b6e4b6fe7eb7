"""What hermes writes down of an experiment is read back as it was."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from rla.hermes.command import arguments_of
from rla.hermes.info import append_info, argument_words, read_arguments, read_info_file, write_arguments

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
WORD = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\n"), max_size=20)


@given(st.dictionaries(st.sampled_from(["comments", "trouble", "directory"]), TEXT))
def test_every_value_of_hermes_info_comes_back(values):
    with tempfile.TemporaryDirectory() as directory:
        append_info(Path(directory), values)
        assert read_info_file(Path(directory)) == values


@given(st.lists(WORD, max_size=6))
def test_every_argument_comes_back(words):
    with tempfile.TemporaryDirectory() as directory:
        write_arguments(Path(directory), words)
        lines = [argument_words(line) for line in read_arguments(Path(directory))]
    positionals, options = arguments_of(words)
    assert lines == [*([word] for word in positionals), *([option, *values] for option, values in options.items())]
