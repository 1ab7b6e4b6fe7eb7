"""Recording never harms training: interrupts, signals, forks and copies, each in a real process."""

from __future__ import annotations

import copy
import os
import pickle
import signal
import threading

import pytest

import rla
from rla import exp_manager, logger
from rla.writers.append_file import AppendFile
from tests.conftest import csv_rows

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="signals and forks of this kind are Unix's")

HEAD = """
import os, random, signal, sys, threading, time
import rla
from rla import logger
run = rla.init("t", data_root=sys.argv[1])
"""


# --- interrupts


def test_interrupts_at_any_moment_leave_lock_and_files_usable(script, data_root, database):
    done = script(
        """
        import random, signal, sys, threading
        import rla
        from rla import logger

        class Interrupt(BaseException):
            pass

        is_armed = False

        def interrupt(number, frame):
            if is_armed:
                raise Interrupt

        def is_free(lock):
            found = []
            def look():
                if lock.acquire(timeout=5):
                    lock.release()
                    found.append(True)
            thread = threading.Thread(target=look)
            thread.start()
            thread.join()
            return bool(found)

        signal.signal(signal.SIGALRM, interrupt)
        run = rla.init("t", data_root=sys.argv[1])
        count = 0
        for number in range(400):
            try:
                is_armed = True
                signal.setitimer(signal.ITIMER_REAL, random.uniform(1e-6, 5e-4), 0.01)
                while True:
                    count += 1
                    logger.record_tabular("count", count)
                    logger.record_tabular(f"late {number // 20}", 1)
                    with logger.ProfileKV("batch"):
                        logger.log("line")
                    run.logger.summary()
                    logger.dump_tabular()
            except Interrupt:
                is_armed = False
                signal.setitimer(signal.ITIMER_REAL, 0)
            assert number % 10 or is_free(run.logger._lock), number
        logger.record_tabular("count", -1)
        logger.dump_tabular()
        run.close()
        print(dict(run.losses.counts))
        """,
        str(data_root),
    )
    assert done.stdout == "{}\n"
    (stored,) = database().runs()
    rows = csv_rows(stored.paths.csv)
    assert rows[-1]["count"] == "-1"
    assert all(None not in row and None not in row.values() for row in rows)


def test_interrupts_during_forks_hold_no_signal_and_no_heartbeat_back(script, data_root):
    """A signal that stayed blocked would be lost to the training and to every process that it starts."""
    done = script(
        HEAD
        + """
sys.unraisablehook = lambda told: None  # Python's own way to lose an interrupt of a fork; logging does so too
def interrupt(number, frame):
    raise KeyboardInterrupt
signal.signal(signal.SIGALRM, interrupt)
for _ in range(100):
    pid = None
    try:
        signal.setitimer(signal.ITIMER_REAL, random.uniform(1e-5, 3e-3))
        pid = os.fork()
        if pid == 0:
            os._exit(0)
        time.sleep(0.003)
    except KeyboardInterrupt:
        pass
    signal.setitimer(signal.ITIMER_REAL, 0)
    try:
        os.waitpid(pid or -1, 0)
    except ChildProcessError:
        pass
    assert not signal.pthread_sigmask(signal.SIG_BLOCK, []), _
held = []
thread = threading.Thread(target=lambda: held.append(run.heartbeat.pause(5)))
thread.start(); thread.join()
print(held)
""",
        str(data_root),
    )
    assert done.stdout == "[True]\n"


# --- signals


def test_a_signal_handler_may_record_whatever_it_interrupts(script, data_root, database):
    """Also within what it interrupts: a lock that is not re-entrant would stop the training for ever."""
    script(
        HEAD
        + """
rows = 0
def record(number, frame):
    global rows
    with logger.ProfileKV("handler"):
        logger.record_tabular("handler", rows)
    logger.dump_tabular()
    rows += 1
signal.signal(signal.SIGALRM, record)
begun = time.monotonic()
while rows < 200 and time.monotonic() - begun < 60:
    signal.setitimer(signal.ITIMER_REAL, random.uniform(1e-5, 3e-4))
    with logger.ProfileKV("loop"):
        logger.record_tabular("loop", 1)
    logger.dump_tabular()
signal.setitimer(signal.ITIMER_REAL, 0)
assert not run.losses.counts
""",
        str(data_root),
    )
    (stored,) = database().runs()
    rows = [int(row["handler"]) for row in csv_rows(stored.paths.csv) if row["handler"]]
    assert rows == list(range(len(rows)))
    assert len(rows) >= 200


def test_a_dump_within_a_dump_is_written_behind_it(data_root):
    with rla.init("t", data_root=data_root, log_used=["csv"]) as run:
        write = run.logger._writers.write

        def interrupted(dump):
            if "outer" in dump.values:
                logger.record_tabular("inner", 1)
                logger.dump_tabular()
            write(dump)

        run.logger._writers.write = interrupted
        logger.record_tabular("outer", 2)
        logger.dump_tabular()
        run.logger._writers.write = write
    assert [(row["outer"], row["inner"]) for row in csv_rows(run.paths.csv)] == [("2", ""), ("", "1")]


def test_an_append_within_an_append_leaves_the_size_right(tmp_path, monkeypatch):
    file = AppendFile(tmp_path / "log")
    write = os.write

    def interrupted(descriptor, data):
        written = write(descriptor, data)
        monkeypatch.setattr(os, "write", write)
        file.append(b"handler\n")  # as from a signal handler, which runs just behind the system call
        return written

    monkeypatch.setattr(os, "write", interrupted)
    file.append(b"training\n")
    assert file.size == (tmp_path / "log").stat().st_size == len(b"training\nhandler\n")
    file.close()


def test_a_signal_that_the_training_holds_back_waits_for_it(script, data_root):
    """A thread of ours that takes it would let it end the process."""
    done = script(
        HEAD
        + """
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
time.sleep(0.1)
os.kill(os.getpid(), signal.SIGUSR1)
print(signal.sigwait([signal.SIGUSR1]).name)
""",
        str(data_root),
    )
    assert done.stdout == "SIGUSR1\n"


@pytest.mark.parametrize("kind", ["RuntimeError", "TimeoutError"])
def test_what_a_signal_handler_raises_always_reaches_the_training(script, data_root, kind):
    """Whatever of recording it interrupts: errors of recording are counted, but this is none of them."""
    done = script(
        f"""
        import random, signal, sys
        import rla
        from rla import logger

        is_armed = False

        def preempt(number, frame):
            if is_armed:
                raise {kind}("preempted")

        class Odd:
            def __float__(self):
                return float(sum(range(100)))

        signal.signal(signal.SIGALRM, preempt)
        run = rla.init("t", data_root=sys.argv[1])
        logger.record_histogram("h", [1.0, 2.0])  # loads NumPy, whose imports lose exceptions themselves
        reached = 0
        for _ in range(500):
            try:
                is_armed = True
                signal.setitimer(signal.ITIMER_REAL, random.uniform(1e-5, 5e-4))
                for _ in range(10_000):
                    logger.record_tabular("k", Odd())
                    logger.record_histogram("h", [1.0, 2.0])
                    logger.dump_tabular()
            except {kind}:
                is_armed = False
                reached += 1
        print(reached, dict(run.losses.counts))
        """,
        str(data_root),
    )
    assert done.stdout == "500 {}\n"


def test_a_handler_in_c_stays(script, data_root):
    """As of faulthandler, or of a library that saves its state before a preemption."""
    done = script(
        """
        import faulthandler, os, signal, sys
        faulthandler.register(signal.SIGTERM, chain=True)
        """
        + HEAD.replace("\n", "\n        ")
        + """
        os.kill(os.getpid(), signal.SIGTERM)
        """,
        str(data_root),
        check=False,
    )
    assert done.returncode == -signal.SIGTERM
    assert "most recent call first" in done.stderr


def test_signals_end_a_child_of_a_run_that_another_thread_has_ended(script, data_root):
    """Handlers can only be put back in the main thread; the child must not have them all the same."""
    done = script(
        HEAD
        + """
thread = threading.Thread(target=run.close); thread.start(); thread.join()
if (pid := os.fork()) == 0:
    print(signal.getsignal(signal.SIGTERM) is signal.SIG_DFL, flush=True)
    os._exit(0)
os.waitpid(pid, 0)
""",
        str(data_root),
    )
    assert done.stdout == "True\n"


# --- what the script has to do with


@pytest.mark.parametrize(("call", "code"), [("exit(code=3)", 3), ("quit(code=None)", 0), ("exit(exit.name)", 1)])
def test_exit_takes_what_it_takes_without_a_run(script, data_root, database, call, code):
    done = script(HEAD + call, str(data_root), check=False)
    assert done.returncode == code
    assert database().runs()[0].row["exit_code"] == code


def test_no_file_of_the_run_gets_the_number_of_a_closed_standard_output(script, data_root, database):
    """Libraries and child processes that write there would write into the run."""
    done = script(
        """
        import os
        for number in range(3):
            os.close(number)
        """
        + HEAD.replace("\n", "\n        ")
        + """
        logger.record_tabular("k", 1)
        logger.dump_tabular()
        for number in range(3):
            try:
                os.write(number, b"not ours")
            except OSError:
                pass
        """,
        str(data_root),
    )
    assert done.stdout == ""
    (stored,) = database().runs()
    assert not [file for file in stored.paths.log.rglob("*") if file.is_file() and b"not ours" in file.read_bytes()]


def test_an_agent_that_holds_run_manager_and_logger_may_be_copied(data_root):
    with rla.init("t", data_root=data_root) as run:
        agent = {"run": run, "manager": exp_manager, "logger": logger.get_current()}
        for copied in (copy.deepcopy(agent), {key: copy.copy(value) for key, value in agent.items()}):
            assert all(copied[key] is value for key, value in agent.items())
            copied["logger"].logkv("k", 1)
        logger.dump_tabular()
    assert [row["k"] for row in csv_rows(run.paths.csv)] == ["1"]


def test_in_another_process_such_an_agent_records_nothing(data_root):
    with rla.init("t", data_root=data_root) as run:
        agent = pickle.loads(pickle.dumps({"run": run, "manager": exp_manager, "logger": logger.get_current()}))
        assert (agent["run"].uid, agent["run"].log_dir) == (run.uid, run.log_dir)
        assert not agent["run"].is_recording
        for each in (agent["run"].logger, agent["logger"]):
            each.logkv("k", 1)
            assert each.dumpkvs() == {}
        agent["run"].close()
        assert run.is_recording


def test_no_thread_outlives_the_run(data_root):
    """Python ends such a thread in ways of its own when it exits: in a chroot without libgcc it aborts."""
    for _ in range(20):
        rla.init("t", data_root=data_root).close()
        assert "rla-heartbeat" not in [thread.name for thread in threading.enumerate()]
