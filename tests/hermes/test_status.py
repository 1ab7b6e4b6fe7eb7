"""How a batch stands, as the command line tells it."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys

import pytest

from rla.batch import status as module
from rla.batch.batch_file import BatchFile
from rla.core.layout import JobTreePaths
from rla.fsio.file_lock import FileLock
from tests.hermes.conftest import ROOT
from tests.timing import HANGS, wait_for


@pytest.fixture
def status(hermes):
    return lambda *arguments: hermes(*arguments, command="status")


def test_a_finished_batch_is_told_with_its_failures(repository, hermes, status):
    repository.hermes_file("[[python, say.py, 1],[]]", "[[python, say.py, --exit=7],[]]")
    hermes("-n", "b")
    done = status()
    assert done.code == 0
    first, finished, failed, advice, failure, *details, directory = done.out.splitlines()
    assert "--resume" in advice
    assert first == f"batch b, 2 jobs of {repository.path / 'a.hermes'}"
    assert (finished, failed) == ("  1 finished", "  1 failed")
    assert failure.startswith("failed: ")
    assert failure.endswith("--exit=7")
    assert [line.strip() for line in details] == ["complained", "exit code 7"]
    assert directory.strip() == str(repository.directories()[-1])


def test_a_running_batch_tells_what_is_left_and_for_how_long(repository, started, status):
    repository.hermes_file(
        "[[python, say.py, --sleep=0.3],[]]", "[[python, say.py, --sleep=600],[]]", "[[python, say.py, 3],[]]"
    )
    process = started("-n", "b")

    def all_states():
        done = status("--json")
        found = json.loads(done.out) if done.code == 0 else None
        return found if found and len(found["counts"]) == 3 else None

    found = wait_for(all_states)
    assert found["counts"] == {"finished": 1, "running": 1, "pending": 1}
    assert found["is_running"]
    assert 0 < found["seconds_left"] < 60
    assert "left, 1 at a time" in status().out
    process.signal(signal.SIGKILL)
    process.end()
    assert "about" not in status().out


def test_a_batch_that_was_broken_off_says_how_to_go_on(repository, started, status):
    repository.hermes_file("[[python, say.py, --sleep=600],[]]", "[[python, say.py, 2],[]]")
    process = started("-n", "b")
    wait_for(lambda: list(repository.tree.rglob("run.json")))
    process.signal()
    process.end()
    out = status().out
    assert [line.strip() for line in out.splitlines()[1:3]] == ["1 pending", "1 interrupted"]
    assert "--resume" in out


def test_the_newest_batch_is_meant_unless_one_is_named(repository, hermes, status):
    repository.hermes_file("[[python, say.py],[]]")
    for name in ("one", "two"):
        hermes("-n", name)
    assert json.loads(status("--json").out)["name"] == "two"
    assert json.loads(status("-n", "one", "--json").out)["name"] == "one"
    unknown = status("-n", "three")
    assert (unknown.code, unknown.err) == (3, "there is no batch 'three'; there are two, one\n")


def test_a_batch_that_lies_where_the_settings_say_is_found(repository, hermes, status):
    repository.script(".hermes_settings", "path_to_experiments: ../elsewhere\n")
    repository.hermes_file("[[python, say.py],[]]")
    assert status().err.startswith("rla: no database was found")
    told = hermes("-n", "b").err.splitlines()[-1]
    root = repository.path.parent / "elsewhere" / "experiments"
    assert told.endswith(f"hermes: no command finds this database by itself: set RLA_DATA_ROOT={root}")
    assert "1 finished" in status().out
    assert "1 finished" in hermes("-n", "b", command="watch").out


def test_an_item_counts_once_however_often_it_was_run(repository, hermes, status):
    repository.hermes_file("[[python, say.py, --fail-until=mark],[]]")
    hermes("--retries", 1)
    assert json.loads(status("--json").out)["counts"] == {"finished": 1}


def test_watching_ends_with_the_batch(repository, started):
    repository.hermes_file("PROD([[python, say.py, {i} --until=go],[]], i=RANGE[0, 3])")
    process = started("-n", "b")
    wait_for(lambda: list(repository.tree.rglob("run.json")))
    shown = repository.path.parent / "shown"
    command = [sys.executable, "-m", "rla", "hermes", "watch", "--interval", "0.1"]
    with shown.open("w") as file:
        watching = subprocess.Popen(command, stdout=file, env={**os.environ, "PYTHONPATH": str(ROOT)})
    wait_for(lambda: "1 running" in shown.read_text())
    (repository.path / "go").touch()
    assert watching.wait(HANGS) == 0
    assert shown.read_text().splitlines()[-1].strip() == "3 finished"
    assert process.end().code == 0


def test_a_batch_that_ends_while_it_is_looked_at_is_not_said_to_be_broken_off(repository, hermes, status, monkeypatch):
    repository.hermes_file("[[python, say.py],[]]")
    hermes("-n", "b")
    (run,) = repository.runs()
    ended = (run.log_dir / "state.json").read_bytes()
    (run.log_dir / "state.json").unlink()
    repository.database().table.update(run.uid, state="running", ended=None)
    batch, lock = BatchFile(JobTreePaths(repository.tree), "b"), FileLock(run.paths.manifest)
    assert batch.take(alone=True)
    assert lock.acquire()
    read = module.newest_runs

    def read_while_it_ends(*arguments):
        runs = read(*arguments)
        (run.log_dir / "state.json").write_bytes(ended)
        lock.release()
        repository.database().table.update(run.uid, state="finished", ended=1.0)
        batch.release()
        return runs

    with monkeypatch.context() as patch:
        patch.setattr(module, "newest_runs", read_while_it_ends)
        assert "nothing runs it now" not in status().out
    assert status().out.splitlines()[-1].strip() == "1 finished"


def test_without_any_batch_that_is_said(repository, hermes, status):
    repository.hermes_file("[[python, say.py],[]]")
    hermes()
    for file in repository.tree.glob(".rla-jobs/batches/*.json"):
        file.unlink()
    assert (status().code, hermes(command="watch").code) == (3, 3)


def test_a_batch_is_drawn_in_place_on_a_terminal(repository, hermes):
    repository.hermes_file("[[python, say.py],[]]")
    hermes("-n", "b")
    ours, side = pty.openpty()
    command = [sys.executable, "-m", "rla", "hermes", "watch"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm", "COLUMNS": "80"}
    done = subprocess.run(command, stdin=side, stdout=side, stderr=side, env=environment, timeout=HANGS, check=False)
    os.close(side)
    shown = os.read(ours, 65536).decode()
    os.close(ours)
    assert done.returncode == 0, shown
    assert "1 finished" in shown
