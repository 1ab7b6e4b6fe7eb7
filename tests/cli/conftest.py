"""The command line, in this process and as real ones."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import select
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import rla
from rla import logger, time_step_holder
from rla_scripts.main import _run, group
from tests.timing import HANGS


class Done(NamedTuple):
    """What a command left."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def empty(tmp_path, monkeypatch):
    """A directory without a database; the commands run there."""
    place = tmp_path / "empty"
    place.mkdir()
    monkeypatch.chdir(place)
    return place


@pytest.fixture
def command(empty, capsys):
    """Run a command in this process, as ``main`` does."""

    def run(*arguments: object) -> Done:
        capsys.readouterr()
        code = _run(group, [str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return Done(code, out, err)

    return run


@pytest.fixture
def rla_command(command, data_root):
    """Run a command on the data root."""
    return lambda *arguments: command(*arguments, "--data-root", data_root)


@pytest.fixture
def process(empty, data_root):
    """Run a command as a process of its own, on the data root."""

    def run(*arguments: object, **environment: str) -> Done:
        command = [sys.executable, "-m", "rla", *map(str, arguments), "--data-root", str(data_root)]
        settings = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **environment}
        done = subprocess.run(command, capture_output=True, text=True, timeout=HANGS, check=False, env=settings)
        return Done(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def record(data_root):
    """Record a whole run of two dumps."""

    def run(task: str = "demo", **hyperparameters: object) -> rla.easy_log.active_run.ActiveRun:
        with rla.init(task, hyperparameters, track=sorted(hyperparameters), data_root=data_root) as run:
            for step in (10, 20):
                time_step_holder.set_time(step)
                logger.record_tabular("reward", step / 2)
                logger.dump_tabular()
            logger.info("the end")
        return run

    return run


@pytest.fixture
def trained(data_root):
    """A run that has ended at a time step, with something in its heavy kinds."""

    def run(task: str = "demo", step: int = 50, **hyperparameters: object) -> rla.easy_log.active_run.ActiveRun:
        with rla.init(task, hyperparameters, track=sorted(hyperparameters), data_root=data_root) as run:
            time_step_holder.set_time(step)
            logger.record_tabular("reward", step / 2)
            logger.dump_tabular()
            for kind in ("checkpoint", "tmp_data"):
                directory = run.paths.directory(kind)
                directory.mkdir(parents=True, exist_ok=True)
                run.paths.marker(kind).write_text(f"{run.uid}\n", encoding="ascii")
                (directory / "weights.bin").write_bytes(os.urandom(3000))
        return run

    return run


TRAINING = """
import os, sys, time, rla
run = rla.init(sys.argv[2], {"seed": 99}, track=["seed"], data_root=sys.argv[1])
rla.time_step_holder.set_time(int(sys.argv[3]))
rla.logger.record_tabular("reward", 1.0)
rla.logger.dump_tabular()
print(run.uid, flush=True)
sys.stdin.read() if sys.argv[4] == "wait" else os.kill(os.getpid(), 9)
"""


def training(data_root: Path, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", TRAINING, str(data_root), *map(str, arguments)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


@pytest.fixture
def going(data_root):
    """A run that is being recorded by another process at step 50, until the test ends; its uid."""
    with training(data_root, "demo", 50, "wait") as process:
        yield process.stdout.readline().strip()
        process.stdin.close()


@pytest.fixture
def killed(data_root):
    """Record a run that is killed by SIGKILL at a time step; its uid."""

    def run(step: int, task: str = "demo") -> str:
        with training(data_root, task, step, "die") as process:
            return process.stdout.readline().strip()

    return run


ON_A_TERMINAL = """
import fcntl, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
from rla_scripts.main import main
main()
"""


CTRL_C = "\x03"


def _read(terminal: int, *, again: str) -> bytes:
    """What is shown next. Python misses a Ctrl-C between its question and its wait: a person presses it again."""
    while again and not select.select([terminal], [], [], 1.0)[0]:
        os.write(terminal, again.encode())
    return os.read(terminal, 65536)


@pytest.fixture
def terminal(empty, data_root):
    """Run a command on a terminal of 80 columns, type something when it asks, run Python text first."""

    def run(*arguments: object, typed: str = "", first: str = "") -> Done:
        command = [
            sys.executable,
            "-c",
            f"{first}\n{ON_A_TERMINAL}",
            *map(str, arguments),
            "--data-root",
            str(data_root),
        ]
        settings = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "COLUMNS": "80", "TERM": "xterm"}
        ours, side = pty.openpty()
        streams = {"stdin": side, "stdout": side, "stderr": side}
        with subprocess.Popen(command, **streams, env=settings, start_new_session=True) as process:
            os.close(side)
            shown, asked = b"", False
            watchdog = threading.Timer(HANGS, process.kill)
            watchdog.start()
            with contextlib.suppress(OSError):  # the other side is closed: the command has ended
                while chunk := _read(ours, again=CTRL_C if asked and typed == CTRL_C else ""):
                    shown += chunk
                    if typed and not asked and b"? [y/N]: " in shown:
                        os.write(ours, typed.encode())
                        asked = True
            os.close(ours)
            process.wait()
            watchdog.cancel()
        return Done(process.returncode, shown.decode().replace("\r\n", "\n"), "")

    return run


BREAK_OFF = """
import os, signal, subprocess, sys
from rla_scripts import main
real, seen = os.rename, 0
def rename(*arguments, **options):
    global seen
    real(*arguments, **options)
    seen += 1
    if seen == int(sys.argv[1]):
        if sys.argv[2] == "twice":
            again = f"import os, time; [(os.kill({os.getpid()}, 2), time.sleep(0.002)) for _ in range(500)]"
            subprocess.Popen([sys.executable, "-c", again], stderr=subprocess.DEVNULL)
        os.kill(os.getpid(), signal.SIGINT if sys.argv[2] != "kill" else signal.SIGKILL)
os.rename = rename
main.main(sys.argv[3:])
"""


@pytest.fixture
def broken_off(empty, data_root):
    """Run a command that gets Ctrl-C, many of them, or SIGKILL, right after one of its renames."""

    def run(at: int, how: str, *arguments: object) -> Done:
        command = [sys.executable, "-c", BREAK_OFF, str(at), how, *map(str, arguments), "--data-root", str(data_root)]
        settings = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        done = subprocess.run(command, capture_output=True, text=True, timeout=HANGS, check=False, env=settings)
        return Done(done.returncode, done.stdout, done.stderr)

    return run
