"""``rla grid``."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest

from tests.indexes import open_database
from tests.timing import HANGS, wait_for

TRAIN = """
import time
from pathlib import Path

def train(lr, hidden_sizes=(64, 64), seed=0, wait=False, timeout=None, place=None):
    if wait:
        Path(place, f"began-{lr}").touch()
        time.sleep(600)
    print("training", lr)
    return {"score": 1 / lr + seed, "layers": len(hidden_sizes), "timeout": timeout}

def anything(**settings):
    return len(settings)
"""


@pytest.fixture
def here(empty):
    """A working directory with a training script."""
    (empty / "train.py").write_text(TRAIN)
    return empty


@pytest.fixture
def runs(data_root):
    return lambda: sorted(open_database(data_root).runs(), key=lambda run: run.row["started"])


def test_grid_run_runs_every_combination(here, process, runs):
    done = process(
        *("grid", "run", "train:train", "--lr", "1", "2", "--hidden-sizes[hid]", "[64,64]", "[32]"),
        *("--seed", "0", "1", "--jobs", "2", "--name", "first"),
    )
    assert done.code == 0, done.err
    assert "Variants, counting seeds:              8" in done.out
    assert "grid first: 8 finished" in done.err
    assert sorted((run.hyperparameters["lr"], run.summary["layers"], run.row["seed"]) for run in runs()) == [
        (lr, layers, seed) for lr in (1, 2) for layers in (1, 2) for seed in (0, 1)
    ]
    assert process("ls", "--batch", "first", "--json").json[0]["batch"] == "first"
    assert len(process("ls", "--batch", "first", "--where", "summary.score >= 1.5", "--json").json) == 4


def test_a_failure_has_exit_code_4_and_resume_repeats_it(here, process, runs):
    done = process("grid", "run", "train:train", "--lr", "0", "1")
    assert done.code == 4
    assert "ZeroDivisionError" in done.err
    done = process("grid", "run", "train:train", "--lr", "0", "1", "--resume", "--json")
    assert done.code == 4
    assert done.json["counts"] == {"failed": 1}
    assert done.json["skipped"] == 1
    assert done.json["failures"][0]["variant"] == "train_lr0 seed 0"


@pytest.mark.parametrize("as_json", [False, True])
def test_a_failure_that_stops_a_grid_is_told_once_and_has_exit_code_4(here, process, as_json):
    words = ["grid", "run", "train:train", "--lr", "0", "1", "--on-failure", "stop"]
    done = process(*words, *(["--json"] if as_json else []))
    assert done.code == 4
    assert done.err.count("grid train: 1 failed, 1 not started") == (0 if as_json else 1)
    if as_json:
        assert (done.json["counts"], done.json["not_started"], done.err) == ({"failed": 1}, 1, "")


def test_gpus_and_times_are_written_as_for_hermes(here, process, runs):
    (here / "which.py").write_text("import os\ndef gpu(n): return int(os.environ['CUDA_VISIBLE_DEVICES'])\n")
    done = process("grid", "run", "which:gpu", "--n", "1", "2", "3", "--gpus", "0:2,1", "--timeout", "5m", "--json")
    assert done.code == 0, done.err
    assert sorted(run.summary["result"] for run in runs()) == [0, 0, 1]


def test_dry_run_prints_the_variants_and_writes_nothing(here, process, data_root):
    done = process("grid", "run", "train:train", "--lr", "1", "2", "--dry-run")
    assert [line.split() for line in done.lines] == [
        ["VARIANT", "SEED", "PARAMETERS"],
        ["train_lr1", "0", "lr=1"],
        ["train_lr2", "0", "lr=2"],
    ]
    shown = process("grid", "run", "train:train", "--lr", "1", "--dry-run", "--json").json
    assert shown == [
        {"name": "train", "output_dir": str(data_root / "train" / "train_s0"), "parameters": {"lr": 1, "seed": 0}}
    ]
    assert not data_root.exists()


def test_a_file_runs_and_options_change_how(here, process, runs):
    (here / "sweep.yaml").write_text(
        "function: train:train\nname: from-file\nparameters:\n  lr: [1, 2]\n  seed: [0, 1]\nrun: {jobs: 2}\n"
    )
    assert process("grid", "run", "sweep.yaml", "--seed", "5").code == 0
    assert [(run.row["batch"], run.row["seed"]) for run in runs()] == [("from-file", 5)] * 2


def test_an_option_of_zero_counts_before_what_the_file_says(here, process, runs):
    (here / "sweep.yaml").write_text("function: train:train\nparameters: {lr: 0}\nrun: {retries: 2}\n")
    assert process("grid", "run", "sweep.yaml", "--retries", "0").code == 4
    assert [run.state for run in runs()] == ["failed"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["train:train", "--lrr", "1"], 1, "train has no argument 'lrr'; did you mean 'lr'?"),
        (["train:train", "--seed", "1"], 1, "train needs 'lr', which no parameter gives"),
        (["train:train", "--lr", "1", "--num-cpu", "many"], 1, "num_cpu is a number from 1 on"),
        (["train:train", "--lr", "1", "--timeout", "3"], 2, "put parameters of the function behind --"),
        (["train:train", "--lr", "[1,", "2]"], 1, "quote one that holds spaces"),
        (["train:other", "--lr", "1"], 1, "train has no function 'other'"),
        (["train:anything", "--exp-name2", "1", "--lr", "1", "--thunk", "3"], 1, "'thunk' says how to run anything"),
        ([], 1, "say what to run first"),
        (["sweep.yaml"], 1, "sweep.yaml does not exist"),
        (["train:train", "--lr", "1", "--jobs", "0"], 2, "--jobs"),
        (["train:train", "--lr", "1", "--job", "2"], 2, "Did you mean"),
        (["train:train", "--lr", "1", "--gpus", ""], 2, "it takes GPUs, as 0,1"),
        (["train:train", "--lr", "1", "--gpus", "0,"], 2, "it takes GPUs, as 0,1"),
        (["train:anything", "--a", "1", "--timeout", "soon"], 2, "it takes a time above 0"),
        (["train:train", "--lr", "1", "--name", ""], 2, "it is empty"),
        (["train:train"], 1, "there are no parameters: give one with its values, as  --lr 1 2"),
        (["train.py:train", "--lr", "1"], 1, "'train.py:train' names a file: write its module, as train:train"),
    ],
)
def test_what_is_wrong_is_refused_before_anything_starts(here, process, data_root, arguments, code, message):
    done = process("grid", "run", *arguments)
    assert (done.code, done.out) == (code, "")
    assert message in done.err
    assert not data_root.exists()


def test_what_stands_behind_two_dashes_is_a_parameter_whatever_it_is_called(here, runs, data_root):
    words = ["grid", "run", "train:train", "--lr", "1", "--data-root", str(data_root), "--", "--timeout", "7"]
    subprocess.run([sys.executable, "-m", "rla", *words], check=True, cwd=here, capture_output=True)
    (run,) = runs()
    assert run.summary["timeout"] == 7


def test_ctrl_c_ends_it_with_130(here, data_root, runs):
    words = ["grid", "run", "train:train", "--lr", "1", "--wait", "--place", str(here), "--data-root", str(data_root)]
    with subprocess.Popen(
        [sys.executable, "-m", "rla", *words], cwd=here, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as running:
        wait_for((here / "began-1").exists)
        running.send_signal(signal.SIGINT)
        _, err = running.communicate(timeout=HANGS)
    assert running.returncode == 130
    assert "Traceback" not in err
    assert [run.state for run in runs()] == ["interrupted"]


def test_the_report_of_a_grid_without_failures(here, process):
    done = process("grid", "run", "train:anything", "--a", "1", "--json")
    assert json.loads(done.out)["failures"] == []
    assert done.err == ""
