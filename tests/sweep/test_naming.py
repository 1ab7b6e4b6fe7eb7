"""Names of parameters, variants and output directories."""

from __future__ import annotations

import functools
from collections import namedtuple
from datetime import datetime

import numpy as np
import pytest

from rla.errors import GridError
from rla.sweep.naming import all_bools, default_shorthand, output_place, valid_str, value_at, variant_name

NOON = datetime(2026, 7, 25, 12, 30, 5)


@pytest.mark.parametrize(
    ("key", "shorthand"),
    [
        ("steps_per_epoch", "ste"),
        ("lr_a", "lr"),
        ("_x", "x"),
        ("__", ""),
        ("ac_kwargs:hidden_sizes", "ac-hid"),
        ("ac_kwargs:hidden_sizes:actor", "ac-hid-act"),
        ("a:", "a-"),
        ("::", "--"),
        ("x_y_z", "xy"),
        ("9lives", "9li"),
        ("CamelCase", "Cam"),
        ("é_key", "k"),
    ],
)
def test_a_shorthand_is_the_first_three_letters_of_each_part(key, shorthand):
    assert default_shorthand(key) == shorthand


def function():
    """A function has a name."""


Pair = namedtuple("Pair", "a b")  # noqa: PYI024 - an untyped one is what scripts have


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.1, "0-1"),
        (1e-3, "0-001"),
        (3e-05, "3e-05"),
        (1e10, "10000000000-0"),
        (1e16, "1e-16"),
        (-1.5, "-1-5"),
        (None, "none"),
        (True, "true"),
        ("A b/C", "a-b-c"),
        ("中文", "--"),
        ((64, 64), "64-64"),
        ([[1, 2], [3]], "1-2-3"),
        ((), ""),
        ({"lr": 1}, "--lr---1-"),
        (lambda: None, "-lambda-"),
        (np, "numpy"),
        (function, "function"),
        (int, "int"),
        (Pair(1, 2), "1-2"),
    ],
)
def test_a_value_in_a_name_has_safe_characters_only(value, text):
    assert valid_str(value) == text


def test_an_address_is_not_part_of_a_name():
    one, other = functools.partial(function), functools.partial(function)
    assert valid_str(one) == valid_str(other)
    assert "0x" not in valid_str(one)


def test_only_true_and_false_are_bools():
    assert all_bools([True, False])
    assert not all_bools([True, None])
    assert not all_bools([True, 0])
    assert not all_bools([np.True_])


def named(name, variant, *declared):
    return variant_name(name, [(*each, *(None, False)[len(each) - 2 :]) for each in declared], variant)


def test_a_variant_is_named_by_the_parameters_with_several_values():
    name = named("ppo", {"lr": 0.1, "steps": 5}, ("lr", [0.1, 1], "lr"), ("steps", [5], "ste"))
    assert name == "ppo_lr0-1"


def test_a_parameter_without_a_shorthand_is_named_by_its_key():
    assert named("g", {"a": {"B_c": 1}}, ("a:B_c", [1, 2])) == "g_a-b_c1"


def test_an_empty_shorthand_leaves_the_value_alone():
    assert named("g", {"a": 1}, ("a", [1, 2], "")) == "g_1"


def test_the_seed_is_never_in_a_name():
    assert named("g", {"seed": 1}, ("seed", [1, 2], "see", True)) == "g"
    assert named("g", {"env": {"seed": 1}}, ("env:seed", [1, 2], "s")) == "g_s1"


def test_a_parameter_of_truth_values_is_named_only_when_true():
    declared = ("flag", [True, False], "fla")
    assert named("g", {"flag": True}, declared) == "g_fla"
    assert named("g", {"flag": False}, declared) == "g"
    assert named("g", {"flag": None}, ("flag", [True, None], "fla")) == "g_flanone"


def test_a_name_has_no_leading_underscore():
    assert named("", {"a": 1, "b": "x"}, ("a", [1, 2], "a"), ("b", ["x", "y"], "b")) == "a1_bx"
    assert named("__exp_", {"a": 1}, ("a", [1, 2], "a")) == "exp__a1"


def test_a_grids_own_name_is_not_changed():
    assert named("My Grid/x.y", {"a": 1}, ("a", [1, 2], "a")) == "My Grid/x.y_a1"


def test_a_value_is_found_under_its_whole_key_before_its_parts():
    assert value_at({"a:b": 1, "a": {"b": 2}}, "a:b") == 1
    assert value_at({"a": {"b": 2}}, "a:b") == 2
    with pytest.raises(GridError, match="no parameter 'a:c'"):
        value_at({"a": {"b": 2}}, "a:c")


@pytest.mark.parametrize(
    ("seed", "datestamp", "place"),
    [
        (None, False, "ppo"),
        (7, False, "ppo/ppo_s7"),
        (None, True, "2026-07-25_ppo"),
        (7, True, "2026-07-25_ppo/2026-07-25_12-30-05-ppo_s7"),
    ],
)
def test_an_output_directory_is_where_spinningup_has_it(seed, datestamp, place):
    assert output_place("ppo", seed, datestamp=datestamp, now=NOON) == place


def test_a_slash_in_a_name_makes_levels():
    assert output_place("a/b", 0, datestamp=False, now=NOON) == "a/b/a/b_s0"


def test_a_seed_cannot_leave_its_directory():
    assert output_place("e", "../../x", datestamp=False, now=NOON) == "e/e_s------x"


def test_a_name_that_is_empty_leaves_the_seed():
    assert output_place("", 0, datestamp=False, now=NOON) == "_s0"


def test_a_long_name_is_cut_and_stays_different():
    one, other = (output_place("x" * 400 + end, 0, datestamp=False, now=NOON) for end in "ab")
    assert one != other
    assert max(len(part) for part in one.split("/")) <= 200


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../b", "a\0b"])
def test_a_name_cannot_leave_its_directory(name):
    with pytest.raises(GridError, match="leave the data directory"):
        output_place(name, 0, datestamp=False, now=NOON)
