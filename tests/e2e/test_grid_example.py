"""The grid of the examples, only shorter."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from rla.runs.database import open_database

pytest.importorskip("gymnasium")
EXAMPLE = Path(__file__).parents[2] / "example" / "grid" / "sweep.py"
STEPS = 30_000


def sweep(data_root):
    command = [sys.executable, str(EXAMPLE), "--data-root", str(data_root), "--steps", str(STEPS), "--jobs", "2"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=data_root.parent)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def test_the_grid_trains_six_agents_draws_them_and_knows_what_is_done(data_root):
    done = sweep(data_root)
    runs = open_database(data_root).runs()
    assert len(runs) == 6
    assert {run.state for run in runs} == {"finished"}
    means = {
        lr: [run.summary["mean_return"] for run in runs if run.hyperparameters["lr"] == lr] for lr in (0.01, 0.001)
    }
    assert min(means[0.01]) > max(means[0.001])
    for run in runs:
        steps, values = run.curve("mean_return")
        assert run.time_step == steps[-1] >= STEPS
        assert len(values) > 20
        assert run.summary["result"] == run.summary["mean_return"] == values[-1]
    assert (data_root / "cartpole-grid.png").stat().st_size > 10_000
    assert "grid cartpole-grid: 6 finished" in done.stderr
    assert not (data_root.parent / "rla_data").exists()
    again = sweep(data_root)
    assert "grid cartpole-grid: 6 finished before" in again.stderr
    assert len(open_database(data_root).runs()) == 6
