"""Which runs are one curve, and what it is called."""

from __future__ import annotations

import pytest

from rla.easy_plot.grouping import MISSING, group_runs, having, seed_notes
from rla.errors import PlotDataError


def shape(groups) -> dict[str, int]:
    return {group.label: len(group.runs) for group in groups}


def test_groups_are_in_rising_order_numbers_first_missing_last(record, runs):
    for lr in (10, 2, "auto", 0.5):
        record(lr=lr)
    record()
    assert list(shape(group_runs(runs(), ["lr"]))) == ["lr=0.5", "lr=2", "lr=10", "lr=auto", f"lr={MISSING}"]


def test_a_missing_key_reads_as_missing_and_the_run_stays_as_it_was(record, runs):
    record(lr=1)
    record(other=1)
    found = runs()
    before = [run.hyperparameters for run in found]
    group_runs(found, ["lr"])
    group_runs(found, None)
    assert [run.hyperparameters for run in found] == before


def test_a_label_names_what_differs_and_nothing_that_is_the_same(record, runs):
    for lr in (1, 2):
        record(lr=lr, env="Hopper", net__width=64)
    groups = group_runs(runs(), ["env", "lr", "net.width"])
    assert shape(groups) == {"lr=1": 1, "lr=2": 1}
    assert groups[0].by_key == {"env": "Hopper", "lr": "1", "net.width": "64"}
    assert shape(group_runs(runs(), ["env"])) == {"": 2}


def test_without_keys_runs_that_differ_in_their_seed_only_are_one_group(record, runs):
    for width in (32, 64):
        for seed in range(3):
            record(net__width=width, seed=seed, gamma=0.9)
    assert shape(group_runs(runs(), None, {"seed"})) == {"net.width=32": 3, "net.width=64": 3}
    assert shape(group_runs(runs(), [])) == {"": 6}


def test_twelve_groups_of_two_digits_stay_twelve(record, runs):
    for number in range(12):
        record(number=number)
    groups = group_runs(runs(), ["number"])
    assert [group.by_key["number"] for group in groups] == [str(number) for number in range(12)]


def test_lists_and_truth_values_are_values_like_others(record, runs):
    for layers, flag in (([1, 2], True), ([1, 2], False), ([3], True)):
        record(layers=layers, flag=flag)
    assert shape(group_runs(runs(), ["layers", "flag"])) == {
        "layers=[1,2], flag=False": 1,
        "layers=[1,2], flag=True": 1,
        "layers=[3], flag=True": 1,
    }


def test_equal_numbers_are_one_value_spelt_as_the_shortest(record, runs):
    for lr in (1, 1.0, 2.0, 1e16, 10**16, "1", True):
        record(lr=lr)
    found = runs()
    assert shape(group_runs(found, ["lr"])) == {"lr=1": 3, "lr=2.0": 1, "lr=1e+16": 2, "lr=True": 1}
    assert shape(group_runs(having(found, {"lr": [1, "1"]}), None)) == {"lr=1": 3, "lr=True": 1}


def test_equal_numbers_in_lists_are_one_value(record, runs):
    for layers in ([64, 2], [64.0, 2], [64, [2.0]], [64, True]):
        record(layers=layers)
    assert shape(group_runs(runs(), ["layers"])) == {"layers=[64,2]": 2, "layers=[64,[2.0]]": 1, "layers=[64,true]": 1}


def test_equal_numbers_do_not_tell_runs_apart(record, runs):
    for lr in (1, 1.0):
        record(lr=lr, seed=int(lr))
    assert shape(group_runs(runs(), None, {"seed"})) == {"": 2}


def test_numbers_that_are_no_number_are_one_group(record, runs):
    for _ in range(2):
        record(lr=float("nan"))
    assert len(group_runs(runs(), ["lr"])) == 1


def test_a_column_of_the_table_is_a_key_where_no_hyperparameter_is(record, runs):
    record(task="one")
    record(task="two")
    assert list(shape(group_runs(runs(), ["task"]))) == ["task=one", "task=two"]


def test_a_key_that_no_run_has_names_the_nearest_ones(record, runs):
    record(learning_rate=1)
    with pytest.raises(PlotDataError, match="did you mean learning_rate") as told:
        group_runs(runs(), ["learning_rte"])
    assert told.value.name == "learning_rte"


def test_the_filter_drops_runs_that_lack_the_key(record, runs):
    for lr in (0.1, 1, "1"):
        record(lr=lr)
    record(other=5)
    assert [run.hyperparameters for run in having(runs(), {"lr": [1]})] == [{"lr": 1}, {"lr": "1"}]
    assert [run.hyperparameters for run in having(runs(), {"lr": 0.1})] == [{"lr": 0.1}]
    assert having(runs(), {"lr": [0.1], "other": [5]}) == []
    assert len(having(runs(), {})) == 4


def test_a_seed_that_comes_twice_is_told(record, runs):
    for seed in (0, 0, 1):
        record(seed=seed, lr=1)
    record()
    (group,) = group_runs(runs(), [])
    assert seed_notes(group, "seed") == ["2 runs have seed=0, and each counts"]
    assert seed_notes(group, None) == []


def test_a_seed_that_comes_twice_as_another_kind_of_number_is_told(record, runs):
    for seed in (1, 1.0):
        record(seed=seed)
    (group,) = group_runs(runs(), [])
    assert seed_notes(group, "seed") == ["2 runs have seed=1, and each counts"]
