"""Grids that run: every variant is a run of the database."""

from __future__ import annotations

import json
import os
import sys

import pytest

from rla.errors import GridError, JobsFailedError
from rla.sweep import call_experiment, user_config
from rla.sweep.run_utils import setup_logger_kwargs
from rla_scripts.main import _run, group


def score(lr, seed=0):
    return {"score": lr * 10 + seed}


def local(function):
    """The same function, sent by value: a test's module cannot be imported by its name."""
    function.__module__ = "__main__"
    return function


def test_every_variant_is_a_run_with_what_went_in_and_what_came_out(grid, stored, place):
    report = grid(lr=[1, 2], net__hid=[(64, 64)], seed=[0, 5]).run(
        local(lambda lr, net, seed: {"score": lr * 10 + seed, "width": net["hid"][0]}), quiet=True
    )
    assert report.counts == {"finished": 4}
    runs = stored()
    assert [run.hyperparameters for run in runs] == [
        {"lr": lr, "net": {"hid": [64, 64]}, "seed": seed} for lr in (1, 2) for seed in (0, 5)
    ]
    assert [run.summary for run in runs] == [{"score": value, "width": 64} for value in (10, 15, 20, 25)]
    for run in runs:
        assert (run.row["origin"], run.row["batch"], run.task, run.state) == ("sweep", "g", "g", "finished")
        assert (run.row["exit_code"], run.row["seed"]) == (0, run.hyperparameters["seed"])
        assert run.row["job"].partition("#")[0] == f"g_lr{run.hyperparameters['lr']}"
        assert run.tracked == f"lr={run.hyperparameters['lr']}&seed={run.hyperparameters['seed']}"
    assert runs[1].log_dir == place / "rla_data" / "g_lr1" / "g_lr1_s5"


def test_a_nested_parameter_with_several_values_is_tracked(grid, stored):
    grid(net__hid=[1, 2], seed=[3]).run(local(lambda net: None), quiet=True)
    assert [run.tracked for run in stored()] == ["net.hid=1", "net.hid=2"]


def test_output_is_kept_with_the_run_and_not_shown(grid, stored, capfd):
    def train(lr):
        print(f"to stdout {lr}")
        print("to stderr", file=sys.stderr)

    grid(lr=[1]).run(local(train), quiet=True)
    (run,) = stored()
    assert (run.log_dir / "stdout.log").read_text() == "to stdout 1\n"
    assert (run.log_dir / "stderr.log").read_text() == "to stderr\n"
    assert capfd.readouterr() == ("", "")


def test_config_json_holds_numbers_as_numbers(grid, stored):
    import numpy as np

    grid(lr=[np.float32(0.001)], n=[np.int64(3)], flag=[np.True_], net=[int], sizes=[(1, 2)], seed=[7]).run(
        local(lambda **settings: None), quiet=True
    )
    (run,) = stored()
    config = json.loads((run.log_dir / "config.json").read_text())
    assert config == {
        "exp_name": "g",
        "flag": True,
        "lr": 0.001,
        "n": 3,
        "net": "builtins.int",
        "seed": 7,
        "sizes": [1, 2],
    }


def test_the_payload_is_gone_when_the_variant_has_ended(grid, stored):
    grid(lr=[1, 2]).run(local(lambda lr: 1 / (lr - 1)), quiet=True)
    assert [run.state for run in stored()] == ["failed", "finished"]
    assert not any((run.log_dir / ".payload").exists() for run in stored())


def test_a_logger_of_spinningups_kind_is_told_the_directory_of_the_run(grid, stored):
    def train(lr, seed, logger_kwargs):
        with open(os.path.join(logger_kwargs["output_dir"], "progress.txt"), "w") as file:
            file.write(f"{logger_kwargs['exp_name']} {seed}")

    grid(lr=[1, 2], seed=[3]).run(local(train), quiet=True)
    assert [(run.log_dir / "progress.txt").read_text() for run in stored()] == ["g_lr1 3", "g_lr2 3"]


def test_a_grid_without_seeds_gives_seed_0(grid, stored):
    grid(lr=[1]).run(local(lambda lr, seed: seed + 1), quiet=True)
    (run,) = stored()
    assert (run.log_dir.name, run.summary) == ("g_s0", {"result": 1})


def test_an_environments_name_stays_among_the_hyperparameters(grid, stored):
    grid(env_name=["CartPole-v1"]).run(local(lambda env_fn: int(env_fn().action_space.n)), quiet=True)
    (run,) = stored()
    assert run.hyperparameters["env_name"] == "CartPole-v1"
    assert run.summary == {"result": 2}


def test_a_parameter_can_hold_the_function(grid, stored):
    def double(lr):
        return lr * 2

    def triple(lr):
        return lr * 3

    grid(algo=[local(double), local(triple)], lr=[1, 10]).run("algo", quiet=True)
    assert [(run.row["job"].partition("#")[0], run.summary["result"]) for run in stored()] == [
        ("g_algdouble_lr1", 2),
        ("g_algdouble_lr10", 20),
        ("g_algtriple_lr1", 3),
        ("g_algtriple_lr10", 30),
    ]


def test_a_thunk_that_records_writes_into_the_same_run(grid, stored):
    def train(lr, steps):
        import rla

        with rla.init("somewhere", {"lr": lr, "own": 1}):
            for step in range(steps):
                rla.time_step_holder.set_time(step)
                rla.logger.record_tabular("return", lr * step)
                rla.logger.dump_tabular()
        return {"final": 1.5}

    grid(lr=[1, 2], steps=[4]).run(local(train), quiet=True)
    runs = stored()
    assert [run.state for run in runs] == ["finished"] * 2
    assert [run.summary for run in runs] == [{"final": 1.5, "return": 3}, {"final": 1.5, "return": 6}]
    assert [list(run.curve("return")[1]) for run in runs] == [[0, 1, 2, 3], [0, 2, 4, 6]]
    assert [run.hyperparameters for run in runs] == [{"lr": lr, "steps": 4, "seed": 0, "own": 1} for lr in (1, 2)]


# --- directories


def test_names_that_collide_do_not_share_a_directory(grid, stored):
    grid(a=[1, "1", 1.0], seed=[0]).run(local(lambda a: None), quiet=True)
    assert sorted(run.log_dir.name for run in stored()) == ["g_a1-0_s0", "g_a1_s0", "g_a1_s0-2"]
    assert {run.row["job"].partition("#")[0] for run in stored()} == {"g_a1", "g_a1-0"}


def test_a_second_call_takes_directories_of_its_own(grid, stored):
    for _ in range(2):
        grid(lr=[1]).run(local(lambda lr: None), quiet=True)
    assert [run.log_dir.name for run in stored()] == ["g_s0", "g_s0-2"]


def test_data_dir_holds_the_output_and_the_database_knows_it(grid, stored, tmp_path):
    grid(lr=[1]).run(local(lambda lr: None), data_dir=tmp_path / "elsewhere", quiet=True)
    (run,) = stored()
    assert run.log_dir == tmp_path / "elsewhere" / "g" / "g_s0"


def test_the_settings_are_read_when_a_grid_runs(grid, stored, monkeypatch, tmp_path):
    monkeypatch.setattr(user_config, "DEFAULT_DATA_DIR", str(tmp_path / "mine"))
    monkeypatch.setattr(user_config, "FORCE_DATESTAMP", True)
    grid(lr=[1]).run(local(lambda lr: None), quiet=True)
    (run,) = stored()
    day = run.row["created"][:10].replace("/", "-")
    assert run.log_dir.parent == tmp_path / "mine" / f"{day}_g"
    assert run.log_dir.name.startswith(f"{day}_")
    assert run.log_dir.name.endswith("-g_s0")


def test_a_name_with_a_slash_makes_levels_and_its_runs_are_found_by_a_rebuild(grid, stored, place):
    grid("a/b", lr=[1]).run(local(lambda lr: None), quiet=True)
    (place / "rla_data" / "rla.db").unlink()
    (run,) = stored()
    assert run.log_dir == place / "rla_data" / "a" / "b" / "a" / "b_s0"


def test_setup_logger_kwargs_tells_the_documented_directory(place):
    assert setup_logger_kwargs("e", 3, data_dir="d") == {"output_dir": "d/e/e_s3", "exp_name": "e"}
    assert setup_logger_kwargs("e")["output_dir"] == str(place / "rla_data" / "e")


# --- refused before anything starts


@pytest.mark.parametrize("name", ["log", "code", "../x", "/x", "a/b/c", ".hidden", "a//b"])
def test_a_name_that_cannot_be_a_directory_is_refused(grid, place, name):
    with pytest.raises(GridError):
        grid(name, lr=[1]).run(local(score), quiet=True)
    assert not (place / "rla_data").exists()


def test_a_name_of_rlas_own_is_accepted_elsewhere(grid, tmp_path):
    assert grid("log", lr=[1]).run(local(score), data_dir=tmp_path / "d", quiet=True).succeeded


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"jobs": 0}, "jobs is a number from 1 on"),
        ({"retries": -1}, "retries is a number from 0 on"),
        ({"timeout": 0}, "timeout is a time above 0"),
        ({"on_failure": "pause"}, "on_failure is 'continue' or 'stop'"),
        ({"num_cpu": 0}, "num_cpu is a number from 1 on, or 'auto'"),
        ({"num_cpu": "all"}, "num_cpu is a number from 1 on, or 'auto'"),
        ({"gpus": []}, "gpus is a list of GPUs"),
        ({"gpus": "0,1"}, "gpus is a list of GPUs"),
        ({"gpus": 2}, "gpus is a list of GPUs"),
        ({"gpus": [""]}, "gpus is a list of GPUs"),
        ({"gpus": ["0:2"]}, r"\[0, 0, 1\] for two variants at once on GPU 0"),
        ({"gpus": [-1]}, "gpus is a list of GPUs"),
        ({"gpus": [True]}, "gpus is a list of GPUs"),
        ({"timeout": "1h"}, "timeout is a time above 0 in seconds; it is '1h'"),
        ({"timeout": float("nan")}, "timeout is a time above 0"),
        ({"retries": "2"}, "retries is a number from 0 on; it is '2'"),
    ],
)
def test_a_setting_that_is_wrong_is_refused(grid, place, settings, message):
    with pytest.raises(GridError, match=message):
        grid(lr=[1]).run(local(score), quiet=True, **settings)
    assert not (place / "rla_data").exists()


def test_an_argument_that_is_passed_on_and_not_taken_is_refused(grid):
    with pytest.raises(GridError, match="there is no argument 'job'; did you mean 'jobs'"):
        grid(lr=[1]).preview(local(score), job=2)
    with pytest.raises(GridError, match="there is no argument 'show'; there are num_cpu, data_dir"):
        grid(lr=[1]).preview(local(score), show=True)


@pytest.mark.parametrize("count", [0, -1, 2.5, "2", True])
def test_a_number_of_points_that_is_none_is_refused(grid, count):
    with pytest.raises(GridError, match="the number of points is from 1 on"):
        grid(lr=[1, 2]).sample(count)


def test_a_parameter_that_is_not_taken_is_refused_before_anything_starts(grid, place):
    with pytest.raises(GridError, match=r"score has no argument 'lrr'; did you mean 'lr'\?"):
        grid(lr=[1], lrr=[2]).run(local(score), quiet=True)
    assert not (place / "rla_data").exists()


def test_the_name_of_a_parameter_that_is_not_there_is_refused(grid):
    with pytest.raises(GridError, match="no parameter 'algo' holds the function"):
        grid(lr=[1]).run("algo", quiet=True)


def test_a_value_that_cannot_be_sent_is_refused_before_anything_starts(grid, place):
    import threading

    with pytest.raises(GridError, match="parameter 'lock' cannot be copied"):
        grid(lr=[1, 2], lock=[threading.Lock()]).run(local(lambda lr, lock: None), quiet=True)
    assert not (place / "rla_data").exists()


# --- call_experiment


def test_call_experiment_runs_once_and_shows_the_output(place, stored, capfd):
    def train(lr, seed, env_fn):
        print("hello", lr, seed, env_fn().spec.id)

    assert call_experiment("mine", local(train), seed=4, lr=0.5, env_name="CartPole-v1") is None
    (run,) = stored()
    assert (run.task, run.row["batch"], run.log_dir.name) == ("mine", "mine", "mine_s4")
    assert run.hyperparameters == {"lr": 0.5, "env_name": "CartPole-v1", "seed": 4}
    assert capfd.readouterr().out == "hello 0.5 4 CartPole-v1\n"


def test_call_experiment_raises_when_the_function_fails(place, stored):
    with pytest.raises(JobsFailedError, match="ZeroDivisionError"):
        call_experiment("mine", local(lambda: 1 / 0))
    assert [run.state for run in stored()] == ["failed"]


def test_call_experiment_without_a_seed_still_has_a_directory_of_its_own(place, stored):
    call_experiment("mine", local(lambda: None), seed=None)
    (run,) = stored()
    assert run.log_dir == place / "rla_data" / "mine" / "mine"


# --- what the grid knows of itself


def test_frame_has_a_row_for_the_newest_run_of_each_variant(grid, place):
    made = grid(lr=[1, 2], seed=[0])
    flag = place / "works"
    flag.write_text("no")

    def train(lr, flag):
        from pathlib import Path

        assert lr == 1 or Path(flag).read_text() == "yes"
        return lr * 1.5

    made.add("flag", str(flag))
    made.run(local(train), quiet=True)
    assert list(made.frame()["state"]) == ["finished", "failed"]
    flag.write_text("yes")
    report = made.run(local(train), quiet=True, resume=True)
    assert (report.counts, report.skipped) == ({"finished": 1}, 1)
    frame = made.frame()
    assert list(frame["state"]) == ["finished"] * 2
    assert dict(zip(frame["lr"], frame["summary.result"], strict=True)) == {1: 1.5, 2: 3.0}


def test_status_counts_states_and_names_failures(grid):
    made = grid(lr=[0, 1, 2])
    made.run(local(lambda lr: 1 / lr), quiet=True)
    status = made.status()
    assert (status.total, status.counts) == (3, {"finished": 2, "failed": 1})
    assert status.failures[0].label == "g_lr0 seed 0"
    assert "ZeroDivisionError" in status.failures[0].error


def test_a_status_names_failures_as_the_report_does(grid):
    def train(lr):
        raise ValueError("bad")

    made = grid(lr=[1], seed=[3])
    report = made.run(local(train), quiet=True)
    assert [each.label for each in made.status().failures] == [each.label for each in report.failures] == ["g seed 3"]


def test_jobs_of_a_hermes_file_with_the_same_name_are_no_variants(grid, place):
    made = grid(lr=[1])
    made.run(local(lambda lr: lr), quiet=True)
    (place / "job.py").write_text("", encoding="utf-8")
    (place / "g.hermes").write_text("EXEC\n[[python, job.py],[]]\n", encoding="utf-8")
    assert _run(group, ["hermes", "exec", "-f", "g.hermes"]) == 0
    assert (made.status().counts, made.status().origin) == ({"finished": 1}, "sweep")
    assert list(made.frame().task) == ["g"]


def test_another_process_can_ask_a_grid_of_the_same_name(grid):
    grid(lr=[1, 2]).run(local(score), quiet=True)
    assert len(grid(lr=[1]).frame()) == 2
    with pytest.raises(GridError, match="'other' was never run"):
        grid("other", lr=[1]).status()


def test_a_grid_tells_what_it_does(grid, capfd):
    grid(lr=[0, 1]).run(local(lambda lr: 1 / lr), jobs=1)
    out, err = capfd.readouterr()
    assert "ExperimentGrid [g] runs over parameters:" in out
    lines = err.splitlines()
    assert any(line.startswith("[1/2] failed   g_lr0 seed 0 after") for line in lines)
    assert "grid g: 1 failed, 1 finished" in lines
    assert "    ZeroDivisionError: division by zero" in lines


def test_sampled_points_are_runs(grid, stored):
    from rla.sweep import loguniform

    grid(lr=loguniform(1e-4, 1e-1), seed=[0, 1]).sample(3, seed=1).run(local(score), quiet=True, jobs=2)
    runs = stored()
    assert len(runs) == 6
    assert len({run.hyperparameters["lr"] for run in runs}) == 3
    assert all(run.summary["score"] == run.hyperparameters["lr"] * 10 + run.hyperparameters["seed"] for run in runs)


def test_a_grid_of_points_takes_no_more_parameters_and_leaves_the_other_as_it_is(grid, capsys):
    from rla.sweep import uniform

    whole = grid(x=uniform(0, 1))
    points = whole.sample(3)
    with pytest.raises(GridError, match="add parameters before sample"):
        points.add("y", [1])
    points.print()
    out = capsys.readouterr().out
    assert "\tuniform(0, 1)" in out
    assert "Variants, counting seeds:              3" in out
    whole.add("y", [1, 2])
    assert (whole.keys, len(points)) == (["x", "y"], 3)
    assert [set(variant) for variant in points.variants()] == [{"x"}] * 3


# --- values of every kind


class WithoutJson:
    """Has no JSON form."""

    def __repr__(self):
        return "<without JSON>"


WithoutJson.__module__ = "__main__"


def test_values_without_json_form_arrive_and_are_recorded_as_text(grid, stored):
    cyclic = {"a": 1}
    cyclic["self"] = cyclic
    values = {"thing": WithoutJson(), "classes": (int, str), "cyclic": cyclic, "nan": float("nan"), "keys": {(1, 2): 3}}

    def train(thing, classes, cyclic, nan, keys):
        assert cyclic["self"] is cyclic
        assert classes == (int, str)
        assert nan != nan  # noqa: PLR0124 - what makes it one
        return keys[1, 2]

    made = grid()
    for key, value in values.items():
        made.add(key, value)
    made.run(local(train), quiet=True).check()
    (run,) = stored()
    assert run.summary["result"] == 3
    config = json.loads((run.log_dir / "config.json").read_text())
    assert config["thing"] == run.hyperparameters["thing"] == "<without JSON>"
    assert config["classes"] == ["builtins.int", "builtins.str"]
    assert config["cyclic"] == {"a": 1, "self": "<dict inside itself>"}


def test_ten_megabytes_of_parameters_arrive_and_a_long_text_is_cut_in_the_record(grid, stored):
    grid(text="x" * 10**7, numbers=[list(range(10**6))]).run(
        local(lambda text, numbers: len(text) + len(numbers)), quiet=True
    ).check()
    (run,) = stored()
    assert run.summary["result"] == 11 * 10**6
    assert run.hyperparameters["text"] == "x" * 10_000
    assert run.hyperparameters["numbers"] == list(range(10**6))


def test_a_grid_waits_as_long_as_its_setting_says(grid, monkeypatch):
    import time

    monkeypatch.setattr(user_config, "WAIT_BEFORE_LAUNCH", 0.7)
    before = time.monotonic()
    grid(lr=[1]).run(local(lambda lr: None), quiet=True)
    assert time.monotonic() - before > 0.7
