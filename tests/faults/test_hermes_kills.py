"""hermes is killed again and again; what it was to run has run exactly once in the end."""

from __future__ import annotations

import os
import random
import re
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

from rla.batch.batch_file import BatchFile
from rla.core.layout import JobTreePaths, RootPaths
from tests.faults.striking import FULL
from tests.hermes import conftest
from tests.timing import wait_for

pytestmark = pytest.mark.faults
repository, hermes, started = conftest.repository, conftest.hermes, conftest.started

JOBS = 24
COUNT = """
import os, sys, time
descriptor = os.open("ran", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
os.write(descriptor, sys.argv[2].encode() + b"\\n")
time.sleep(0.05)
"""
FAIL = """
while not os.path.exists("go"):
    time.sleep(0.01)
sys.exit(3 if sys.argv[2] == "7" and not os.path.exists("mended") else 0)
"""


@pytest.mark.parametrize("seed", range(3))
def test_every_job_runs_once_however_often_hermes_is_killed(repository, hermes, started, seed):
    rng = random.Random(seed)
    repository.script("count.py", COUNT)
    repository.hermes_file(f"PROD([[python, count.py, {{i}}],[]], i=RANGE[0, {JOBS}])")
    for _attempt in range(6):
        process = started("-n", "b", "--jobs", 2, "--resume")
        wait_for(lambda: runner_of_b(repository) == process.pid or process.has_ended)  # noqa: B023 - it is called at once
        time.sleep(rng.uniform(0.0, 0.9))
        process.signal(signal.SIGKILL)
        process.end()
        # a job that was being started holds its parent's lock until it is another program
        wait_for(lambda: not BatchFile(JobTreePaths(repository.tree), "b").is_running)
    done = hermes("-n", "b", "--jobs", 2, "--resume")
    assert done.code == 0, done.err
    ran = Counter((repository.path / "ran").read_text().split())
    assert ran == Counter(str(number) for number in range(JOBS))
    finished = [run for run in repository.runs() if run.state == "finished"]
    assert sorted(run.hyperparameters["args"][0] for run in finished) == list(range(JOBS))
    assert {run.row["exit_code"] for run in finished} == {0}
    assert not [run for run in repository.runs() if run.is_open]


TALLY = "echo $1 >>ran\n"


@pytest.mark.parametrize("seed", range(20 if FULL else 2))
def test_of_many_quick_jobs_each_runs_once_though_hermes_is_killed_at_any_moment(repository, hermes, started, seed):
    rng = random.Random(seed)
    jobs = 600 if FULL else 120
    repository.script("tally.sh", TALLY)
    repository.hermes_file(f"PROD([[sh, tally.sh, {{i}}],[]], i=RANGE[0, {jobs}])", head="PRE\nidentifier:off\n")
    for _attempt in range(12 if FULL else 4):
        process = started("-n", "b", "--jobs", rng.choice([1, 2, 4]), "--resume")
        wait_for(RootPaths(repository.tree).root_json.exists)
        time.sleep(rng.uniform(0.0, 0.5))
        process.signal(signal.SIGKILL)
        process.end()
        wait_for(lambda: not BatchFile(JobTreePaths(repository.tree), "b").is_running)  # as above
        assert left_over(repository) == []
    done = hermes("-n", "b", "--jobs", 4, "--resume")
    assert done.code == 0, done.err
    assert Counter((repository.path / "ran").read_text().split()) == Counter(map(str, range(jobs)))
    runs = repository.runs()
    finished = [run for run in runs if run.state == "finished"]
    assert sorted(run.hyperparameters["args"][0] for run in finished) == list(range(jobs))
    assert not [run for run in runs if run.is_open]
    assert hermes("-n", "b", "--resume", "--dry-run").out == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_of_many_quick_jobs_each_succeeds_once_though_hermes_is_interrupted(repository, hermes, started, number):
    rng = random.Random(number)
    repository.script("tally.sh", TALLY)
    repository.hermes_file("PROD([[sh, tally.sh, {i}],[]], i=RANGE[0, 100])", head="PRE\nidentifier:off\n")
    for _attempt in range(12 if FULL else 3):
        process = started("-n", "b", "--jobs", 2, "--resume")
        wait_for(lambda: runner_of_b(repository) == process.pid or process.has_ended)  # noqa: B023 - it is called at once
        time.sleep(rng.uniform(0.0, 0.4))
        process.signal(number)
        done = process.end()
        was_through = re.search(r"hermes: [^\n]*\b(finished|done before)\n$", done.err)  # then nothing listens any more
        assert done.code in {130, 0, *([-number] if was_through else [])}, done.err
        assert left_over(repository) == []
        assert not [run for run in repository.runs() if run.is_open]
    done = hermes("-n", "b", "--jobs", 2, "--resume")
    assert done.code == 0, done.err
    finished = [run for run in repository.runs() if run.state == "finished"]
    assert sorted(run.hyperparameters["args"][0] for run in finished) == list(range(100))


def runner_of_b(repository) -> int | None:
    about = BatchFile(JobTreePaths(repository.tree), "b").read()
    return None if about is None else about.pid


def left_over(repository) -> list[str]:
    """Rows and directories that do not tell of the same runs; a claim of the last moment has no name yet."""
    rows = {run.log_dir for run in repository.runs()}
    claimed = {Path(place, name) for place, inner, _ in os.walk(repository.tree) for name in inner}
    places = {path for path in claimed if re.match(r"\d{4}_\d\d_", path.name)}
    return [str(path) for path in places ^ rows]


def test_what_failed_while_hermes_was_dead_is_known_and_run_again(repository, hermes, started):
    repository.script("count.py", COUNT + FAIL)
    repository.hermes_file("PROD([[python, count.py, {i}],[]], i=RANGE[6, 9])")
    process = started("-n", "b", "--jobs", 3)
    wait_for(lambda: (repository.path / "ran").exists() and len((repository.path / "ran").read_text()) == 6)
    process.signal(signal.SIGKILL)
    process.end()
    (repository.path / "go").touch()
    wait_for(lambda: len([file for file in repository.tree.rglob("exit_code") if file.read_text().strip()]) == 3)
    (repository.path / "mended").touch()
    done = hermes("-n", "b", "--resume")
    assert done.code == 0, done.err
    assert "failed: exit code 3" in done.err
    assert Counter((repository.path / "ran").read_text().split()) == {"6": 1, "7": 2, "8": 1}
