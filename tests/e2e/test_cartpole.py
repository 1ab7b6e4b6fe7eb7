"""The demo, as `make demo` runs it, only shorter."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from rla.runs.database import open_database
from tests.conftest import csv_rows

EXAMPLE = Path(__file__).parents[2] / "example" / "cartpole" / "train.py"


def train(data_root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(EXAMPLE), "--data-root", str(data_root), *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=data_root.parent,
        env=os.environ,
    )


def draw_as_the_makefile_does(data_root: Path) -> Path:
    """Run the plot of ``make demo`` on another data root; its picture."""
    lines = (EXAMPLE.parents[2] / "Makefile").read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    (line,) = [line for line in lines if line.lstrip().startswith(".venv-demo/bin/rla plot")]
    words = [word.replace("demo_data", str(data_root)) for word in shlex.split(line)[1:]]
    done = subprocess.run([sys.executable, "-m", "rla", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return data_root / "curves.png"


def test_the_demo_solves_cartpole_records_six_runs_and_draws_them(data_root):
    done = train(data_root)
    assert done.returncode == 0, done.stdout + done.stderr
    runs = open_database(data_root).runs(task="cartpole")
    assert len(runs) == 6
    assert {run.state for run in runs} == {"finished"}
    solved = [run for run in runs if run.hyperparameters["lr"] == 0.01]
    assert all(run.summary["mean_return"] >= 400 for run in solved)
    for run in runs:
        steps = [int(row["time-step"]) for row in csv_rows(run.paths.csv)]
        assert steps == sorted(set(steps))
        assert steps[-1] == run.time_step >= 150_000
    with Image.open(draw_as_the_makefile_does(data_root)) as picture:
        colors = {color for _, color in picture.convert("RGB").getcolors(1 << 20)}
    assert {(0x00, 0x72, 0xB2), (0xD5, 0x5E, 0x00)} <= colors  # a line for each learning rate


def test_the_demo_trains_a_torch_model_when_asked(data_root):
    pytest.importorskip("torch")
    train(data_root, "--steps", "1000", "--torch")
    runs = open_database(data_root).runs(task="cartpole")
    assert len(runs) == 6
    assert {run.hyperparameters["framework"] for run in runs} == {"torch"}
    assert all(run.summary["train/entropy"] > 0 for run in runs)


def test_the_demo_exits_1_when_nothing_was_learned(data_root):
    done = train(data_root, "--steps", "2000")
    assert done.returncode == 1
    assert "no learning rate reached" in done.stderr
