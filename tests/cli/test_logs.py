"""rla logs, also while the run goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading

import rla
from rla import logger
from tests.timing import HANGS


def test_it_prints_the_tables_and_lines(rla_command, record):
    record()
    lines = rla_command("logs", "last").lines
    assert lines[-1] == "the end"
    assert sum("reward" in line for line in lines) == 2


def test_json_is_one_object_a_line(rla_command, record):
    record()
    lines = rla_command("logs", "last", "--json").lines
    assert json.loads(lines[-1]) == {"line": "the end"}


def test_a_run_without_a_log_prints_nothing(rla_command, data_root):
    rla.init("t", data_root=data_root, log_used=["csv"]).close()
    done = rla_command("logs", "last")
    assert (done.code, done.out) == (0, "")


def test_a_last_line_that_is_not_whole_is_shown_and_bad_bytes_are_no_error(rla_command, record):
    run = record()
    with run.paths.text.open("ab") as file:
        file.write(b"\xff\x1b[2J torn")
    assert rla_command("logs", "last").lines[-1] == "\ufffd\\x1b[2J torn"


def follow(data_root):
    command = [sys.executable, "-u", "-m", "rla", "logs", "last", "-f", "--data-root", str(data_root)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_following_shows_new_lines_and_ends_with_the_run(data_root):
    run = rla.init("t", data_root=data_root)
    logger.info("first")
    with follow(data_root) as follower:
        assert follower.stdout.readline() == "first\n"
        logger.info("second")
        assert follower.stdout.readline() == "second\n"
        logger.info("third")
        run.close()
        assert follower.stdout.read() == "third\n"
        assert (follower.wait(HANGS), follower.stderr.read()) == (0, "")


def test_following_ends_when_the_run_is_killed(data_root):
    text = "import sys, time, rla; rla.init('t', data_root=sys.argv[1]); rla.logger.info('up'); time.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", text, str(data_root)]) as training:
        while not list(data_root.glob("log/t/*/*/*/*/log.txt")):
            assert training.poll() is None
        with follow(data_root) as follower:
            assert follower.stdout.readline() == "up\n"
            training.kill()
            training.wait()
            assert follower.wait(HANGS) == 0


def test_following_is_ended_by_ctrl_c(data_root):
    rla.init("t", data_root=data_root)
    logger.info("first")
    with follow(data_root) as follower:
        assert follower.stdout.readline() == "first\n"
        timer = threading.Timer(HANGS, follower.kill)
        timer.start()
        os.kill(follower.pid, signal.SIGINT)
        assert follower.wait() == 130
        timer.cancel()
        assert "Traceback" not in follower.stderr.read()
