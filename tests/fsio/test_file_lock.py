"""A lock lives as long as its holder."""

import os
import signal
from threading import Timer

import pytest

from rla.fsio.file_lock import FileLock, is_locked
from tests.timing import HANGS, least_seconds

HOLD = (
    "import sys; from pathlib import Path; from rla.fsio.file_lock import FileLock\n"
    "lock = FileLock(Path(sys.argv[1])); print(lock.acquire(), flush=True)\n"
)


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "run.json"
    file.touch()
    return file


def test_a_file_nobody_locked_is_free(path):
    assert not is_locked(path)


def test_a_lock_is_seen_by_another_process_until_it_is_released(path, start_python):
    holder = start_python(
        HOLD + "sys.stdin.readline(); lock.release(); print('done', flush=True); sys.stdin.readline()", path
    )
    assert holder.stdout.readline() == "True\n"
    assert is_locked(path)
    assert not FileLock(path).acquire()
    holder.stdin.write("release\n")
    holder.stdin.flush()
    holder.stdout.readline()
    assert not is_locked(path)


def test_a_lock_is_dropped_when_its_holder_is_killed(path, start_python):
    holder = start_python(HOLD + "sys.stdin.readline()", path)
    holder.stdout.readline()
    assert is_locked(path)
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert not is_locked(path)


@pytest.mark.parametrize(("child_does", "still_locked"), [("lock.abandon()", False), ("pass", True)])
def test_a_forked_child_that_abandons_does_not_keep_the_lock_of_a_killed_parent(
    path, start_python, child_does, still_locked
):
    script = HOLD + (
        "import os, time\n"
        "pid = os.fork()\n"
        "if pid == 0:\n"
        f"    {child_does}\n"
        "    print(os.getpid(), flush=True); time.sleep(600)\n"
        "time.sleep(600)\n"
    )
    holder = start_python(script, path)
    holder.stdout.readline()
    child = int(holder.stdout.readline())
    try:
        assert is_locked(path)
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        os.kill(child, 0)
        assert is_locked(path) is still_locked
    finally:
        os.kill(child, signal.SIGKILL)


def test_releasing_also_drops_the_lock_that_a_forked_child_inherited(path, start_python):
    script = HOLD + (
        "import os, time\n"
        "if os.fork() == 0:\n"
        "    sys.stdin.readline(); os._exit(0)\n"
        "lock.release(); print('released', flush=True); os.wait()\n"
    )
    holder = start_python(script, path)
    assert [holder.stdout.readline(), holder.stdout.readline()] == ["True\n", "released\n"]
    assert not is_locked(path)
    assert holder.communicate("end\n")[0] == ""


def test_a_second_lock_of_the_same_process_is_refused(path):
    first = FileLock(path)
    assert first.acquire()
    assert not FileLock(path).acquire()
    first.release()
    assert FileLock(path).acquire()


def test_those_who_only_look_do_not_see_each_other(path):
    looking = FileLock(path)
    assert looking.acquire(shared=True)
    assert not is_locked(path)
    looking.release()


def test_a_holder_that_only_looks_is_waited_for(path, start_python):
    holder = start_python(HOLD.replace("acquire()", "acquire(shared=True)") + "sys.stdin.readline()", path)
    holder.stdout.readline()
    assert not FileLock(path).acquire()
    letting_go = Timer(0.2, holder.kill)
    letting_go.start()
    assert FileLock(path).acquire(patience=HANGS)
    letting_go.join()


def test_patience_ends(path):
    holder = FileLock(path)
    holder.acquire()

    def acquire():
        assert not FileLock(path).acquire(patience=0.05)

    assert 0.05 <= least_seconds(acquire, enough=1) < 1
    holder.release()


def test_releasing_what_is_not_held_is_no_error(path):
    FileLock(path).release()
    FileLock(path).abandon()


def test_a_file_that_is_not_there_is_not_locked(tmp_path):
    assert not is_locked(tmp_path / "gone")
    with pytest.raises(FileNotFoundError):
        FileLock(tmp_path / "gone").acquire()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_reader_without_write_access_sees_the_lock(path, start_python):
    lock = FileLock(path)
    lock.acquire()
    script = (
        "import os, sys; from pathlib import Path; from rla.fsio.file_lock import is_locked\n"
        "os.chdir(sys.argv[1]); os.seteuid(65534); print(is_locked(Path('run.json')))"
    )
    path.chmod(0o444)
    path.parent.chmod(0o755)
    said = start_python(script, path.parent).communicate()[0]
    lock.release()
    assert said == "True\n"


def test_letting_go_of_a_lock_whose_file_the_program_has_closed_is_no_error(tmp_path):
    (tmp_path / "held").touch()
    lock = FileLock(tmp_path / "held")
    assert lock.acquire()
    os.close(lock.descriptor)
    lock.release()
    assert lock.acquire()
    lock.release()
