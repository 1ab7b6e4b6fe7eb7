"""Custom data: lists, deques and single values by key."""

from __future__ import annotations

import math
from collections import deque

import numpy as np
import pytest

from rla.artifacts.checkpoints.custom_data import CustomData
from rla.artifacts.checkpoints.store import CheckpointStore, adapter_for
from rla.errors import ConfigError


@pytest.fixture
def data() -> CustomData:
    return CustomData()


def test_items_are_appended_to_a_list(data):
    for value in (1, 2, 3):
        data.add("returns", value)
    assert data.get("returns") == [1, 2, 3]


def test_a_list_may_have_a_limit(data):
    for value in range(5):
        data.add("returns", value, max_len=2)
    assert data.get("returns") == [3, 4]


def test_a_deque_forgets_the_oldest(data):
    for value in range(5):
        data.add("returns", value, deque, max_len=3)
    assert data.get("returns") == deque([2, 3, 4], 3)


def test_a_deque_without_a_limit_keeps_all(data):
    for value in range(5):
        data.add("returns", value, deque)
    assert data.get("returns") == deque(range(5))
    assert data.get("returns").maxlen is None


def test_the_limit_of_a_deque_may_change(data):
    for value in range(5):
        data.add("returns", value, deque, max_len=5)
    data.add("returns", 5, deque, max_len=2)
    assert data.get("returns") == deque([4, 5], 2)


@pytest.mark.parametrize("dtype", [int, float, dict, np.ndarray])
def test_a_single_value_is_set_by_each_call(data, dtype):
    data.add("best", 1.0, dtype)
    data.add("best", 2.0, dtype)
    assert data.get("best") == 2.0


def test_the_first_call_decides_what_a_key_is(data):
    data.add("x", 1, deque, max_len=2)
    data.add("x", 2)
    data.add("x", 3)
    assert data.get("x") == deque([2, 3], 2)


def test_replace_sets_the_items(data):
    data.add("x", 1)
    data.add("x", (7, 8, 9), mode="replace", max_len=2)
    assert data.get("x") == [8, 9]


def test_replace_decides_anew_what_a_key_is(data):
    data.add("x", 1)
    data.add("x", 5.0, float, mode="replace")
    data.add("x", 6.0)
    assert data.get("x") == 6.0


def test_replacing_a_list_by_no_items_is_refused(data):
    with pytest.raises(ConfigError, match="'x' is replaced by items, not by a int"):
        data.add("x", 5, mode="replace")


def test_an_unknown_mode_is_refused(data):
    with pytest.raises(ConfigError, match="'extend'"):
        data.add("x", 5, mode="extend")
    assert data.keys() == []


@pytest.mark.parametrize("call", ["get", "clear", "mean"])
def test_an_unknown_key_names_those_that_there_are(data, call):
    data.add("returns", 1)
    with pytest.raises(ConfigError, match="no custom data 'return'; there are: 'returns'") as caught:
        getattr(data, call)("return")
    assert (caught.value.key, caught.value.allowed) == ("return", ("returns",))


def test_a_cleared_key_begins_anew(data):
    data.add("x", 1)
    data.clear("x")
    data.add("x", 2, deque)
    assert data.get("x") == deque([2])


def test_the_mean_is_that_of_all_numbers(data):
    for value in (1, np.float32(2), np.array([3.0, 6.0])):
        data.add("x", value)
    assert data.mean("x") == 3.0


def test_the_mean_of_a_single_value_is_the_value(data):
    data.add("x", 4, int)
    assert data.mean("x") == 4.0


def test_the_mean_of_nothing_is_nan(data):
    data.add("x", [], mode="replace")
    assert math.isnan(data.mean("x"))


def test_what_has_no_mean_is_an_error(data):
    data.add("x", "text")
    with pytest.raises(ConfigError, match="'x' has no mean"):
        data.mean("x")


def test_a_snapshot_does_not_change_with_the_data(data):
    data.add("x", 1)
    taken = data.snapshot()
    data.add("x", 2)
    assert taken == {"x": [1]}


def test_restoring_replaces_everything(data):
    data.add("x", 1)
    data.restore({"y": deque([1], 3)})
    data.add("y", 2)
    assert data.keys() == ["y"]
    assert data.get("y") == deque([1, 2])


@pytest.mark.parametrize("framework", ["numpy", "torch"])
def test_it_goes_through_a_checkpoint(data, tmp_path, framework):
    data.add("list", np.float64(1))
    data.add("deque", 2, deque, max_len=3)
    data.add("single", np.arange(3), np.ndarray)
    store = CheckpointStore(tmp_path, adapter_for(framework))
    store.save(1, custom=data.snapshot())
    again = CustomData()
    again.restore(store.load().custom)
    assert again.keys() == ["list", "deque", "single"]
    assert again.get("deque") == deque([2], 3)
    assert again.get("deque").maxlen == 3
    assert again.get("single").tolist() == [0, 1, 2]
