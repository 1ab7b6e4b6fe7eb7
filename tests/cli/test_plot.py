"""rla plot."""

from __future__ import annotations

import csv
import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

import rla
from rla import logger, time_step_holder
from tests.timing import HANGS

TRAINING = """
import sys, time, rla
with rla.init("demo", {"lr": 0.5, "seed": 9}, data_root=sys.argv[1], log_used=["csv"]):
    for step in range(int(sys.argv[2])):
        rla.time_step_holder.set_time(step)
        rla.logger.record_tabular("reward", float(step))
        rla.logger.dump_tabular()
        print(step, flush=True)
        time.sleep(0.05)
    sys.stdin.read() if len(sys.argv) > 3 else None
"""


@pytest.fixture
def trained_twice(data_root):
    """Two learning rates and three seeds."""
    for lr in (0.1, 0.01):
        for seed in range(3):
            with rla.init("demo", {"lr": lr, "seed": seed}, data_root=data_root, log_used=["csv"]):
                for step in range(20):
                    time_step_holder.set_time(step)
                    logger.record_tabular("reward", lr * step + seed)
                    logger.dump_tabular()


def training(data_root: Path, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", TRAINING, str(data_root), *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)


@pytest.mark.parametrize(("ending", "begin"), [("pdf", b"%PDF"), ("png", b"\x89PNG"), ("svg", b"<?xml")])
def test_a_figure_is_written_in_the_format_of_its_name(rla_command, trained_twice, tmp_path, ending, begin):
    path = tmp_path / f"curves.{ending}"
    done = rla_command("plot", "--task", "demo", "--metric", "reward", "--group-by", "lr", "-o", path)
    assert (done.code, done.out, done.err) == (0, "", f"wrote {path}\n")
    assert path.read_bytes().startswith(begin)


def test_the_looks_reach_the_figure(rla_command, trained_twice, tmp_path):
    path = tmp_path / "curves.svg"
    looks = ["--title", "My title", "--xlabel", "steps", "--ylabel", "points", "--size", "5,3", "--markers", "--log"]
    limits = ["--xlim", "1,10", "--ylim", "0.5,4", "--band", "minmax", "--estimate", "median", "--legend", "outside"]
    assert rla_command("plot", "--metric", "reward", *looks, *limits, "-o", path).code == 0
    drawn = path.read_text(encoding="utf-8")
    for text in ("My title", "steps", "points", "median and lowest to highest", "lr=0.1 (n=3)"):
        assert f"<!-- {text} -->" in drawn


def test_the_numbers_are_written_as_csv_and_printed_as_json(rla_command, trained_twice, tmp_path):
    path = tmp_path / "numbers.csv"
    done = rla_command("plot", "--metric", "reward", "--one-group", "--seeds", "none", "--data", path, "--json")
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(done.json) == len(rows) == 20
    assert done.json[0].keys() == rows[0].keys() == {"panel", "metric", "group", "x", "estimate", "low", "high", "n"}
    assert (done.json[0]["estimate"], done.json[0]["n"], rows[0]["estimate"], rows[0]["n"]) == (1.0, 6, "1.0", "6")


def test_without_a_file_it_draws_plain_characters(rla_command, trained_twice):
    done = rla_command("plot", "--metric", "reward")
    assert done.code == 0
    assert done.lines[0] == "reward: mean, 95 % bootstrap interval"
    assert [line[:16] for line in done.lines[-3:-1]] == ["* lr=0.01 (n=3):", "o lr=0.1 (n=3): "]


def test_what_is_there_is_replaced_only_when_told_to(rla_command, trained_twice, tmp_path):
    path = tmp_path / "curves.png"
    path.write_text("mine", encoding="ascii")
    done = rla_command("plot", "--metric", "reward", "-o", path)
    assert (done.code, path.read_text(encoding="ascii")) == (1, "mine")
    assert "--force" in done.err
    assert rla_command("plot", "--metric", "reward", "-o", path, "--force").code == 0
    assert path.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["--metric", "rewrd"], 1, "did you mean reward"),
        (["--metric", "reward", "--group-by", "lrr"], 1, "did you mean lr"),
        (["--metric", "reward", "--task", "nosuch"], 3, "no runs"),
        (["--metric", "reward", "--band", "sd"], 1, "choose one of ci95"),
        (["--metric", "reward", "--smooth", "box"], 1, "ema:5000"),
        (["--metric", "reward", "-o", "curves.docx"], 1, "a figure's file ends in .png"),
        (["--metric", "reward", "--xlim", "1"], 2, "two numbers"),
        (["--metric", "reward", "--where", "lr <"], 2, "rla: "),
        (["--metric", "reward", "--seeds", "sed"], 1, "did you mean seed"),
        (["--metric", "reward", "--live", "--json"], 2, "neither --data nor --json"),
        (["--metric", "reward", "--live", "--data", "a.csv"], 2, "neither --data nor --json"),
        ([], 2, "--metric"),
    ],
)
def test_what_cannot_be_drawn_is_told_in_a_line(rla_command, trained_twice, arguments, code, told):
    done = rla_command("plot", *arguments)
    assert (done.code, done.out) == (code, "")
    assert told in done.err


def test_runs_that_are_left_out_are_told_on_stderr(rla_command, trained_twice, data_root):
    with rla.init("demo", {"lr": 0.1, "seed": 7}, data_root=data_root, log_used=["csv"]) as run:
        logger.record_tabular("other", 1)
        logger.dump_tabular()
    done = rla_command("plot", "--metric", "reward", "--json")
    assert f"note: run {run.uid[:8]}: left out of reward" in done.err
    assert {row["n"] for row in done.json} == {3}


def test_a_name_cannot_move_the_cursor(rla_command, data_root):
    for text in ("\x1b[2J", "\u202e"):
        with rla.init("demo", {"k": text}, data_root=data_root, log_used=["csv"]):
            logger.record_tabular("a\x1b[0m", 1)
            logger.dump_tabular()
    done = rla_command("plot", "--metric", "a\x1b[0m")
    assert done.code == 0
    assert all(char.isprintable() for line in done.lines for char in line)


def test_live_in_a_pipe_draws_until_no_run_goes_on(empty, data_root):
    command = [sys.executable, "-m", "rla", "plot", "--metric", "reward", "--live", "--interval", "0.2"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONUNBUFFERED": "1"}
    reached: list[float] = []
    with training(data_root, 2000) as process:
        process.stdout.readline()
        files = ["--data-root", str(data_root)]
        with subprocess.Popen([*command, *files], stdout=subprocess.PIPE, text=True, env=environment) as drawing:
            for line in drawing.stdout:
                reached += [float(step) for step in re.findall(r" at ([\d.]+)$", line)]
                if len(set(reached)) == 3 and process.poll() is None:
                    process.kill()
                    process.wait()
            assert drawing.wait(HANGS) == 0
    assert len(set(reached)) >= 3
    assert reached == sorted(reached)


def test_live_into_a_file_replaces_it_as_the_runs_grow(empty, data_root, tmp_path):
    path = tmp_path / "curves.png"
    command = [
        sys.executable,
        "-m",
        "rla",
        "plot",
        "--metric",
        "reward",
        "--live",
        "--interval",
        "0.2",
        "-o",
        str(path),
    ]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with training(data_root, 2000) as process:
        process.stdout.readline()
        with subprocess.Popen([*command, "--data-root", str(data_root)], env=environment) as drawing:
            deadline, seen = time.monotonic() + HANGS, set()
            while len(seen) < 2 and time.monotonic() < deadline:
                if path.exists():
                    content = path.read_bytes()
                    seen.add(content)
                    assert content.startswith(b"\x89PNG")
                    assert content.endswith(b"IEND\xaeB`\x82")
                time.sleep(0.05)
            process.kill()
            process.wait()
            try:
                assert drawing.wait(HANGS) == 0  # a run that was killed does not go on
            finally:
                drawing.kill()
    assert len(seen) == 2
    with Image.open(path) as image:
        assert image.width > 300


def test_live_on_a_terminal_redraws_in_place_until_ctrl_c(empty, data_root):
    with training(data_root, 20, "wait") as process:
        for _ in range(3):
            process.stdout.readline()
        main, side = pty.openpty()
        command = [sys.executable, "-m", "rla", "plot", "--metric", "reward", "--live", "--interval", "0.2"]
        environment = {
            **os.environ,
            "COLUMNS": "60",
            "LINES": "20",
            "TERM": "xterm",
            "PYTHONPATH": str(Path(__file__).parents[2]),
        }
        drawing = subprocess.Popen(
            [*command, "--data-root", str(data_root)], stdin=side, stdout=side, stderr=side, env=environment
        )
        seen, deadline = "", time.monotonic() + HANGS
        while seen.count("all runs (n=1)") < 3 and time.monotonic() < deadline:
            seen += os.read(main, 65536).decode()
        drawing.send_signal(signal.SIGINT)
        assert drawing.wait(HANGS) == 130
        os.close(side)
        os.close(main)
        process.communicate("")
    assert seen.count("all runs (n=1)") >= 3
    assert "\x1b[" in seen


def test_live_into_a_file_says_once_why_there_is_none_yet(empty, data_root, tmp_path):
    command = [sys.executable, "-m", "rla", "plot", "--metric", "rewrd", "--live", "--interval", "0.1"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with training(data_root, 20) as process:
        process.stdout.readline()
        files = ["-o", str(tmp_path / "curves.png"), "--data-root", str(data_root)]
        done = subprocess.run(
            [*command, *files], capture_output=True, text=True, timeout=HANGS, env=environment, check=False
        )
        process.communicate()
    assert done.returncode == 3
    assert len(done.stderr.splitlines()) == 1
    assert "did you mean reward" in done.stderr
    assert not (tmp_path / "curves.png").exists()


@pytest.mark.parametrize("into_a_file", [True, False])
def test_live_tells_at_its_end_what_the_last_picture_lacks(
    rla_command, trained_twice, data_root, tmp_path, into_a_file
):
    run = rla.query(data_root)[0]
    run.paths.csv.write_text("reward,time-step,timestamp\n1,0,0,0,0,0\n", encoding="ascii")
    output = ["-o", tmp_path / "curves.png"] if into_a_file else []
    done = rla_command("plot", "--metric", "reward", "--live", *output)
    assert done.code == 0
    assert done.err.count(f"note: run {run.uid[:8]}: left out: its progress.csv cannot be read") == 1


def test_live_without_a_value_says_so(rla_command, data_root):
    with rla.init("demo", {}, data_root=data_root, log_used=["csv"]):
        pass
    done = rla_command("plot", "--metric", "reward", "--live")
    assert done.code == 3
    assert "no run recorded 'reward'" in done.err
    assert json.loads(rla_command("ls", "--json").out)[0]["state"] == "finished"
