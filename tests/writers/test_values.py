from __future__ import annotations

import enum
import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import torch

from rla.writers.base import TIME_STEP, Dump
from rla.writers.values import TEXT_LIMIT, to_cell


class Color(enum.IntEnum):
    RED = 3


class Real(float):
    def __float__(self):
        raise RuntimeError


class Rude:
    def __float__(self):
        raise RuntimeError

    def __index__(self):
        raise RuntimeError

    def item(self):
        raise RuntimeError

    def __str__(self):
        raise RuntimeError

    __repr__ = __str__


class Ruder:
    def __getattribute__(self, name):
        raise RuntimeError


class Floaty:
    def __float__(self):
        return 2.5


PLAIN = [
    (1.5, 1.5),
    (7, 7),
    (True, True),
    (None, None),
    ("text", "text"),
    (math.inf, math.inf),
    (2**63 - 1, 2**63 - 1),
    (2**63, float(2**63)),
    (10**400, math.inf),
    (-(10**5000), -math.inf),
    (np.float64(0.1), 0.1),
    (np.float32(0.5), 0.5),
    (np.float16(0.5), 0.5),
    (np.longdouble(0.5), 0.5),
    (np.int64(3), 3),
    (np.uint64(2**64 - 1), float(2**64)),
    (np.bool_(True), True),
    (np.array(1.5), 1.5),
    (np.array([[2]]), 2),
    (np.str_("a"), "a"),
    (torch.tensor(1.5), 1.5),
    (torch.tensor([2.5], requires_grad=True), 2.5),
    (torch.tensor(0.5, dtype=torch.float16), 0.5),
    (torch.tensor(0.5, dtype=torch.bfloat16), 0.5),
    (torch.tensor(True), True),
    (torch.tensor([[3]]), 3),
    (Decimal("0.5"), 0.5),
    (Fraction(1, 4), 0.25),
    (Color.RED, 3),
    (Real(0.5), 0.5),
    (Floaty(), 2.5),
]

ODD = [
    (b"a\xff", "a\\xff"),
    ([1, 2], "[1, 2]"),
    ({"a": 1}, "{'a': 1}"),
    (np.array([1, 2]), "[1 2]"),
    (torch.tensor([1, 2]), "tensor([1, 2])"),
    (1 + 2j, "(1+2j)"),
    (np.complex64(1 + 2j), "(1+2j)"),
    (np.array([1 + 2j]), "[1.+2.j]"),
    (Decimal("sNaN"), "sNaN"),
    (Rude(), "<Rude>"),
    (Ruder(), "<Ruder>"),
    (Fraction(10**400), "1" + "0" * 400),
]


@pytest.mark.parametrize(("value", "cell"), PLAIN, ids=lambda value: type(value).__name__)
def test_a_number_or_text_becomes_its_plain_value_without_a_word(value, cell):
    got, told = to_cell(value)
    assert (got, type(got), told) == (cell, type(cell), "")


@pytest.mark.parametrize(("value", "text"), ODD, ids=lambda value: type(value).__name__)
def test_anything_else_becomes_text_and_is_told(value, text):
    got, told = to_cell(value)
    assert got == text
    assert told


def test_nan_stays_nan():
    assert all(math.isnan(to_cell(value)[0]) for value in (math.nan, np.float32("nan"), torch.tensor(math.nan)))


def test_long_text_of_an_object_is_cut():
    assert len(to_cell(list(range(100_000)))[0]) <= TEXT_LIMIT + 3
    assert len(to_cell(b"x" * 100_000)[0]) <= TEXT_LIMIT + 3


def test_long_recorded_text_is_kept():
    assert to_cell("x" * 5000)[0] == "x" * 5000


def test_a_plain_dump_is_taken_as_it_is():
    values = {"b": 1.0, "a": 2}
    dump = Dump(values, 3, 4.0)
    assert dump.settled is values
    assert dump.cells == (1.0, 2, 3, 4.0)
    assert not dump.oddities


def test_a_value_under_one_of_our_names_is_left_out_and_told():
    dump = Dump({"a": 1.0, TIME_STEP: 99}, 3, 4.0)
    assert dump.settled == {"a": 1.0}
    assert dump.step == 3
    assert list(dump.oddities) == [TIME_STEP]


@pytest.mark.parametrize(("step", "settled"), [(np.int64(3), 3), (5.0, 5), (math.nan, 0), ("x", 0), (10**30, 0)])
def test_a_step_of_any_kind_becomes_an_integer(step, settled):
    assert Dump({"a": 1.0, "b": np.float32(1)}, step, 4.0).step == settled


def test_excluded_keys_are_not_seen():
    dump = Dump({"a": 1.0, "b": np.float32(2)}, 3, 4.0, {"a": ("csv",)})
    assert dump.seen_by("csv").settled == {"b": 2.0}
    assert dump.seen_by("log").settled == {"a": 1.0, "b": 2.0}
