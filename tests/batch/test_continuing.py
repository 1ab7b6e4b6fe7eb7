"""What going on with a batch makes of the runs it finds."""

from __future__ import annotations

import json
import signal
import time

import pytest

from rla.batch.batch_file import BatchFile
from rla.core.layout import JobTreePaths
from rla.fsio.file_lock import is_locked
from tests.hermes import conftest
from tests.timing import wait_for

repository, hermes, started = conftest.repository, conftest.hermes, conftest.started

WAITS = """
import os, pathlib, time
pathlib.Path("begun-" + os.environ["RLA_HERMES_ID"]).touch()
while not os.path.exists("go"):
    time.sleep(0.01)
"""


@pytest.fixture
def waiting(repository, started):
    """Start hermes with a job that waits for the file ``go``; gives the process when the job has begun."""
    repository.script("waits.py", WAITS)
    repository.hermes_file("[[python, waits.py],[-ca say.py]]")

    def start(*options: str):
        before = len(list(repository.path.glob("begun-*")))
        process = started("-n", "b", *options)
        wait_for(lambda: len(list(repository.path.glob("begun-*"))) > before)
        return process

    return start


def kill(repository, process) -> None:
    process.signal(signal.SIGKILL)
    process.end()
    wait_for(lambda: not BatchFile(JobTreePaths(repository.tree), "b").is_running)


def test_every_run_of_a_job_that_a_killed_hermes_left_is_written_down(repository, hermes, waiting):
    for _ in range(2):
        kill(repository, waiting())
    (repository.path / "go").touch()
    wait_for(lambda: not any(is_locked(place / "run.json") for place in repository.directories()))
    assert repository.states() == ["lost", "lost"]
    done = hermes("-n", "b", "--resume")
    assert (done.code, done.err.count("while nobody watched")) == (0, 2)
    assert repository.states() == ["finished", "finished"]
    assert all((place / "say.py").exists() for place in repository.directories())


def test_every_run_of_a_job_that_goes_on_is_taken_over_and_the_job_is_not_run(repository, hermes, started, waiting):
    for _ in range(2):
        kill(repository, waiting())
    again = started("-n", "b", "--resume")
    again.wait_until_it_says("goes on")
    (repository.path / "go").touch()
    done = again.end()
    taken = done.err.count("goes on") + done.err.count("while nobody watched")
    assert (done.code, taken) == (0, 2)
    assert "started" not in done.err
    assert repository.states() == ["finished", "finished"]


def test_no_batch_is_resumed_while_the_second_of_two_processes_runs_it(repository, hermes, waiting):
    first, second = waiting(), waiting()
    first.signal()
    assert first.end().code == 130
    refused = hermes("-n", "b", "--resume")
    assert (refused.code, "the batch 'b' runs already" in refused.err) == (1, True)
    assert "running" in hermes("-n", "b", command="status").out
    (repository.path / "go").touch()
    assert second.end().code == 0
    assert hermes("-n", "b", "--resume").code == 0


def test_no_batch_is_run_anew_while_it_is_resumed(repository, hermes, waiting):
    resumed = waiting("--resume")
    refused = hermes("-n", "b")
    assert (refused.code, f"runs already (process {resumed.pid}" in refused.err) == (1, True)
    (repository.path / "go").touch()
    assert resumed.end().code == 0
    assert repository.states() == ["finished"]


def test_of_a_machine_that_may_be_gone_is_told_when_its_run_counts_as_lost(repository, hermes):
    repository.hermes_file("[[python, say.py],[]]")
    assert hermes("-n", "b").code == 0
    (run,) = repository.runs()
    manifest = run.log_dir / "run.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "host": "other"}))
    (run.log_dir / "state.json").unlink()
    stands = {"state": "running", "ended": None, "host": "other"}
    repository.database().table.update(run.uid, **stands, heartbeat=time.time() - 300)
    done = hermes("-n", "b", "--resume")
    assert done.code == 1
    assert "goes on, on other: resume the batch there; if that machine is gone, here in " in done.err
    assert "m" in done.err.rpartition("here in ")[2].partition(":")[0]
    assert done.err.endswith("it counts as lost then\n")
    repository.database().table.update(run.uid, **stands, heartbeat=time.time() - 601)
    assert hermes("-n", "b", "--resume").code == 0
