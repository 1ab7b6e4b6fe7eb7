"""Whether a run that has not ended is still being recorded."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import msgspec
import pytest

import rla
from rla.fsio.file_lock import FileLock
from rla.runs import machine
from rla.runs.liveness import HEARTBEAT_GRACE, is_alive


@pytest.fixture
def run(data_root):
    """A run of this process whose lock is not to be seen."""
    run = rla.init("t", data_root=data_root)
    run._parts.lock.release()
    return run


def changed(run, **fields):
    return msgspec.structs.replace(run.manifest, **fields)


def gone_process() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_a_held_lock_says_alive_whatever_else_is_known(run):
    lock = FileLock(run.paths.manifest)
    assert lock.acquire()
    assert is_alive(changed(run, host="elsewhere", pid=gone_process()), run.paths, heartbeat=0.0)
    lock.release()


def test_without_a_lock_the_process_decides_on_the_same_machine(run):
    assert is_alive(run.manifest, run.paths, heartbeat=None)
    assert not is_alive(changed(run, pid=gone_process()), run.paths, heartbeat=time.time())


def test_a_process_of_the_same_number_that_began_later_is_another(run):
    other = changed(run, process_started=run.manifest.process_started + 1)
    assert not is_alive(other, run.paths, heartbeat=time.time())


def test_a_machine_that_was_started_anew_has_none_of_its_old_processes(run):
    assert not is_alive(changed(run, boot="another start"), run.paths, heartbeat=time.time())


@pytest.mark.parametrize(("age", "alive"), [(0, True), (HEARTBEAT_GRACE - 60, True), (HEARTBEAT_GRACE + 60, False)])
def test_a_run_of_another_machine_is_believed_for_a_while(run, age, alive):
    assert is_alive(changed(run, host="elsewhere"), run.paths, heartbeat=time.time() - age) is alive


def test_a_run_of_another_machine_that_never_spoke_is_not_alive(run):
    assert not is_alive(changed(run, host="elsewhere"), run.paths, heartbeat=None)


class TestMachine:
    def test_the_address_is_found_without_a_name_server_and_may_be_given(self):
        address = machine.ip_address({})
        assert address == "noip" or address.replace(".", "").replace(":", "").isalnum()
        assert machine.ip_address({"RLA_IP": "10.0.0.7"}) == "10.0.0.7"

    def test_without_a_network_there_is_no_address(self, monkeypatch):
        def refuse(*arguments):
            raise OSError(101, "Network is unreachable")

        monkeypatch.setattr(machine.socket, "socket", refuse)
        assert machine.ip_address({}) == "noip"

    def test_a_process_is_known_by_when_it_began(self):
        assert machine.process_start(os.getpid()) > 0
        assert machine.process_runs(os.getpid(), machine.process_start(os.getpid()))
        assert machine.process_runs(os.getpid(), 0)
        assert not machine.process_runs(os.getpid(), 1)
        assert not machine.process_runs(gone_process(), 0)
        assert not machine.process_runs(0, 0)
        assert not machine.process_runs(-1, 0)

    def test_a_command_with_brackets_in_its_name_does_not_confuse_it(self, tmp_path):
        odd = tmp_path / "a) 1 2 (b"
        odd.symlink_to("/bin/sleep")
        process = subprocess.Popen([odd, "30"])
        try:
            assert machine.process_start(process.pid) >= machine.process_start(os.getpid())
        finally:
            process.kill()
            process.wait()

    def test_where_there_is_no_proc_the_number_alone_decides(self, monkeypatch):
        monkeypatch.setattr(machine, "process_start", lambda _pid: 0)
        assert machine.process_runs(os.getpid(), 0)
        assert not machine.process_runs(gone_process(), 0)

    def test_a_user_without_a_name_is_a_number(self, monkeypatch):
        def unknown():
            raise KeyError("getpwuid(): uid not found")

        monkeypatch.setattr(machine.getpass, "getuser", unknown)
        assert machine.user_name.__wrapped__() == str(os.getuid())  # it is asked once a process
