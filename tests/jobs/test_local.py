"""Commands run in process groups of their own, wait for the word to begin, and their end is known."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rla.fsio.file_lock import FileLock, is_locked
from rla.jobs.adopted import AdoptedJob
from rla.jobs.job import Job, JobResult, end_of, read_exit_code
from rla.jobs.local import LocalExecutor
from tests.processes import is_alive
from tests.timing import HANGS, wait_for

UNTIL_TOLD = "while [ ! -e go ]; do sleep 0.01; done"


@pytest.fixture
def start(tmp_path):
    """Start a command; it is released unless ``begin`` is false."""
    started = []

    def run(*words: str, begin: bool = True, **environment: str):
        lock_file = tmp_path / "lock"
        lock_file.touch()
        lock = FileLock(lock_file)
        assert lock.acquire()
        job = Job(words, tmp_path, tmp_path / "out", tmp_path / "err", tmp_path / "code", {**os.environ, **environment})
        found = LocalExecutor().start(job, lock)
        started.append(found)
        if begin:
            found.release()
        return found

    yield run
    for job in started:
        if job.poll() is None:
            job.signal(signal.SIGKILL)
            end(job)


def end(job) -> JobResult:
    return wait_for(job.poll)


@pytest.mark.parametrize(("text", "code"), [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 137), ("kill -TERM $$", 143)])
def test_the_exit_code_is_known_and_written_down(start, tmp_path, text, code):
    result = end(start("sh", "-c", text))
    assert result.exit_code == code
    assert read_exit_code(tmp_path / "code").exit_code == code
    assert result.signal == (code - 128 if code > 128 else None)


def test_a_program_that_is_not_there_ends_with_127_and_says_so(start, tmp_path):
    assert end(start("no-such-program")).exit_code == 127
    assert "not found" in (tmp_path / "err").read_text()


def test_words_arrive_as_they_are_and_stdin_is_empty(start, tmp_path):
    words = ["$HOME", "a b", "'", '"', ";", "*", "", "-n", "ü\n"]
    result = end(start(sys.executable, "-c", "import sys; print([sys.argv[1:], sys.stdin.read()])", *words))
    assert result.succeeded
    assert (tmp_path / "out").read_text() == f"{[words, '']}\n"


def test_a_job_does_not_begin_before_it_is_released(start, tmp_path):
    job = start("sh", "-c", "touch began", begin=False)
    time.sleep(0.3)
    assert not (tmp_path / "began").exists()
    job.release()
    assert end(job).succeeded
    assert (tmp_path / "began").exists()


def test_a_job_that_is_abandoned_never_begins(start, tmp_path):
    job = start("sh", "-c", "touch began", begin=False)
    job.abandon()
    assert not (tmp_path / "began").exists()
    assert not is_locked(tmp_path / "lock")


def test_a_job_of_a_process_that_dies_before_the_word_never_begins(tmp_path):
    text = """
import os, pathlib, sys
from rla.fsio.file_lock import FileLock
from rla.jobs.job import Job
from rla.jobs.local import LocalExecutor
here = pathlib.Path(sys.argv[1])
(here / "lock").touch()
lock = FileLock(here / "lock")
lock.acquire()
files = [here / name for name in ("out", "err", "code")]
LocalExecutor().start(Job(("touch", "began"), here, *files, dict(os.environ)), lock)
os._exit(0)
"""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    subprocess.run([sys.executable, "-c", text, str(tmp_path)], check=True, env=environment)
    wait_for(lambda: not is_locked(tmp_path / "lock"))
    assert not (tmp_path / "began").exists()
    assert not (tmp_path / "code").exists()


def test_a_job_holds_its_lock_as_long_as_it_lives_and_its_children_do_not(start, tmp_path):
    job = start("sh", "-c", f"setsid sh -c 'echo $$ > child; exec sleep 600' & {UNTIL_TOLD}; exit 0")
    child = int(wait_for(lambda: (tmp_path / "child").exists() and (tmp_path / "child").read_text()))
    assert is_locked(tmp_path / "lock")
    (tmp_path / "go").touch()
    assert end(job).succeeded
    assert is_alive(child)
    assert not is_locked(tmp_path / "lock")
    os.kill(child, signal.SIGKILL)


def test_a_signal_reaches_everything_that_a_job_has_started(start, tmp_path):
    job = start("sh", "-c", "sleep 600 & echo $! > child; wait")
    child = int(wait_for(lambda: (tmp_path / "child").exists() and (tmp_path / "child").read_text()))
    job.signal(signal.SIGTERM)
    assert end(job).exit_code == 143
    wait_for(lambda: not is_alive(child))


def test_a_job_whose_directory_is_gone_is_an_error(tmp_path):
    (tmp_path / "lock").touch()
    lock = FileLock(tmp_path / "lock")
    lock.acquire()
    files = [tmp_path / name for name in ("out", "err", "code")]
    with pytest.raises(FileNotFoundError):
        LocalExecutor().start(Job(("true",), tmp_path / "gone", *files, dict(os.environ)), lock)
    lock.release()


def test_an_end_is_known_where_the_system_waits_for_children(start):
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        assert end(start("sh", "-c", "exit 7")).exit_code == 7
    finally:
        signal.signal(signal.SIGCHLD, before)


def test_nothing_is_left_open(start):
    before = set(os.listdir("/proc/self/fd"))
    for _ in range(5):
        end(start("true"))
    assert len(os.listdir("/proc/self/fd")) <= len(before)


def test_a_job_of_another_process_is_taken_over_by_its_lock(start, tmp_path):
    job = start("sh", "-c", f"{UNTIL_TOLD}; exit 5")
    adopted = AdoptedJob(job.pid, tmp_path / "lock", tmp_path / "code")
    assert adopted.poll() is None
    (tmp_path / "go").touch()
    end(job)
    assert end(adopted).exit_code == 5
    adopted.signal(signal.SIGKILL)  # nobody is left to get it


def test_a_job_without_an_exit_code_has_ended_in_an_unknown_way(tmp_path):
    result = end_of(tmp_path / "code")
    assert (result.exit_code, result.signal, result.succeeded) == (None, None, False)
    (tmp_path / "code").write_text("torn")
    assert end_of(tmp_path / "code").exit_code is None


@pytest.mark.parametrize(
    ("code", "told"),
    [(0, "exit code 0"), (7, "exit code 7"), (137, "ended by SIGKILL"), (255, "exit code 255"), (None, "without")],
)
def test_an_end_is_told_in_words(code, told):
    assert told in str(JobResult(code, 0.0))


def test_no_builtin_of_the_shell_stands_in_for_a_program(start, tmp_path):
    (tmp_path / "echo").write_text("#!/bin/sh\nprintf '%s' \"$1\"\n")
    (tmp_path / "echo").chmod(0o755)
    assert end(start("echo", "a\\tb", PATH=f"{tmp_path}:{os.environ['PATH']}")).succeeded
    assert (tmp_path / "out").read_text() == "a\\tb"
    assert end(start("eval", "touch made", PATH=str(tmp_path))).exit_code == 127
    assert not (tmp_path / "made").exists()


def test_a_job_is_abandoned_though_a_forked_process_could_still_speak_to_it(start, tmp_path):
    job = start("touch", "begun", begin=False)
    if (pid := os.fork()) == 0:
        time.sleep(5 * HANGS)
        os._exit(0)
    try:
        begun = time.monotonic()
        job.abandon()
        assert time.monotonic() - begun < HANGS
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    assert not is_locked(tmp_path / "lock")
    assert not (tmp_path / "begun").exists()
