"""Stopping runs: the right process, or none."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time

import msgspec
import pytest

from rla.core import manifest
from rla.core.manifest import Manifest
from rla.manage.stop import refusal, stop
from tests.indexes import open_database
from tests.manage.running_runs import running
from tests.manage.stored_runs import make_run
from tests.timing import HANGS


@pytest.fixture
def root(tmp_path):
    return tmp_path / "root"


def found(root, uid: str):
    return open_database(root).find(uid)


def rewrite(root, run_uid: str, /, **fields) -> None:
    """Change what a run's manifest says, in place: the run holds a lock on that file."""
    file = found(root, run_uid).paths.manifest
    record = manifest.decode(file.read_bytes(), Manifest)
    file.write_bytes(manifest.encode(msgspec.structs.replace(record, **fields)))


def test_a_run_that_is_stopped_was_killed_and_keeps_what_it_recorded(root):
    with running(root) as (process, uid):
        (told,) = stop(open_database(root), [found(root, uid)], timeout=HANGS)
        assert (told.state, told.reason) == ("killed", None)
        process.wait(HANGS)
    run = found(root, uid)
    assert (run.state, run.time_step, run.row["error"]) == ("killed", 100, "ended by SIGTERM")


def test_several_runs_end_at_the_same_time(root):
    with running(root, 1) as (_, first), running(root, 2) as (_, second):
        told = stop(open_database(root), [found(root, first), found(root, second)], timeout=HANGS)
    assert [(each.uid, each.state) for each in told] == [(first, "killed"), (second, "killed")]


def test_a_run_that_ignores_the_signal_is_told_and_goes_on(root):
    with running(root, manner="ignores") as (process, uid):
        (told,) = stop(open_database(root), [found(root, uid)], timeout=0.3)
        assert process.poll() is None
    assert told.state == "running"
    assert "still runs after 0.3 s" in told.reason


def test_a_run_that_has_ended_is_refused(root):
    uid = make_run(root)
    (told,) = stop(open_database(root), [found(root, uid)])
    assert told.state == "finished"
    assert "does not run any more" in told.reason


@pytest.fixture(scope="module")
def bystander(tmp_path_factory):
    """The data root, process and run of one that is never to get a signal."""
    root = tmp_path_factory.mktemp("bystander")
    with running(root) as (process, uid):
        yield root, process, uid


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"host": "elsewhere"}, "elsewhere"),
        ({"boot": "another start of the machine"}, "its process is gone"),
        ({"process_started": 1}, "its process is gone"),
        ({"process_started": 0}, "does not tell its processes apart"),
        ({"pid": 1}, "does not tell its processes apart"),
        ({"pid": 0}, "does not tell its processes apart"),
        ({"pid": -1}, "does not tell its processes apart"),
        ({"uid": "0" * 16}, "holds the run 0000"),
    ],
)
def test_a_process_that_may_not_be_the_run_s_gets_no_signal(bystander, fields, reason):
    root, process, uid = bystander
    run = found(root, uid)
    before = run.paths.manifest.read_bytes()
    rewrite(root, uid, **fields)
    (told,) = stop(open_database(root), [run], timeout=0.2)
    run.paths.manifest.write_bytes(before)
    time.sleep(0.1)
    assert process.poll() is None
    assert reason in told.reason


def test_another_process_with_the_run_s_number_gets_no_signal(root):
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    time.sleep(0.1)  # the system counts starts in hundredths of a second
    with running(root) as (_, uid):
        run = found(root, uid)
        rewrite(root, uid, pid=other.pid)
        (told,) = stop(open_database(root), [run], timeout=0.2)
    assert "its process is gone" in told.reason
    assert other.poll() is None
    other.kill()
    other.wait()


def test_a_run_whose_process_was_killed_is_lost_and_refused(root):
    with running(root) as (process, uid):
        process.kill()
        process.wait()
        assert "it is lost" in refusal(found(root, uid))


def test_a_damaged_manifest_stops_nothing(root):
    with running(root) as (process, uid):
        run = found(root, uid)
        run.paths.manifest.write_text("garbage")
        (told,) = stop(open_database(root), [run], timeout=0.2)
        assert process.poll() is None
    assert "its process is not known" in told.reason


def test_a_process_of_somebody_else_is_left_alone(root):
    if os.getuid() != 0:
        pytest.skip("only root can become somebody else")
    with running(root) as (process, uid):
        run, reasons = found(root, uid), []

        def as_nobody() -> None:
            from rla.manage.stop import _ask

            pid = os.fork()
            if pid == 0:
                os.setuid(65534)
                os._exit(0 if "belongs to" in (_ask(run) or "") else 1)
            reasons.append(os.waitpid(pid, 0)[1])

        for directory in (root, *root.parents):
            if str(directory).count("/") > 1:
                directory.chmod(0o755)
        thread = threading.Thread(target=as_nobody)
        thread.start()
        thread.join()
        assert process.poll() is None
    assert reasons == [0]
