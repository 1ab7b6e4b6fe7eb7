"""How runs end: each state, told by the run itself or seen by the next reader."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest

import rla
from rla import logger
from tests.conftest import csv_rows

HEAD = """
import os, signal, sys, threading, time
import rla
from rla import exp_manager, logger, time_step_holder
run = rla.init("t", {"seed": 1}, data_root=sys.argv[1])
time_step_holder.set_time(42)
logger.record_tabular("dumped", 1.0)
logger.dump_tabular()
logger.record_tabular("late", 2.0)
"""


@pytest.fixture
def ended(script, data_root, database):
    """Run a script that starts with HEAD; give the stored run and the process."""

    def run(text: str, **settings):
        done = script(HEAD + textwrap.dedent(text), str(data_root), check=False, **settings)
        (stored,) = database().runs()
        return stored, done

    return run


def test_the_interpreter_s_exit_finishes_the_run_and_dumps_what_is_left(ended):
    stored, done = ended("")
    assert (stored.state, stored.row["exit_code"], stored.time_step) == ("finished", 0, 42)
    assert stored.summary == {"dumped": 1.0, "late": 2.0}
    assert [row["late"] for row in csv_rows(stored.paths.csv)] == ["", "2.0"]
    assert done.stderr == ""


def test_an_uncaught_exception_fails_the_run_with_its_traceback(ended):
    stored, done = ended("raise ValueError('diverged')")
    assert (stored.state, stored.row["exit_code"], done.returncode) == ("failed", 1, 1)
    assert "ValueError: diverged" in stored.row["error"]
    assert "ValueError: diverged" in done.stderr
    assert stored.summary["late"] == 2.0


def test_an_exception_that_leaves_the_with_block_fails_the_run(data_root, database):
    with pytest.raises(ValueError, match="mine"), rla.init("t", data_root=data_root):
        raise ValueError("mine")
    (stored,) = database().runs()
    assert (stored.state, stored.row["exit_code"]) == ("failed", 1)


@pytest.mark.parametrize(
    ("code", "state", "exit_code"), [("0", "finished", 0), ("3", "failed", 3), ("'sorry'", "failed", 1)]
)
def test_sys_exit_decides_the_state(ended, code, state, exit_code):
    stored, done = ended(f"sys.exit({code})")
    assert (stored.state, stored.row["exit_code"], done.returncode) == (state, exit_code, exit_code)


@pytest.mark.parametrize("name", ["exit", "quit"])
def test_exit_and_quit_decide_it_as_sys_exit_does(ended, name):
    stored, done = ended(f"{name}(3)")
    assert (stored.state, stored.row["exit_code"], done.returncode) == ("failed", 3, 3)


def test_an_exit_that_is_raised_inside_a_with_block_decides_it_too(data_root, database):
    with pytest.raises(SystemExit), rla.init("t", data_root=data_root):
        raise SystemExit(3)
    (stored,) = database().runs()
    assert (stored.state, stored.row["exit_code"]) == ("failed", 3)


def test_ctrl_c_interrupts_the_run(ended):
    stored, done = ended("os.kill(os.getpid(), signal.SIGINT); time.sleep(10)")
    assert (stored.state, stored.row["exit_code"]) == ("interrupted", 130)
    assert done.returncode == -signal.SIGINT


def test_sigterm_kills_the_run_and_the_process_as_it_would_without_us(ended):
    stored, done = ended("os.kill(os.getpid(), signal.SIGTERM); time.sleep(10)")
    assert (stored.state, stored.row["exit_code"]) == ("killed", 143)
    assert done.returncode == -signal.SIGTERM
    assert stored.summary["late"] == 2.0


MY_HANDLER = """
import signal, sys
def mine(number, frame):
    print("saving a checkpoint")
    sys.exit(0)
signal.signal(signal.SIGTERM, mine)
"""


@pytest.mark.parametrize("body", ["{kill}", "with run:\n    {kill}"], ids=["plain", "with"])
def test_a_handler_that_was_there_is_called_and_the_run_is_killed(script, data_root, database, body):
    kill = "os.kill(os.getpid(), signal.SIGTERM); time.sleep(10)"
    done = script(MY_HANDLER + HEAD + body.format(kill=kill), str(data_root))
    assert done.stdout == "saving a checkpoint\n"
    assert database().runs()[0].state == "killed"


def test_our_handlers_are_gone_when_the_run_has_ended(data_root):
    def hooks():
        return signal.getsignal(signal.SIGTERM), sys.excepthook, sys.exit, exit, quit

    before, shown = hooks(), repr(exit)
    with rla.init("t", data_root=data_root):
        assert not any(hook is other for hook, other in zip(hooks(), before, strict=True))
        assert repr(exit) == shown
    assert hooks() == before


def test_a_hook_that_was_set_during_the_run_stays(data_root):
    def mine(number, frame):
        pass

    previous = signal.getsignal(signal.SIGTERM)
    with rla.init("t", data_root=data_root):
        signal.signal(signal.SIGTERM, mine)
    assert signal.getsignal(signal.SIGTERM) is mine
    signal.signal(signal.SIGTERM, previous)


def test_a_run_may_be_started_outside_the_main_thread(ended, script, data_root, database):
    script(
        """
        import sys, threading, rla
        from rla import logger
        def train():
            with rla.init("t", data_root=sys.argv[1]):
                logger.record_tabular("k", 1); logger.dump_tabular()
        thread = threading.Thread(target=train); thread.start(); thread.join()
        """,
        str(data_root),
    )
    assert database().runs()[0].state == "finished"


def test_kill_9_is_seen_as_lost_with_the_values_that_were_dumped(ended):
    stored, _ = ended("os.kill(os.getpid(), signal.SIGKILL)")
    assert (stored.state, stored.row["state"], stored.time_step) == ("lost", "running", 42)
    assert stored.summary == {"dumped": 1.0}


def test_a_run_that_goes_on_is_not_lost(data_root, database):
    rla.init("t", data_root=data_root)
    assert database().runs()[0].state == "running"


def test_a_run_of_another_machine_is_believed_while_its_heartbeat_is_fresh(data_root, database, monkeypatch):
    from rla.runs import liveness

    run = rla.init("t", data_root=data_root)
    run._parts.lock.release()
    monkeypatch.setattr(liveness.machine, "host_name", lambda: "elsewhere")
    assert database().runs()[0].state == "running"
    monkeypatch.setattr(liveness.time, "time", lambda: time.monotonic() + 1e10)
    assert database().runs()[0].state == "lost"


def test_a_lost_run_that_speaks_again_is_running_again(data_root, database):
    run = rla.init("t", data_root=data_root)
    database().table.update(run.uid, state="running", heartbeat=0.0)
    run.beat(run._parts.reporter)
    (row,) = database().table.rows()
    assert time.time() - row["heartbeat"] < 60


def test_the_heartbeat_brings_the_row_up_to_date(script, data_root, database):
    script(
        """
        import sys, time
        from rla.easy_log import heartbeat
        heartbeat.Heartbeat.__init__.__defaults__ = (0.1,)
        import rla
        from rla import logger, time_step_holder
        from rla.store.engine import open_index
        from rla.store.run_table import RunTable
        run = rla.init("t", data_root=sys.argv[1])
        time_step_holder.set_time(7)
        logger.record_tabular("k", 1.5); logger.dump_tabular()
        table, row = RunTable(open_index(run.paths.root / "rla.db")), None
        hangs = time.monotonic() + 90
        while row != ("running", 7, {"k": 1.5}) and time.monotonic() < hangs:
            time.sleep(0.05)
            (found,) = table.rows()
            row = found["state"], found["time_step"], found["summary"]
        assert row == ("running", 7, {"k": 1.5}), row
        """,
        str(data_root),
    )


@pytest.mark.parametrize("variable", ["RANK", "LOCAL_RANK", "SLURM_PROCID", "OMPI_COMM_WORLD_RANK"])
def test_only_rank_0_records(script, data_root, variable):
    text = (
        HEAD
        + """
with open(exp_manager.results_dir + "mine.txt", "w") as file:
    file.write("works on every rank")
print(exp_manager.results_dir)
logger.warn("x"); exp_manager.print_args(); exp_manager.close()
"""
    )
    done = script(text, str(data_root), **{variable: "1"})
    assert not data_root.exists()
    assert not os.path.exists(done.stdout.strip())
    script(text, str(data_root), **{variable: "0"})
    assert len(list(data_root.glob("log/t/*/*/*/*/run.json"))) == 1


def test_rla_rank_overrides_what_the_launcher_says(script, data_root):
    script(HEAD, str(data_root), SLURM_PROCID="3", RLA_RANK="0")
    assert data_root.exists()


FORK = """
pid = os.fork()
if pid == 0:
    for count in range(100):
        logger.record_tabular("child", count)
        logger.dump_tabular()
    logger.warn("from the child")
    {end}
os.waitpid(pid, 0)
logger.dump_tabular()
logger.record_tabular("after", 3.0)
logger.dump_tabular()
"""


@pytest.mark.parametrize(
    "end", ["sys.exit(5)", "os._exit(0)", "raise RuntimeError('child')", "exp_manager.close(); os._exit(0)"]
)
def test_a_forked_child_records_nothing_and_ends_nothing(ended, end):
    stored, _ = ended(FORK.format(end=end))
    rows = csv_rows(stored.paths.csv)
    assert stored.state == "finished"
    assert [set(row) & {"child"} for row in rows] == [set()] * 3
    assert stored.summary == {"dumped": 1.0, "late": 2.0, "after": 3.0}


def test_a_child_that_outlives_the_run_does_not_keep_it_alive(script, data_root, database):
    text = (
        HEAD
        + """
pid = os.fork()
if pid == 0:
    os.close(1); os.close(2)
    time.sleep(600)
    os._exit(0)
print(pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    )
    done = script(text, str(data_root), check=False)
    child = int(done.stdout)
    try:
        assert database().runs()[0].state == "lost"
    finally:
        os.kill(child, signal.SIGKILL)


def test_a_forked_child_may_record_a_run_of_its_own(script, data_root, database):
    text = """
pid = os.fork()
if pid == 0:
    with rla.init("child", data_root=sys.argv[1]):
        logger.record_tabular("k", 5)
        logger.dump_tabular()
    os._exit(0)
os.waitpid(pid, 0)
"""
    script(HEAD + text, str(data_root))
    assert {(run.task, run.state): run.summary for run in database().runs()} == {
        ("child", "finished"): {"k": 5},
        ("t", "finished"): {"dumped": 1.0, "late": 2.0},
    }


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_worker_processes_are_safe_with_every_start_method(script, data_root, database, method):
    script(
        f"""
        import multiprocessing, sys

        def work(count):
            from rla import logger
            try:
                logger.record_tabular("worker", count)
                logger.dump_tabular()
            except Exception as error:
                return type(error).__name__
            return "silent"

        if __name__ == "__main__":
            import rla
            from rla import logger
            with rla.init("t", data_root=sys.argv[1]):
                with multiprocessing.get_context("{method}").Pool(2) as pool:
                    print(set(pool.map(work, range(20))))
                logger.record_tabular("parent", 1); logger.dump_tabular()
        """,
        str(data_root),
    )
    (stored,) = database().runs()
    assert stored.state == "finished"
    assert stored.summary == {"parent": 1}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_signal_ends_a_child_however_young_it_is(script, data_root):
    """A pool ends its workers by SIGTERM and waits for them: one that loses it stops the training for ever."""
    done = script(
        """
        import os, random, signal, sys, time
        import rla

        def is_ended(pid):
            hangs = time.monotonic() + 30
            while time.monotonic() < hangs:
                if os.waitpid(pid, os.WNOHANG)[0]:
                    return True
                time.sleep(0.001)
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return False

        with rla.init("t", data_root=sys.argv[1]):
            chance, lost = random.Random(0), 0
            for _ in range(300):
                if lost:
                    break
                pid = os.fork()
                if pid == 0:
                    end, _ = os.pipe()
                    os.read(end, 1)
                later = time.perf_counter() + chance.uniform(0, 0.002)
                while time.perf_counter() < later:
                    pass
                os.kill(pid, signal.SIGTERM)
                lost += not is_ended(pid)
            print(lost, signal.pthread_sigmask(signal.SIG_BLOCK, []))
        """,
        str(data_root),
    )
    assert done.stdout.split() == ["0", "set()"]


def test_a_child_has_the_handlers_that_were_there_before_the_run(script, data_root):
    done = script(
        """
        import os, signal, sys, rla

        signal.signal(signal.SIGHUP, lambda *_: os._exit(5))
        with rla.init("t", data_root=sys.argv[1]):
            if (pid := os.fork()) == 0:
                print(signal.getsignal(signal.SIGTERM) is signal.SIG_DFL, flush=True)
                signal.raise_signal(signal.SIGHUP)
            print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        """,
        str(data_root),
    )
    assert done.stdout.split() == ["True", "5"]


def test_ending_a_run_twice_does_nothing(data_root, database):
    run = rla.init("t", data_root=data_root)
    run.close()
    logger.record_tabular("k", 1)
    run.close()
    assert database().runs()[0].summary == {}


def test_a_waiting_forked_child_does_not_stop_the_parent_s_heartbeat(data_root):
    run = rla.init("t", data_root=data_root)
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    child.wait()
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    assert run._parts.heartbeat.pause(1.0)
    run._parts.heartbeat.resume()
