"""The example of hermes: it trains six CartPole agents from one file, and draws them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import matplotlib.image
import pytest

import rla

EXAMPLES = Path(__file__).parents[2] / "example"


@pytest.fixture
def place(tmp_path):
    """A copy of the examples."""
    for name in ("cartpole", "hermes_sweep"):
        shutil.copytree(EXAMPLES / name, tmp_path / name, ignore=shutil.ignore_patterns("experiments", "__pycache__"))
    return tmp_path / "hermes_sweep"


def test_six_agents_learn_and_are_drawn(place):
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(EXAMPLES.parent), "MPLBACKEND": "agg"}

    def run(*words: str) -> str:
        command = [sys.executable, *words]
        done = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stderr

    assert "6 finished" in run("-m", "rla", "hermes", "exec", "-f", "sweep.hermes", "-n", "cartpole")
    runs = rla.query(data_root=place / "experiments", batch="cartpole")
    assert len(runs) == 6
    learned = {(each.hyperparameters["lr"], each.hyperparameters["seed"]): each.summary["mean_return"] for each in runs}
    assert min(value for (lr, _), value in learned.items() if lr == 0.01) > 300
    assert max(value for (lr, _), value in learned.items() if lr == 0.001) < 300
    run("plot.py", "curves.png")
    assert matplotlib.image.imread(place / "curves.png").std() > 0.05
