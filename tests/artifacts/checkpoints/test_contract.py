"""What every adapter promises, on each of them; TensorFlow's where it is installed."""

from __future__ import annotations

import argparse
import dataclasses
import datetime as dt
import enum
import importlib.util
import io
import math
import os
import types
from collections import Counter, OrderedDict, deque
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from rla.artifacts.checkpoints.file import fingerprint_of
from rla.artifacts.checkpoints.store import Adapter, adapter_for
from rla.errors import CheckpointError

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


class Colour(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    LOW = 1


@dataclasses.dataclass
class Settings:
    lr: float
    sizes: tuple


class Point(NamedTuple):
    x: int
    y: list


class Text(str):
    __slots__ = ()

    def __str__(self) -> str:
        return "something else"


def same(left, right) -> bool:  # noqa: C901 - a case per type
    """Equal in type, value, order and dtype; one NaN is as good as another, and -0.0 is not 0.0."""
    if type(left) is not type(right):
        return False
    if isinstance(left, np.ndarray):
        return left.dtype == right.dtype and left.shape == right.shape and left.tobytes() == right.tobytes()
    if isinstance(left, np.floating) and left.itemsize <= 8:
        return same(float(left), float(right))
    if isinstance(left, np.generic):
        return same(np.asarray(left), np.asarray(right))
    if isinstance(left, (dict, OrderedDict, Counter)):
        return same(list(left.items()), list(right.items()))
    if isinstance(left, (list, tuple, deque)):
        limits = getattr(left, "maxlen", None) == getattr(right, "maxlen", None)
        return limits and len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, (set, frozenset)):
        return len(left) == len(right) and all(any(same(a, b) for b in right) for a in left)
    if isinstance(left, float):
        return (math.isnan(left) and math.isnan(right)) or (left == right and str(left) == str(right))
    if isinstance(left, complex):
        return same((left.real, left.imag), (right.real, right.imag))
    if isinstance(left, (argparse.Namespace, types.SimpleNamespace)):
        return same(vars(left), vars(right))
    return left == right


finite_keys = st.one_of(
    st.text(st.characters(codec=None)), st.integers(), st.booleans(), st.none(), st.floats(allow_nan=False), st.binary()
)
keys = st.one_of(finite_keys, st.tuples(finite_keys, finite_keys), st.frozensets(st.integers(), max_size=3))
leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(2**1999, 2**2001) | st.integers(-(2**2001), -(2**1999)),
    st.floats(),
    st.text(st.characters(codec=None)),
    st.binary(),
    st.binary().map(bytearray),
    st.complex_numbers(),
    st.builds(range, st.integers(-9, 9), st.integers(-9, 9), st.integers(1, 9)),
    st.sampled_from([Path("a/b"), Path("/"), dt.date(2024, 2, 29), dt.timedelta(-1, 3, 7)]),
    st.datetimes(timezones=st.none() | st.just(dt.UTC)),
    npst.arrays(
        st.one_of(npst.scalar_dtypes(), npst.array_dtypes(), npst.byte_string_dtypes(), npst.unicode_string_dtypes()),
        npst.array_shapes(min_dims=0, min_side=0, max_side=3),
    ),
    npst.scalar_dtypes().flatmap(npst.from_dtype),
    st.lists(npst.from_dtype(np.dtype(np.float32)), min_size=2),
)
values = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=3).map(tuple),
        st.builds(deque, st.lists(inner, max_size=3), st.none() | st.integers(0, 5)),
        st.sets(keys, max_size=3),
        st.dictionaries(keys, inner, max_size=4),
        st.dictionaries(keys, inner, max_size=3).map(OrderedDict),
        st.dictionaries(st.sampled_from(["__rla__", "$float", "value", "self"]), inner),
        st.dictionaries(st.text(), st.integers(), max_size=3).map(Counter),
        st.dictionaries(st.sampled_from(["lr", "size"]), inner).map(lambda fields: types.SimpleNamespace(**fields)),
        st.dictionaries(st.sampled_from(["lr", "size"]), inner).map(lambda fields: argparse.Namespace(**fields)),
    ),
    max_leaves=12,
)

PLAIN = {
    "an Enum is its value": (Colour.RED, "red"),
    "an IntEnum is its value": (Level.LOW, 1),
    "a key that is an Enum is its value": ({Colour.RED: 1}, {"red": 1}),
    "a dataclass is a dict": (Settings(0.1, (1, 2)), {"lr": 0.1, "sizes": (1, 2)}),
    "a namedtuple is a tuple": (Point(1, [2]), (1, [2])),
    "a mapping is a dict": (types.MappingProxyType({"a": (1,)}), {"a": (1,)}),
    "a text of a subclass is the text": (Text("real"), "real"),
    "an array of a subclass is an array": (np.zeros(2).view(np.recarray), np.zeros(2)),
    "a list of one type of NumPy scalars keeps them": ([np.int8(1), np.int8(2)], [np.int8(1), np.int8(2)]),
    "a list of two types of NumPy scalars keeps them": ([np.int8(1), np.int16(2)], [np.int8(1), np.int16(2)]),
    "a reversed array": (np.arange(6).reshape(2, 3)[::-1, ::-1], np.arange(6).reshape(2, 3)[::-1, ::-1]),
    "an array in Fortran's order": (np.asfortranarray(np.eye(2, 3)), np.eye(2, 3)),
    "a read-only array": (np.broadcast_to(np.float32(1), (2, 2)), np.ones((2, 2), np.float32)),
    "an unaligned field of a record": (
        np.ones(3, [("a", "i1"), ("b", "f8")])["b"],
        np.ones(3),
    ),
}

REFUSED = {
    "a function": (lambda: None, "is a function"),
    "a class": (Settings, "class"),
    "an open file": (io.StringIO(), "StringIO"),
    "an object": (object(), "is a object"),
    "an array of objects": (np.array([{}], object), "dtype object"),
    "a masked array": (np.ma.array([1], mask=[True]), "masked"),
    "a generator": ((each for each in ()), "generator"),
    "an object as key": ({object(): 1}, "key"),
    "two keys that become one": ({Colour.RED: 1, "red": 2}, "same"),
    "two members that become one": ({Level.LOW, Colour.RED, "red"}, "same"),
}


class AdapterContract:
    """Subclasses name the framework."""

    framework: str

    @pytest.fixture
    def adapter(self) -> Adapter:
        return adapter_for(self.framework)

    def round_trip(self, adapter, path, value):
        path.unlink(missing_ok=True)
        adapter.write(path, {"related": {"it": value}})
        return adapter.read(path, trust=False)["related"]["it"]

    @settings(
        max_examples=int(os.environ.get("RLA_TEST_EXAMPLES", "60")),
        deadline=None,
        suppress_health_check=[
            HealthCheck.function_scoped_fixture,
            HealthCheck.too_slow,
            HealthCheck.differing_executors,
        ],
    )
    @given(value=values)
    def test_nested_values_come_back_as_they_were(self, adapter, tmp_path, value):
        assert same(self.round_trip(adapter, tmp_path / "c", value), value)

    @pytest.mark.parametrize("case", PLAIN)
    def test_what_has_no_safe_form_comes_back_as_documented(self, adapter, tmp_path, case):
        value, expected = PLAIN[case]
        assert same(self.round_trip(adapter, tmp_path / "c", value), expected)

    @pytest.mark.parametrize("case", REFUSED)
    def test_what_cannot_be_kept_is_refused_with_its_place(self, adapter, tmp_path, case):
        value, reason = REFUSED[case]
        with pytest.raises(CheckpointError, match=reason) as caught:
            adapter.write(tmp_path / "c", {"model": {"actor": [0, value]}})
        assert caught.value.key == "model['actor'][1]"
        assert str(caught.value).startswith("model['actor'][1] ")

    def test_a_container_inside_itself_is_refused(self, adapter, tmp_path):
        loop: list = [1]
        loop.append({"again": loop})
        with pytest.raises(CheckpointError, match=r"contains itself") as caught:
            adapter.write(tmp_path / "c", {"custom": loop})
        assert caught.value.key == "custom[1]['again']"

    def test_what_is_nested_too_deeply_is_refused(self, adapter, tmp_path):
        deep: list = []
        for _ in range(10_000):
            deep = [deep]
        with pytest.raises(CheckpointError, match="deeper"):
            adapter.write(tmp_path / "c", {"custom": deep})

    def test_an_array_that_occurs_twice_is_stored_once_and_comes_back_shared(self, adapter, tmp_path):
        array = np.arange(50_000.0)
        adapter.write(tmp_path / "c", {"model": {"a": array, "b": [array]}})
        assert (tmp_path / "c").stat().st_size < 1.5 * array.nbytes
        model = adapter.read(tmp_path / "c", trust=False)["model"]
        model["a"][0] = 7
        assert model["b"][0][0] == 7

    def test_loaded_arrays_may_be_written(self, adapter, tmp_path):
        for array in (np.zeros(3), np.array(["a"]), np.zeros(2, ">i4")):
            self.round_trip(adapter, tmp_path / "c", array)[0] = 1

    def test_the_fingerprint_is_that_of_the_file(self, adapter, tmp_path):
        written = adapter.write(tmp_path / "c", {"model": np.arange(1_000_000)})
        assert written == fingerprint_of(tmp_path / "c")

    def test_a_file_that_exists_is_not_overwritten(self, adapter, tmp_path):
        (tmp_path / "c").write_text("mine")
        with pytest.raises(FileExistsError):
            adapter.write(tmp_path / "c", {"model": 1})
        assert (tmp_path / "c").read_text() == "mine"

    def test_nothing_but_the_file_is_left(self, adapter, tmp_path):
        adapter.write(tmp_path / "c", {"model": np.zeros(3)})
        assert [entry.name for entry in tmp_path.iterdir()] == ["c"]

    @pytest.mark.parametrize("content", [b"", b"nonsense", b"PK\x03\x04" + bytes(100)])
    def test_a_file_that_is_no_checkpoint_is_an_error_with_its_path(self, adapter, tmp_path, content):
        (tmp_path / "c").write_bytes(content)
        with pytest.raises(CheckpointError, match="c") as caught:
            adapter.read(tmp_path / "c", trust=False)
        assert caught.value.path == tmp_path / "c"

    @pytest.mark.parametrize("trust", [False, True])
    def test_a_truncated_file_is_an_error(self, adapter, tmp_path, trust):
        adapter.write(tmp_path / "c", {"model": np.arange(1000)})
        os.truncate(tmp_path / "c", (tmp_path / "c").stat().st_size // 2)
        with pytest.raises(CheckpointError):
            adapter.read(tmp_path / "c", trust=trust)

    def test_a_missing_file_is_an_os_error(self, adapter, tmp_path):
        with pytest.raises(FileNotFoundError):
            adapter.read(tmp_path / "c", trust=False)

    def test_a_checkpoint_of_a_newer_rla_says_so(self, adapter, tmp_path, monkeypatch):
        monkeypatch.setattr("rla.artifacts.checkpoints.adapter.FORMAT", 2)
        adapter.write(tmp_path / "c", {"model": 1})
        monkeypatch.undo()
        with pytest.raises(CheckpointError, match="another version of rla"):
            adapter.read(tmp_path / "c", trust=False)


class TestNumpy(AdapterContract):
    framework = "numpy"


class TestTorch(AdapterContract):
    framework = "torch"


@pytest.mark.skipif(importlib.util.find_spec("tensorflow") is None, reason="TensorFlow is not installed")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
class TestTensorFlow(AdapterContract):
    framework = "tensorflow"
