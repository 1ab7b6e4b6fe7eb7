"""hermes is killed again and again; what it was to run has run exactly once in the end."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter

import pytest

from rla.batch.batch_file import BatchFile
from rla.core.layout import JobTreePaths
from tests.hermes import conftest

pytestmark = pytest.mark.faults
repository, hermes, started = conftest.repository, conftest.hermes, conftest.started

JOBS = 24
COUNT = """
import os, sys, time
descriptor = os.open("ran", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
os.write(descriptor, sys.argv[2].encode() + b"\\n")
time.sleep(0.05)
sys.exit(3 if sys.argv[2] == "7" and not os.path.exists("mended") else 0)
"""


@pytest.mark.parametrize("seed", range(3))
def test_every_job_runs_once_however_often_hermes_is_killed(repository, hermes, started, seed):
    rng = random.Random(seed)
    repository.script("count.py", COUNT)
    (repository.path / "mended").touch()
    repository.hermes_file(f"PROD([[python, count.py, {{i}}],[]], i=RANGE[0, {JOBS}])")
    for _attempt in range(6):
        process = started("-n", "b", "--jobs", 2, "--resume")
        time.sleep(rng.uniform(0.25, 1.2))
        process.signal(signal.SIGKILL)
        process.end()
        # a job that was being started holds its parent's lock until it is another program
        conftest.wait_for(lambda: not BatchFile(JobTreePaths(repository.tree), "b").is_running)
    done = hermes("-n", "b", "--jobs", 2, "--resume")
    assert done.code == 0, done.err
    ran = Counter((repository.path / "ran").read_text().split())
    assert ran == Counter(str(number) for number in range(JOBS))
    finished = [run for run in repository.runs() if run.state == "finished"]
    assert sorted(run.hyperparameters["args"][0] for run in finished) == list(range(JOBS))
    assert {run.row["exit_code"] for run in finished} == {0}
    assert not [run for run in repository.runs() if run.is_open]


def test_what_failed_while_hermes_was_dead_is_known_and_run_again(repository, hermes, started):
    repository.script("count.py", COUNT)
    repository.hermes_file("PROD([[python, count.py, {i}],[]], i=RANGE[6, 9])")
    process = started("-n", "b", "--jobs", 3)
    conftest.wait_for(lambda: (repository.path / "ran").exists() and len(repository.directories()) == 3)
    process.signal(signal.SIGKILL)
    process.end()
    time.sleep(0.5)
    (repository.path / "mended").touch()
    done = hermes("-n", "b", "--resume")
    assert done.code == 0, done.err
    assert "failed: exit code 3" in done.err
    assert Counter((repository.path / "ran").read_text().split()) == {"6": 1, "7": 2, "8": 1}
