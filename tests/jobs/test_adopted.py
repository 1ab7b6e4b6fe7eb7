"""A job that was taken over is watched by its process."""

from __future__ import annotations

import os
import select
import signal

from rla.jobs.adopted import AdoptedJob
from tests.jobs.test_family import start
from tests.timing import wait_for

UNTIL_TOLD = "while [ ! -e go ]; do sleep 0.01; done; exit 5"


def test_a_job_goes_on_though_its_files_are_out_of_reach_for_a_while(tmp_path):
    here = tmp_path / "here"
    here.mkdir()
    job = start(here, "sh", "-c", UNTIL_TOLD)
    adopted = AdoptedJob(job.pid, here / "lock", here / "code")
    here.rename(tmp_path / "away")
    assert adopted.poll() is None
    (tmp_path / "away").rename(here)
    (here / "go").touch()
    assert wait_for(adopted.poll).exit_code == 5
    assert wait_for(job.poll).exit_code == 5


def test_its_end_wakes_whoever_waits_for_it(tmp_path):
    job = start(tmp_path, "sh", "-c", UNTIL_TOLD)
    before = len(os.listdir("/proc/self/fd"))
    adopted = AdoptedJob(job.pid, tmp_path / "lock", tmp_path / "code")
    poll = select.poll()
    poll.register(adopted.sentinel, select.POLLIN)
    assert poll.poll(0) == []
    (tmp_path / "go").touch()
    assert poll.poll(90_000)
    assert adopted.poll().exit_code == 5
    assert len(os.listdir("/proc/self/fd")) == before
    wait_for(job.poll)


def test_one_that_has_ended_before_is_not_watched_and_gets_no_signal(tmp_path):
    job = start(tmp_path, "true")
    wait_for(job.poll)
    adopted = AdoptedJob(os.getpid(), tmp_path / "lock", tmp_path / "code")
    assert adopted.sentinel is None
    adopted.signal(signal.SIGKILL)
    assert adopted.poll().exit_code == 0
