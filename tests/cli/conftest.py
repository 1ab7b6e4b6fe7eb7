"""The command line, in this process and as real ones."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import rla
from rla import logger, time_step_holder
from rla_scripts.main import _run, group


class Done(NamedTuple):
    """What a command left."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def empty(tmp_path, monkeypatch):
    """A directory without a database; the commands run there."""
    place = tmp_path / "empty"
    place.mkdir()
    monkeypatch.chdir(place)
    return place


@pytest.fixture
def command(empty, capsys):
    """Run a command in this process, as ``main`` does."""

    def run(*arguments: object) -> Done:
        capsys.readouterr()
        code = _run(group, [str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return Done(code, out, err)

    return run


@pytest.fixture
def rla_command(command, data_root):
    """Run a command on the data root."""
    return lambda *arguments: command(*arguments, "--data-root", data_root)


@pytest.fixture
def process(empty, data_root):
    """Run a command as a process of its own, on the data root."""

    def run(*arguments: object, **environment: str) -> Done:
        command = [sys.executable, "-m", "rla", *map(str, arguments), "--data-root", str(data_root)]
        settings = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **environment}
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=settings)
        return Done(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def record(data_root):
    """Record a whole run of two dumps."""

    def run(task: str = "demo", **hyperparameters: object) -> rla.easy_log.active_run.ActiveRun:
        with rla.init(task, hyperparameters, track=sorted(hyperparameters), data_root=data_root) as run:
            for step in (10, 20):
                time_step_holder.set_time(step)
                logger.record_tabular("reward", step / 2)
                logger.dump_tabular()
            logger.info("the end")
        return run

    return run
