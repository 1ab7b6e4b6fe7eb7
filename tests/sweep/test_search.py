"""Optuna chooses, rla runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import optuna
import pytest

from rla.errors import GridError
from rla.sweep import choice, loguniform, uniform
from tests.sweep.test_grid import local

optuna.logging.set_verbosity(optuna.logging.WARNING)


def hill(x, seed=0):
    return -((x - 0.3) ** 2) + seed * 0.0


def study(**settings):
    return optuna.create_study(
        direction="maximize", sampler=optuna.samplers.TPESampler(seed=1, n_startup_trials=4), **settings
    )


def test_a_search_comes_near_the_best_and_each_trial_is_a_run(grid, stored):
    found = grid(x=uniform(0, 1)).search(local(hill), 16, study=study(), quiet=True, jobs=2)
    runs = stored()
    assert len(found.trials) == len(runs) == 16
    assert {trial.state.name for trial in found.trials} == {"COMPLETE"}
    assert abs(found.best_params["x"] - 0.3) < 0.15
    by_uid = {run.uid: run for run in runs}
    for trial in found.trials:
        run = by_uid[trial.user_attrs["run of seed 0"]]
        assert run.hyperparameters["x"] == pytest.approx(trial.params["x"], rel=1e-5)
        assert run.summary["result"] == trial.value
        assert (run.row["origin"], run.row["batch"]) == ("sweep", "g")


def test_the_next_trial_knows_the_values_of_the_ones_before(grid):
    seen = []

    class Looks(optuna.samplers.RandomSampler):
        def sample_independent(self, study, trial, name, distribution):
            seen.append(len(study.get_trials(states=[optuna.trial.TrialState.COMPLETE])))
            return super().sample_independent(study, trial, name, distribution)

    grid(x=uniform(0, 1)).search(local(hill), 3, study=optuna.create_study(sampler=Looks(0)), quiet=True)
    assert seen == [0, 1, 2]


def test_the_mean_over_the_seeds_counts(grid, stored):
    found = grid(x=uniform(0, 1), seed=[1, 3]).search(local(lambda x, seed: seed), 2, quiet=True, jobs=2)
    assert [trial.value for trial in found.trials] == [2.0, 2.0]
    assert len(stored()) == 4


def test_a_recorded_value_can_count(grid):
    def train(lr):
        import rla

        with rla.init("task", {"lr": lr}):
            rla.logger.record_tabular("return", lr * 2)
            rla.logger.dump_tabular()

    found = grid(lr=loguniform(1e-4, 1e-1)).search(local(train), 2, metric="return", quiet=True)
    assert [trial.value for trial in found.trials] == pytest.approx(
        [2 * trial.params["lr"] for trial in found.trials], rel=1e-5
    )


def test_choices_of_any_kind_are_run_as_they_are(grid, stored):
    grid(sizes=choice((64,), (32, 32)), act=["relu", "tanh"], flag=[True, None], n=5).search(
        local(lambda sizes, act, flag, n: len(sizes) + n), 6, quiet=True, jobs=2
    )
    assert {tuple(run.hyperparameters["sizes"]) for run in stored()} <= {(64,), (32, 32)}
    assert all(run.summary["result"] == len(run.hyperparameters["sizes"]) + 5 for run in stored())


def test_a_run_that_fails_fails_its_trial_and_the_search_goes_on(grid):
    found = grid(x=choice(0, 1)).search(local(lambda x: 1 / x), 6, study=study(), quiet=True)
    states = {trial.params["x"]: trial.state.name for trial in found.trials}
    assert states == {0: "FAIL", 1: "COMPLETE"}


def test_a_value_that_is_not_there_fails_the_trial(grid, capfd):
    found = grid(x=uniform(0, 1)).search(local(lambda x: None), 1)
    assert found.trials[0].state.name == "FAIL"
    assert "'result' is no number in this run, and its trial has failed; it has no values" in capfd.readouterr().err
    grid(x=uniform(0, 1)).search(local(lambda x: {"score": x}), 1, metric="scor")
    assert "'scor' is no number in this run, and its trial has failed; it has 'score'" in capfd.readouterr().err


@pytest.mark.parametrize("number", [0, "2", 1.0])
def test_a_number_of_trials_that_is_none_is_refused(grid, number):
    with pytest.raises(GridError, match="the number of trials is from 1 on"):
        grid(x=uniform(0, 1)).search(local(hill), number)


def test_a_study_on_disk_goes_on(grid, place):
    url = f"sqlite:///{place}/study.db"
    for total in (2, 4):
        kept = study(storage=url, study_name="s", load_if_exists=True)
        grid(x=uniform(0, 1)).search(local(hill), 2, study=kept, quiet=True)
        assert len(kept.trials) == total


@pytest.mark.parametrize(
    ("values", "settings", "message"),
    [
        ({"x": [1]}, {}, "a search needs one to choose"),
        ({"x": uniform(0, 1)}, {"direction": "up"}, "direction is 'maximize' or 'minimize'"),
        ({"x": uniform(0, 1)}, {"resume": True}, "no resume"),
        ({"x": uniform(0, 1)}, {"metrik": "x"}, "there is no argument 'metrik'; did you mean 'metric'"),
        ({"x": uniform(0, 1)}, {"seed": 3}, "there is no argument 'seed'; there are metric, study, direction, num_cpu"),
        ({"x": uniform(0, 1)}, {"study": optuna.create_study(directions=["minimize"] * 2)}, "has 2 objectives"),
        ({"x": uniform(0, 1)}, {"study": "s"}, "study is one of Optuna, as optuna.create_study\\(\\); it is 's'"),
        ({"y": uniform(0, 1)}, {}, "hill has no argument 'y'"),
    ],
)
def test_what_cannot_be_searched_is_refused(grid, place, values, settings, message):
    with pytest.raises(GridError, match=message):
        grid(**values).search(local(hill), 2, quiet=True, **settings)
    assert not (place / "rla_data").exists()


def test_without_optuna_the_extra_is_named(place):
    text = """
import sys
sys.modules["optuna"] = None
from rla.sweep import ExperimentGrid, uniform
from rla.errors import MissingDependencyError
grid = ExperimentGrid("g")
grid.add("x", uniform(0, 1))
try:
    grid.search(print, 2)
except MissingDependencyError as error:
    assert 'pip install "rla[optuna]"' in str(error), error
else:
    raise SystemExit("it did not say so")
"""
    environment = {"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": ""}
    subprocess.run([sys.executable, "-c", text], check=True, env=environment, cwd=place)
