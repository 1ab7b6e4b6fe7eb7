"""Grids that really run, each in a directory of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from rla.batch.standing import newest_runs
from rla.core.layout import RootPaths
from rla.sweep import ExperimentGrid
from tests.indexes import open_database

ROOT = Path(__file__).parents[2]


@pytest.fixture
def place(tmp_path, monkeypatch):
    """The working directory, without a database."""
    directory = tmp_path / "place"
    directory.mkdir()
    monkeypatch.chdir(directory)
    return directory


@pytest.fixture
def grid(place):
    """Declare a grid by keywords; ``__`` stands for a colon."""

    def declare(name="g", **values):
        made = ExperimentGrid(name)
        for key, vals in values.items():
            made.add(key.replace("__", ":"), vals)
        return made

    return declare


@pytest.fixture
def stored(place):
    """Every run of the database, the oldest first."""
    return lambda root=None: sorted(
        open_database(root or place / "rla_data").runs(), key=lambda run: run.row["started"]
    )


@pytest.fixture
def newest(place):
    """The newest run of each variant of a batch."""
    return lambda batch="g": newest_runs(open_database(RootPaths(place / "rla_data").root), batch)


@pytest.fixture
def python(place):
    """Run a script as a process of its own, in the working directory; wait for it, or give the process."""

    def run(text, *, wait=True, check=True, **environment):
        file = place / "script.py"
        file.write_text(textwrap.dedent(text), encoding="utf-8")
        settings = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
        process = subprocess.Popen(
            [sys.executable, str(file)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=settings,
            cwd=place,
        )
        if not wait:
            return process
        out, err = process.communicate(timeout=120)
        assert not check or process.returncode == 0, err
        return process.returncode, out, err

    return run
