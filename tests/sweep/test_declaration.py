"""Declaring a grid, and the variants it makes."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rla.errors import GridError
from rla.sweep import user_config
from rla.sweep.declaration import Declaration
from rla.sweep.space import choice, loguniform, uniform


def declared(name="g", **values):
    grid = Declaration(name)
    for key, vals in values.items():
        grid.add(key.replace("__", ":"), vals)
    return grid


def test_the_last_parameter_changes_fastest():
    grid = declared(a=[1, 2], b=["x", "y"])
    assert [tuple(variant.values()) for variant in grid.variants()] == [(1, "x"), (1, "y"), (2, "x"), (2, "y")]
    assert len(grid) == 4


def test_colons_nest():
    grid = declared(base__param__a=[1], base__param__b=[2], c=[3])
    assert grid.variants() == [{"base": {"param": {"a": 1, "b": 2}}, "c": 3}]


def test_empty_parts_of_a_key_are_keys():
    grid = Declaration()
    grid.add("a:", [1])
    assert grid.variants() == [{"a": {"": 1}}]


def test_a_list_is_several_values_and_anything_else_is_one():
    grid = declared(sizes=(64, 64), name="abc", nothing=None, several=[[64, 64], [32]])
    assert [variant["sizes"] for variant in grid.variants()] == [(64, 64)] * 2
    assert [variant["several"] for variant in grid.variants()] == [[64, 64], [32]]


@pytest.mark.parametrize("values", [range(3), np.arange(3), (value for value in (1, 2)), map(str, [1])])
def test_what_looks_like_several_values_and_is_no_list_is_refused(values):
    with pytest.raises(GridError, match=r"write list\(...\) for several"):
        declared(a=values)


def test_a_dictionary_takes_in_what_is_nested_below_it_and_is_not_written_into():
    mine = {"act": "relu"}
    grid = declared(ac_kwargs=[mine], ac_kwargs__hid=[32, 64])
    assert [variant["ac_kwargs"]["hid"] for variant in grid.variants()] == [32, 64]
    assert mine == {"act": "relu"}


def test_what_is_nested_counts_before_the_dictionary_whichever_was_added_first():
    one = declared(a__b=[1], a=[{"b": 2, "c": 3}])
    other = declared(a=[{"b": 2, "c": 3}], a__b=[1])
    assert one.variants() == other.variants() == [{"a": {"b": 1, "c": 3}}]


@pytest.mark.parametrize("order", [["a", "a:b"], ["a:b", "a"]])
def test_a_dictionary_that_is_nested_takes_the_place_of_the_one_that_was_there(order):
    values = {"a": {"b": {"x": 1, "y": 3}, "c": 4}, "a:b": {"x": 2}}
    grid = Declaration()
    for key in order:
        grid.add(key, values[key])
    assert grid.variants() == [{"a": {"b": {"x": 2}, "c": 4}}]
    assert values["a"] == {"b": {"x": 1, "y": 3}, "c": 4}


def test_a_dictionary_keeps_what_is_beside_a_deeper_parameter():
    grid = declared(a__b__c=[1], a=[{"b": {"d": 2}}])
    assert grid.variants() == [{"a": {"b": {"c": 1, "d": 2}}}]


@pytest.mark.parametrize(("first", "second"), [("a", "a:b"), ("a:b", "a"), ("a:b", "a:b:c")])
def test_a_number_and_a_parameter_inside_it_are_refused(first, second):
    grid = Declaration()
    grid.add(first, [1])
    with pytest.raises(AssertionError, match="You can't assign multiple values to the same key"):
        grid.add(second, [2])


def test_a_parameter_inside_a_number_of_a_dictionary_is_refused():
    grid = declared(a=[{"b": 1}], a__b__c=[2])
    with pytest.raises(GridError, match="multiple values to the same key"):
        grid.variants()


def test_the_same_parameter_twice_is_refused():
    grid = declared(lr=[1, 2])
    with pytest.raises(GridError, match=r"'lr' was added before, with the values \[1, 2\]") as caught:
        grid.add("lr", [3])
    assert caught.value.key == "lr"


def test_a_parameter_without_values_is_refused():
    with pytest.raises(GridError, match="'lr' has no values"):
        declared(lr=[])


def test_a_grid_without_parameters_is_refused():
    with pytest.raises(GridError, match="the grid 'g' has no parameters"):
        declared().variants()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda grid: grid.add(1, [2]), "Key must be a string"),
        (lambda grid: grid.add("a", [2], shorthand=3), "Shorthand must be a string"),
        (lambda grid: grid.name(4), "Name has to be a string"),
        (lambda grid: Declaration(None), "Name has to be a string"),
    ],
)
def test_what_must_be_a_text_is_refused_as_spinningup_does(call, message):
    with pytest.raises(AssertionError, match=message):
        call(Declaration("g"))


def test_names_use_the_shorthands():
    grid = Declaration("ppo")
    grid.add("env_name", "CartPole-v1", "", True)
    grid.add("ac_kwargs:hidden_sizes", [(32,), (64, 64)], "hid")
    grid.add("steps_per_epoch", [4000])
    grid.add("seed", [0, 1])
    names = [grid.variant_name(variant) for variant in grid.variants()]
    assert names == ["ppo_cartpole-v1_hid32"] * 2 + ["ppo_cartpole-v1_hid64-64"] * 2


def test_the_parallel_lists_are_public():
    grid = Declaration("g")
    grid.add("steps_per_epoch", [1, 2], in_name=True)
    assert (grid.keys, grid.vals, grid.shs, grid.in_names) == (["steps_per_epoch"], [[1, 2]], ["ste"], [True])


def test_default_shorthands_can_be_turned_off(monkeypatch):
    monkeypatch.setattr(user_config, "DEFAULT_SHORTHAND", False)
    grid = declared(ac_kwargs__Hidden_sizes=[1, 2])
    assert grid.shs == [None]
    assert grid.variant_name(grid.variants()[0]) == "g_ac_kwargs-hidden_sizes1"


def test_print_shows_every_parameter_and_counts(capsys):
    grid = declared(lr=[0.1, 0.2], net=[int], seed=[0, 1, 2])
    grid.print()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == lines[-1] == "=" * 80
    assert lines[1] == "ExperimentGrid [g] runs over parameters:"
    assert "\t0.1" in lines
    assert '\t"builtins.int"' in lines
    assert lines[-3].split() == ["Variants,", "counting", "seeds:", "6"]
    assert lines[-2].split() == ["Variants,", "not", "counting", "seeds:", "2"]


@given(
    st.dictionaries(
        st.text("abc:", min_size=1, max_size=6), st.lists(st.integers(), min_size=1, max_size=2), max_size=5
    )
)
def test_every_variant_has_the_value_of_every_parameter(values):
    grid = Declaration("g")
    for key, vals in values.items():
        try:
            grid.add(key, vals)
        except GridError:
            continue  # inside another
    if not grid.keys:
        return
    variants = grid.variants()
    assert len(variants) == len(grid)
    for key, vals in zip(grid.keys, grid.vals, strict=True):
        found = []
        for variant in variants:
            value = variant
            for part in key.split(":"):
                value = value[part]
            found.append(value)
        assert set(found) == set(vals)


# --- points that are drawn


def drawn(n=20, seed=0, **settings):
    grid = declared(lr=loguniform(1e-5, 1e-1), gamma=uniform(0.9, 1.0), net=choice("s", "l"), layers=[1, 2, 3])
    return grid._draw(n, seed, **{"low_discrepancy": False, **settings})


@pytest.mark.parametrize("low_discrepancy", [True, False])
def test_points_lie_in_their_ranges_and_a_seed_repeats_them(low_discrepancy):
    points = drawn(200, low_discrepancy=low_discrepancy)
    assert points == drawn(200, low_discrepancy=low_discrepancy)
    assert points != drawn(200, seed=1, low_discrepancy=low_discrepancy)
    assert all(1e-5 <= point["lr"] <= 1e-1 and 0.9 <= point["gamma"] <= 1.0 for point in points)
    assert {point["net"] for point in points} == {"s", "l"}
    assert {point["layers"] for point in points} == {1, 2, 3}


def test_loguniform_draws_as_many_from_each_order_of_magnitude():
    lrs = [point["lr"] for point in drawn(4000)]
    shares = [sum(10.0**low <= lr < 10.0 ** (low + 1) for lr in lrs) / len(lrs) for low in (-5, -4, -3, -2)]
    assert all(abs(share - 0.25) < 0.05 for share in shares)


def test_low_discrepancy_points_fill_every_part_of_a_range():
    lrs = [point["lr"] for point in drawn(32, low_discrepancy=True)]
    counts = [sum(10.0**low <= lr < 10.0 ** (low + 1) for lr in lrs) for low in (-5, -4, -3, -2)]
    assert min(counts) >= 6


def test_low_discrepancy_points_leave_smaller_gaps_than_random_ones():
    def largest_gap(low_discrepancy):
        values = sorted(point["gamma"] for point in drawn(64, low_discrepancy=low_discrepancy))
        return max(b - a for a, b in itertools.pairwise(values))

    assert largest_gap(low_discrepancy=True) < largest_gap(low_discrepancy=False) / 2


def test_each_point_is_run_with_each_seed():
    grid = declared(lr=uniform(0, 1), seed=[5, 6])
    points = grid._draw(3, 0, low_discrepancy=False)
    assert [point["seed"] for point in points] == [5, 6] * 3
    assert len({point["lr"] for point in points}) == 3


def test_drawing_leaves_the_random_numbers_of_others_alone():
    random.seed(1)
    before = random.getstate()
    drawn()
    assert random.getstate() == before


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: loguniform(0, 1), r"loguniform\(0, 1\): both ends must be above 0"),
        (lambda: uniform("a", 1), r"uniform\(a, 1\): the ends must be finite numbers"),
        (lambda: uniform(2, 1), "the lower one first"),
        (lambda: uniform(0, float("nan")), "finite"),
        (choice, "nothing to choose from"),
        (lambda: declared(a=[1])._draw(0, 0, low_discrepancy=False), "number of points is from 1 on"),
        (lambda: declared(a=uniform(0, 1)).variants(), r"'a' is drawn .* grid.sample\(n\)"),
        (lambda: declared(a=[uniform(0, 1), 2]), "one or the other"),
    ],
)
def test_what_cannot_be_drawn_is_refused(call, message):
    with pytest.raises(GridError, match=message):
        call()


def test_choice_takes_a_list_too():
    assert choice([1, 2]) == choice(1, 2)
