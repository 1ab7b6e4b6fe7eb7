"""What makes two points of a grid the same work."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from rla.sweep.variant import Variant, with_keys, work_of


class Thing:
    def __init__(self, size):
        self.size = size


def scaled(factor):
    return lambda value: value * factor


def work(value):
    ((key, _),) = with_keys("train", [Variant("g", {"value": value, "seed": 0})])
    return work_of(key)


PAIRS = [
    ("x" * 20_000, "x" * 20_000 + "y"),
    (np.zeros(2000), np.ones(2000)),
    ([{"deep": np.zeros(2000)}], [{"deep": np.ones(2000)}]),
    (lambda value: value, lambda value: -value),
    (scaled(2), scaled(3)),
    (Thing(1), Thing(2)),
]


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_values_that_are_recorded_alike_are_not_the_same_work(one, other):
    assert work(one) != work(other)


SHOW = """
from tests.sweep.test_variant import PAIRS, work
print(*(work(value) for pair in PAIRS for value in pair), sep="\\n")
"""


def test_another_process_knows_the_same_work_again():
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run(
        [sys.executable, "-c", SHOW], cwd=root, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [work(value) for pair in PAIRS for value in pair]


def test_the_order_of_keys_makes_no_difference():
    assert work({"a": "x" * 20_000, "b": 2}) == work({"b": 2, "a": "x" * 20_000})


def test_a_value_inside_itself_is_work_too():
    cyclic = {"a": 1}
    cyclic["self"] = cyclic
    assert work(cyclic) == work(cyclic)
