"""Hyperparameters become plain values, whatever a script calls its own."""

import argparse
import dataclasses
import enum
import functools
import math
from collections import OrderedDict
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from rla.core import json_codec
from rla.core.hyperparams import MAX_TEXT, flatten, lookup, normalise, plain, tracked_text, value_text
from rla.errors import ConfigError

PLAIN = {"lr": 0.001, "net": {"layers": [64, 64], "act": "tanh"}, "seed": 1, "none": None}


@dataclasses.dataclass
class Net:
    layers: tuple = (64, 64)
    act: str = "tanh"


@dataclasses.dataclass
class Settings:
    lr: float = 0.001
    net: Net = dataclasses.field(default_factory=Net)
    seed: int = 1
    none: None = None
    later: int = dataclasses.field(init=False)


class Colour(enum.Enum):
    RED = "red"
    DEEP = ("a", 1)


class Level(enum.IntEnum):
    HIGH = 3


class Unprintable:
    def __str__(self):
        raise RuntimeError

    __repr__ = __str__


@pytest.mark.parametrize(
    "source",
    [
        PLAIN,
        OrderedDict(PLAIN),
        MappingProxyType(PLAIN),
        argparse.Namespace(**{**PLAIN, "net": argparse.Namespace(**PLAIN["net"])}),
        Settings(),
        OmegaConf.create(PLAIN),
        OmegaConf.create({**PLAIN, "seed": "${n}", "n": 1}),
        {**PLAIN, "net": OmegaConf.create(PLAIN["net"])},
        {**PLAIN, "net": {"layers": OmegaConf.create([64, 64]), "act": "tanh"}},
    ],
    ids=lambda source: type(source).__name__,
)
def test_every_usual_holder_gives_the_same_plain_dictionary(source):
    assert {key: value for key, value in normalise(source).items() if key != "n"} == PLAIN


def test_no_hyperparameters_are_an_empty_dictionary():
    assert normalise(None) == {}


@pytest.mark.parametrize("source", [7, "lr=1", [("lr", 1)], Settings, object()])
def test_what_holds_no_names_is_refused(source):
    with pytest.raises(ConfigError, match=r"give a dict, an argparse\.Namespace, a dataclass"):
        normalise(source)


def test_the_source_is_not_changed_and_not_shared():
    source = {"net": {"layers": [1]}}
    normalise(source)["net"]["layers"].append(2)
    assert source == {"net": {"layers": [1]}}


def test_a_missing_value_and_a_reference_to_nothing_stay_as_text():
    assert normalise(OmegaConf.create({"a": "???", "b": 1})) == {"a": "???", "b": 1}
    assert normalise(OmegaConf.create({"a": "${gone}", "b": 1})) == {"a": "${gone}", "b": 1}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.float32(0.001), 0.001),
        (np.float16(0.001), 0.001),
        (np.float64(0.1), 0.1),
        (np.float32(1e30), 1e30),
        (np.float32("inf"), math.inf),
        (np.finfo(np.float16).max, 65_500.0),
        (np.longdouble("0.5"), 0.5),
        (np.int64(7), 7),
        (np.bool_(True), True),
        (np.str_("a"), "a"),
        (np.array(0.001, np.float32), 0.001),
        (np.array([0.001, 0.1], np.float32), [0.001, 0.1]),
        (np.array([[1, 2]]), [[1, 2]]),
        (np.zeros(1001), "<float64 array (1001,)>"),
        (Colour.RED, "red"),
        (Colour.DEEP, ["a", 1]),
        (Level.HIGH, 3),
        ({"b", "a"}, ["a", "b"]),
        ((1, (2,)), [1, [2]]),
        (Path("/a/b"), "/a/b"),
        (Fraction, "fractions.Fraction"),
        (math.sin, "math.sin"),
        (Settings.__init__, "Settings.__init__"),
        (1 + 2j, "(1+2j)"),
        (b"x", "b'x'"),
        ("x" * (MAX_TEXT + 1), "x" * MAX_TEXT),
        (Unprintable(), "<unprintable Unprintable>"),
        ([Unprintable(), 1], ["<unprintable Unprintable>", 1]),
        ({1: "a", None: "b", (1, 2): "c"}, {"1": "a", "None": "b", "[1,2]": "c"}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_value_becomes_plain(value, expected):
    result = plain(value)
    if isinstance(expected, str) and expected.endswith("__init__"):
        assert result.endswith(expected)
    else:
        assert (type(result), result) == (type(expected), expected)


def test_a_partial_is_its_text():
    assert plain(functools.partial(math.pow, 2)).startswith("functools.partial(<built-in function pow>, 2")


@given(st.floats(width=32, allow_nan=False))
def test_a_float32_keeps_its_value_in_its_own_precision(number):
    assert np.float32(plain(np.float32(number))) == np.float32(number)


def test_torch_numbers_keep_their_own_shortest_digits():
    torch = pytest.importorskip("torch")
    for dtype in (torch.float64, torch.float32, torch.float16, torch.bfloat16):
        assert plain(torch.tensor(0.001, dtype=dtype, requires_grad=True)) == 0.001
    assert plain(torch.tensor([0.1, 0.001], dtype=torch.bfloat16)) == [0.1, 0.001]
    assert plain(torch.tensor(3)) == 3
    assert plain(torch.zeros(40, 40)) == "<torch.float32 array (40, 40)>"
    assert plain(torch.float32) == "torch.float32"


def test_every_bfloat16_is_the_same_number_afterwards():
    torch = pytest.importorskip("torch")
    bits = torch.arange(1, 0x7F80, 37, dtype=torch.int32).to(torch.int16)
    numbers = bits.view(torch.bfloat16)
    again = torch.tensor([plain(number) for number in numbers], dtype=torch.float64).to(torch.bfloat16)
    assert torch.equal(again, numbers)


def test_a_container_inside_itself_ends_there():
    loop = {"a": 1}
    loop |= {"b": loop, "c": loop, "d": [loop], "e": [loop]}
    inside = "<dict inside itself>"
    assert normalise({"x": loop})["x"] == {"a": 1, "b": inside, "c": inside, "d": [inside], "e": [inside]}


def test_a_value_named_twice_is_written_twice():
    shared = [1]
    assert plain({"a": shared, "b": shared}) == {"a": [1], "b": [1]}


def test_nesting_ends_somewhere():
    deep = []
    for _ in range(500):
        deep = [deep]
    assert "[[[" in json_codec.dumps(plain(deep))


_ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.binary()
    | st.complex_numbers(),
    lambda inner: st.lists(inner) | st.sets(st.integers()) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=10,
)


@given(st.dictionaries(st.text(st.characters(), max_size=5), _ANYTHING, max_size=4))
def test_plain_values_stay_the_same_when_made_plain_again(source):
    once = normalise(source)
    assert json_codec.dumps(normalise(once)) == json_codec.dumps(once)


# ---- keys


def test_a_dotted_key_walks_into_nested_ones():
    assert lookup({"net": {"layers": [1]}}, "net.layers") == [1]


def test_a_key_that_holds_a_dot_itself_comes_first():
    assert lookup({"a.b": 1, "a": {"b": 2}}, "a.b") == 1


@pytest.mark.parametrize(
    ("known", "key", "told"),
    [
        ({"learning_rate": 1}, "learning_rat", "did you mean 'learning_rate'?"),
        ({"net": {"layers": 1}}, "net.layer", "did you mean 'net.layers'?"),
        ({"net": {"layers": 1}}, "zz.y", "the hyperparameters are 'net.layers'"),
        ({"lr": 1}, "lr.x", "did you mean 'lr'?"),
        ({}, "lr", "call exp_manager.set_hyper_param(...) first"),
    ],
)
def test_an_unknown_key_is_told_with_the_nearest(known, key, told):
    with pytest.raises(ConfigError) as caught:
        lookup(known, key)
    assert str(caught.value).startswith(f"tracked hyperparameter {key!r} was not given; ")
    assert told in str(caught.value)
    assert caught.value.key == key


def test_the_tracked_text_joins_keys_and_exact_values():
    values = {"env_id": "Hopper-v4", "lr": 1e-3, "net": {"layers": [64, 64]}, "flag": True}
    text = tracked_text(values, ["env_id", "lr", "net.layers", "flag"])
    assert text == "env_id=Hopper-v4&lr=0.001&net.layers=[64,64]&flag=True"


def test_no_tracked_keys_give_no_text():
    assert tracked_text(PLAIN, []) == ""


def test_each_leaf_is_listed_with_its_dotted_key():
    assert list(flatten({"a": {"b": 1, "c": {}}, "d": [1]})) == [("a.b", 1), ("a.c", {}), ("d", [1])]


@pytest.mark.parametrize(("value", "text"), [("a b", "a b"), (1.0, "1.0"), (None, "None"), ({"a": [1]}, '{"a":[1]}')])
def test_a_value_is_written_as_people_write_it(value, text):
    assert value_text(value) == text
