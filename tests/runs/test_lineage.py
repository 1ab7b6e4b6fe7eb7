"""Which runs go on from which."""

from __future__ import annotations

import numpy as np
import pytest

import rla
from rla import exp_manager
from rla.runs.lineage import ancestors, children, last_of_families

CONFIG = {"DL_FRAMEWORK": "numpy"}


@pytest.fixture
def family(data_root):
    """Three runs, each going on from the one before, and a second child of the first."""
    with rla.init("task", {"seed": 1}, data_root=data_root, config=CONFIG) as first:
        exp_manager.save_checkpoint({"w": np.zeros(1)})
    made = [first.uid]
    for parent in (0, 1, 0):
        with rla.resume(made[parent], data_root=data_root, config=CONFIG) as resumed:
            made.append(resumed.run.uid)
    return made


def test_a_run_is_followed_back_to_its_first_ancestor(database, family):
    first, second, third, _ = family
    assert [run.uid for run in ancestors(database(), database().find(third))] == [first, second]
    assert ancestors(database(), database().find(first)) == []


def test_the_children_of_a_run_are_those_that_go_on_from_it(database, family):
    first, second, third, branch = family
    assert [run.uid for run in children(database(), database().find(first))] == [second, branch]
    assert children(database(), database().find(third)) == []


def test_a_family_is_drawn_by_its_last_runs(database, family):
    _, _, third, branch = family
    assert {run.uid for run in last_of_families(database().runs())} == {third, branch}


def test_a_run_with_other_hyperparameters_does_not_stand_for_the_one_it_goes_on_from(database, family, data_root):
    branch = family[3]
    with rla.resume(branch, data_root=data_root, config=CONFIG, hyperparameters={"seed": 7}) as resumed:
        pass
    assert {branch, resumed.run.uid} <= {run.uid for run in last_of_families(database().runs())}


def test_a_deleted_ancestor_ends_the_line(database, family):
    from rla.manage.plan import execute, plan_delete

    first, second, third, _ = family
    execute(database(), plan_delete(database(), [first]))
    assert [run.uid for run in ancestors(database(), database().find(third))] == [second]
