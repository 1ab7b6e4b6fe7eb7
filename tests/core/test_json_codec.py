"""The one JSON encoding: what goes in comes out, and the text is strict JSON."""

import enum
import itertools
import json
import math
from collections import deque

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rla.core import json_codec

_ANY_TEXT = st.text(st.characters(), max_size=20)  # NUL and lone surrogates too
_HUGE = st.integers(0, 20_000).map(lambda bits: -(2**bits) + 1)
_KEYS = _ANY_TEXT | st.text("$a", max_size=3) | st.integers() | st.booleans() | st.none() | st.floats(allow_nan=False)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | _HUGE | st.floats() | _ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=20,
)


def same(one, other):
    """Equal in value and type, NaN and the sign of zero included."""
    if type(one) is not type(other):
        return False
    if isinstance(one, float):
        both_nan = math.isnan(one) and math.isnan(other)
        return both_nan or (one == other and math.copysign(1, one) == math.copysign(1, other))
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return same(list(one), list(other)) and same(list(one.values()), list(other.values()))
    return one == other


@given(_VALUES)
def test_any_value_comes_back_as_it_was(value):
    assert same(json_codec.loads(json_codec.dumps(value)), value)


@given(_VALUES)
def test_the_text_is_strict_json_on_one_line(value):
    text = json_codec.dumps(value)

    def refuse(word):
        raise AssertionError(word)

    json.loads(text, parse_constant=refuse)
    assert "\n" not in text
    assert "\\u0000" not in text
    text.encode()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (math.nan, '{"$float":"NaN"}'),
        (-math.inf, '{"$float":"-Infinity"}'),
        (2**53, "9007199254740992"),
        (2**53 + 1, '{"$int":"9007199254740993"}'),
        (2**10_000, '{"$int":"0x1' + "0" * 2500 + '"}'),
        ("a\0b", '{"$text":"a\\\\x00b"}'),
        ("\udcff", '{"$text":"\\\\udcff"}'),
        ("é", '"é"'),
        ({1: 2}, '{"$map":[[1,2]]}'),
        ({"$x": 2}, '{"$map":[["$x",2]]}'),
        ({"a": 1, 2: 3}, '{"$map":[["a",1],[2,3]]}'),
        (1.0, "1.0"),
        ((1, 2), "[1,2]"),
        (np.float64(0.5), "0.5"),
        (np.array([1.0, 2.0]), "[1.0,2.0]"),
        (deque([1]), "[1]"),
        ({"a": 1}.values(), "[1]"),
        (b"x", "\"b'x'\""),
        (object, "\"<class 'object'>\""),
    ],
)
def test_a_value_is_written_as_documented(value, text):
    assert json_codec.dumps(value) == text


def test_nested_tuples_as_keys_come_back_as_tuples():
    value = {((1, 2), "a"): 1, frozenset(): 2}
    assert json_codec.loads(json_codec.dumps(value)) == {((1, 2), "a"): 1, (): 2}


def test_what_can_be_read_only_once_is_not_read():
    assert json_codec.dumps(itertools.count()) == '"count(0)"'


def test_an_array_that_is_one_number_is_written():
    assert json_codec.dumps(np.array(1.5)) == '"1.5"'


def test_an_enum_that_is_text_is_its_text():
    class Colour(str, enum.Enum):  # noqa: UP042 - StrEnum has another __str__
        RED = "red"

    assert json_codec.dumps({Colour.RED: Colour.RED}) == '{"red":"red"}'
