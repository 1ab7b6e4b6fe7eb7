"""A signal to a job reaches all that it has started, and what it leaves behind ends with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from rla.fsio.file_lock import FileLock, is_locked
from rla.jobs.adopted import AdoptedJob
from rla.jobs.job import Job, read_exit_code
from rla.jobs.local import LocalExecutor
from tests.hermes.conftest import ROOT
from tests.processes import is_alive
from tests.timing import wait_for

LEAVES_ITS_GROUP = "import os, time; os.setpgid(0, 0); open('ready', 'w').close(); time.sleep(600)"
STARTS_A_SESSION = "setsid -w sh -c 'echo $$ >pid; touch ready; exec sleep 600'"


def start(here: Path, *words: str):
    """A job that has begun."""
    lock_file = here / "lock"
    lock_file.touch()
    lock = FileLock(lock_file)
    assert lock.acquire()
    job = LocalExecutor().start(Job(words, here, here / "out", here / "err", here / "code", dict(os.environ)), lock)
    job.release()
    return job


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_a_command_that_has_left_its_group_is_reached(tmp_path, number):
    job = start(tmp_path, sys.executable, "-c", LEAVES_ITS_GROUP)
    wait_for((tmp_path / "ready").exists)
    (command,) = Path(f"/proc/{job.pid}/task/{job.pid}/children").read_text().split()
    job.signal(number)
    assert wait_for(job.poll).exit_code == 128 + number
    wait_for(lambda: not is_alive(int(command)))


def test_a_grandchild_in_a_session_of_its_own_is_reached_also_by_who_took_the_job_over(tmp_path):
    job = start(tmp_path, "sh", "-c", f"{STARTS_A_SESSION}; exit 3")
    wait_for((tmp_path / "ready").exists)
    AdoptedJob(job.pid, tmp_path / "lock", tmp_path / "code").signal(signal.SIGTERM)
    assert wait_for(job.poll).exit_code == 143
    wait_for(lambda: not is_alive(int((tmp_path / "pid").read_text())))


def test_what_a_job_leaves_behind_ends_with_it_though_nobody_waits_for_it(tmp_path):
    text = """
import sys
from pathlib import Path
from tests.jobs.test_family import start
start(Path(sys.argv[1]), "sh", "-c", "sleep 600 & echo $! >child; while [ ! -e go ]; do sleep 0.01; done; exit 4")
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", text, str(tmp_path)], check=True, env=environment)
    child = int(wait_for(lambda: (tmp_path / "child").exists() and (tmp_path / "child").read_text()))
    assert is_alive(child)
    (tmp_path / "go").touch()
    wait_for(lambda: not is_locked(tmp_path / "lock"))
    assert read_exit_code(tmp_path / "code").exit_code == 4
    wait_for(lambda: not is_alive(child))
