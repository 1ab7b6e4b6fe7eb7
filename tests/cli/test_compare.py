"""rla compare and rla best."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys

import pytest

import rla
from rla import logger
from rla_scripts.scoring import fitted


@pytest.fixture
def scored(data_root):
    """Record runs that end with a score each."""

    def run(scores, key="episode_return", **given):
        for seed, score in enumerate(scores):
            with rla.init("demo", {**given, "seed": seed}, data_root=data_root, log_used=["csv"]):
                logger.record_tabular(key, score)
                logger.dump_tabular()

    return run


@pytest.fixture
def algorithms(scored):
    scored([1.0, 2.0, 3.0, 8.0], algo="ppo", env_id="Hopper-v4")
    scored([4.0, 5.0, 6.0], algo="sac", env_id="Hopper-v4")
    scored([2.5], algo="dqn", env_id="Hopper-v4")


def words(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


def test_the_table_has_a_row_per_group_with_the_probability_to_beat_the_baseline(rla_command, algorithms):
    done = rla_command("compare", "--metric", "episode_return", "--group-by", "algo", "--baseline", "algo=ppo")
    head, dqn, ppo, sac = words(done.out)
    assert head == ["algo", "N", "MEAN", "IQM", "LOW", "HIGH", "P"]
    assert dqn == ["dqn", "1", "2.5", "2.5", "-", "-", "0.5"]
    assert ppo[:4] + ppo[-1:] == ["ppo", "4", "3.5", "2.5", "-"]
    assert sac == ["sac", "3", "5", "5", "4", "6", "0.75"]
    assert done.code == 0


def test_what_the_numbers_are_and_what_is_odd_goes_to_stderr(rla_command, algorithms, scored):
    scored([float("nan")], algo="a2c")
    done = rla_command("compare", "--metric", "episode_return", "--group-by", "algo")
    assert "note: episode_return: last values; low and high: 95 % bootstrap interval of the IQM\n" in done.err
    assert "note: algo=dqn: one run: no interval\n" in done.err
    assert "1 run left out" in done.err
    assert "ended as NaN" in done.err
    assert "note" not in done.out


def test_best_sorts_and_limits(rla_command, algorithms):
    done = rla_command("best", "--metric", "episode_return", "--estimate", "mean", "--limit", "2")
    assert [line[0] for line in words(done.out)] == ["algo", "sac", "ppo"]
    done = rla_command("best", "--metric", "episode_return", "--estimate", "mean", "--lower-is-better")
    assert [line[0] for line in words(done.out)] == ["algo", "dqn", "ppo", "sac"]


def test_several_keys_group_together(rla_command, algorithms):
    done = rla_command("best", "--metric", "episode_return", "--group-by", "algo,env_id", "--seeds", "seed")
    assert words(done.out)[1][:3] == ["sac", "Hopper-v4", "3"]


def test_without_seeds_runs_of_one_seed_are_not_told(rla_command, scored):
    for _ in range(2):
        scored([1.0, 2.0], algo="ppo")
    arguments = ("best", "--metric", "episode_return", "--group-by", "algo")
    assert "2 runs have seed=0" in rla_command(*arguments).err
    done = rla_command(*arguments, "--seeds", "none")
    assert (done.code, "have seed" in done.err) == (0, False)


@pytest.mark.parametrize("name", ["compare", "best"])
def test_the_other_forms_are_those_of_the_library(rla_command, algorithms, data_root, name):
    table = rla.compare(rla.query(data_root), "episode_return", "algo")
    table = table.best_first() if name == "best" else table
    arguments = (name, "--metric", "episode_return", "--group-by", "algo")
    assert rla_command(*arguments, "--format", "markdown").out == table.markdown()
    assert rla_command(*arguments, "--format", "latex").out == table.latex()
    assert rla_command(*arguments, "--format", "json").out == table.json()
    assert rla_command(*arguments, "--json").out == table.json()


def test_options_reach_the_statistics(rla_command, algorithms, data_root):
    done = rla_command(
        *("compare", "--metric", "episode_return", "--group-by", "algo", "--estimate", "median", "--level", "0.8"),
        *("--score", "0.5", "--json"),
    )
    settings = json.loads(done.out)
    assert (settings["estimate"], settings["level"], settings["score"]) == ("median", 0.8, 0.5)
    done = rla_command(
        "compare", "--metric", "episode_return", "--group-by", "algo", "--environment", "env_id", "--json"
    )
    assert list(done.json["groups"][0]["scores"]) == ["Hopper-v4"]


def test_a_selection_is_that_of_ls(rla_command, algorithms):
    done = rla_command("best", "--metric", "episode_return", "--where", "algo == 'ppo' and seed > 0")
    assert words(done.out)[1] == ["3", "4.333", "4.333", "2", "8"]


def test_no_run_is_nothing_matched(rla_command, algorithms):
    for name in ("compare", "best"):
        done = rla_command(name, "--metric", "episode_return", "--task", "nosuch")
        assert (done.code, done.out, done.err) == (3, "", "no runs\n")


def test_a_metric_nobody_recorded_is_named_with_the_nearest(rla_command, algorithms):
    done = rla_command("best", "--metric", "episode_retrun")
    assert (done.code, "no run recorded 'episode_retrun'; did you mean episode_return?" in done.err) == (1, True)


def test_the_metric_must_be_given(rla_command, algorithms):
    assert rla_command("best").code == 2


@pytest.mark.parametrize("wrong", [("--score", "first"), ("--level", "95"), ("--baseline", "ppo")])
def test_settings_that_make_no_sense_are_one_line(rla_command, algorithms, wrong):
    done = rla_command("compare", "--metric", "episode_return", *wrong)
    assert (done.code, done.out, len(done.err.splitlines())) == (1, "", 1)


def test_long_names_are_cut_so_that_the_numbers_fit_eighty_columns(scored, data_root):
    scored([1.0, 2.0], algo="a-name-longer-than-anybody-would-like-" * 3, env_id="another-long-name-" * 4)
    scored([1.0, 2.0], algo="short", env_id="\x1b[31mred")
    main, side = pty.openpty()
    command = ["compare", "--metric", "episode_return", "--group-by", "algo,env_id"]
    command += ["--baseline", "algo=short,env_id=\x1b[31mred"]
    subprocess.run(
        [sys.executable, "-m", "rla", *command, "--data-root", str(data_root)],
        stdout=side,
        stderr=subprocess.PIPE,
        check=True,
        env={**os.environ, "COLUMNS": "80"},
    )
    os.close(side)
    lines = os.read(main, 65536).decode().splitlines()
    os.close(main)
    assert all(len(line) <= 80 for line in lines)
    assert "\x1b" not in "".join(lines)
    assert lines[1].split()[-4:] == ["1.5", "1", "2", "0.5"]


def test_a_table_that_fits_is_not_cut():
    lines = [["key", "n"], ["a long value", 1.5]]
    assert fitted(lines, 1, 80) == [["key", "n"], ["a long value", "1.5"]]
    assert fitted(lines, 1, 13) == [["key", "n"], ["a lon...", "1.5"]]
