"""The smallest example, every phase of it, on torch."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rla.runs.database import open_database

pytest.importorskip("torch")
EXAMPLE = Path(__file__).parents[2] / "example" / "simplest_code" / "main.py"


def test_every_phase_of_the_example_leaves_what_it_says(data_root):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RLA_")}
    done = subprocess.run(
        [sys.executable, EXAMPLE, "--data_root", data_root],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "the checkpoint of step 200 holds the trained weights" in done.stdout
    (run,) = open_database(data_root).runs()
    assert (run.state, run.time_step) == ("finished", 200)
    assert run.summary["perf/mse"] < 1e-3
    assert run.tracked == "learning_rate=0.05&seed=88"
    assert run.paths is not None
    assert (run.paths.directory("results") / "200-react_func.png").stat().st_size > 5000
    assert len(list(run.paths.directory("checkpoint").glob("checkpoint_*.pt"))) == 2
    assert (run.paths.directory("code") / "main.py").read_bytes() == EXAMPLE.read_bytes()
