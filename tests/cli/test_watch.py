"""rla watch."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time

import pytest

from tests.manage.running_runs import running
from tests.timing import HANGS


def test_each_running_run_has_one_line_and_no_other_has(rla_command, data_root, record):
    record(seed=3)
    with running(data_root, 1) as (_, uid):
        header, *rows = rla_command("watch").lines
    assert header.split()[:5] == ["RUN", "TASK", "STEP", "RATE/S", "SINCE"]
    (cells,) = (row.split() for row in rows)
    assert (cells[0], cells[1], cells[2]) == (uid[:8], "demo", "100")
    assert float(cells[3]) > 0
    assert cells[-2:] == ["seed=1", "reward=1.5"]


def test_json_is_one_snapshot(rla_command, data_root):
    with running(data_root, 1) as (_, uid):
        (told,) = rla_command("watch", "--json").json
    assert (told["uid"], told["time_step"], told["summary"]) == (uid, 100, {"reward": 1.5})
    assert told["rate"] > 0
    assert 0 <= told["quiet"] <= told["elapsed"] < 60


def test_a_selection_chooses_among_them(rla_command, data_root):
    with running(data_root, 1), running(data_root, 2) as (_, uid):
        told = rla_command("watch", "--json", "--where", "seed == 2 or state == 'finished'").json
    assert [each["uid"] for each in told] == [uid]


def test_none_running_is_told(rla_command, record):
    record(seed=1)
    done = rla_command("watch", "--once")
    assert (done.code, done.out, done.err) == (3, "", "no runs are running\n")


def test_the_rate_is_that_of_the_steps_since_the_last_look(data_root):
    import rla
    from rla.core.selection import Selection
    from rla.manage.watch import Watch
    from rla.runs.database import open_database

    before_start = time.time()
    with rla.init("demo", {}, data_root=data_root):
        watch, looks = Watch(open_database(data_root), Selection()), []
        for step in (1_000_000, 1_000_100):
            rla.time_step_holder.set_time(step)
            rla.logger.record_tabular("k", 1)
            rla.logger.dump_tabular()
            before = time.time()
            rate = watch.look()[0].rate
            looks.append((before, rate, time.time()))
            time.sleep(0.2)
    (before_first, first, after_first), (before_second, second, after_second) = looks
    assert first >= 1_000_000 / (after_first - before_start)
    assert 100 / (after_second - before_first) <= second <= 100 / (before_second - after_first)


@pytest.mark.parametrize("columns", ["40", "120"])
def test_on_a_terminal_it_goes_on_until_ctrl_c(data_root, columns):
    with running(data_root, 1) as (_, uid):
        main, side = pty.openpty()
        command = [sys.executable, "-m", "rla", "watch", "--interval", "0.2", "--data-root", str(data_root)]
        environment = {**os.environ, "COLUMNS": columns, "LINES": "20", "TERM": "xterm"}
        process = subprocess.Popen(command, stdout=side, stderr=side, stdin=side, env=environment)
        seen = ""
        deadline = time.monotonic() + HANGS
        while seen.count(uid[:8]) < 3 and time.monotonic() < deadline:
            seen += os.read(main, 65536).decode()
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.wait(HANGS) == 130
        os.close(side)
        os.close(main)
    assert seen.count(uid[:8]) >= 3
