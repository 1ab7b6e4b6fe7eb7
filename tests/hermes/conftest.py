"""A git repository with scripts, and hermes in it: in this process and as a real one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from rla.fsio.file_lock import is_locked
from rla.hermes.hermesfile import HermesFile
from rla.hermes.job_line import JobLine
from rla.hermes.options import JobOptions
from rla.runs.database import Database
from rla.runs.run import Run
from rla_scripts.main import _run, group
from tests.indexes import open_database
from tests.timing import HANGS, wait_for

ROOT = Path(__file__).parents[2]
GIT = ("git", "-c", "user.name=Ada", "-c", "user.email=ada@example.org")

SEED = """\
PRE
threads:2
STD-H
-ca networks/cnn.py
STD-E
-gamma 0.995
--env cartpole
EXEC
[[python, train_dqn.py, -lr 0.001],[-ca train_dqn.py]]
[[python, train_ac.py, -lr_actor 0.003 -lr_critic 0.001],[-ca train_ac.py]]
"""
"""The example file of the document that asks for hermes."""


def jobs_in(file: HermesFile) -> Iterator[tuple[JobLine, JobOptions]]:
    """Every job of a hermes file with its options."""
    return (job for line in file.lines for job in file.jobs_of(line))


class Done(NamedTuple):
    """What a command left."""

    code: int
    out: str
    err: str


class Repository:
    """A directory with scripts, in which hermes is called."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def script(self, name: str, text: str) -> Path:
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text), encoding="utf-8")
        return file

    def hermes_file(self, *jobs: str, head: str = "", name: str = "a.hermes") -> Path:
        file = self.path / name
        file.write_text(f"{textwrap.dedent(head)}EXEC\n" + "\n".join(jobs) + "\n", encoding="utf-8")
        return file

    def git(self, *words: str) -> str:
        return subprocess.run([*GIT, *words], cwd=self.path, check=True, capture_output=True, text=True).stdout.strip()

    def commit(self) -> str:
        self.git("add", "-A")
        self.git("commit", "-qm", "all", "--allow-empty")
        return self.git("rev-parse", "HEAD")

    @property
    def tree(self) -> Path:
        return self.path / "experiments"

    def directories(self) -> list[Path]:
        """The directories of the experiments, the oldest first."""
        return sorted((file.parent for file in self.tree.rglob("run.json")), key=lambda path: path.name)

    def database(self) -> Database:
        return open_database(self.tree)

    def runs(self) -> list[Run]:
        """The oldest first."""
        return list(reversed(self.database().runs()))

    def states(self) -> list[str]:
        return [run.state for run in self.runs()]


@pytest.fixture
def repository(tmp_path, monkeypatch) -> Repository:
    """A git repository without scripts; commands run there."""
    place = tmp_path / "repo sitory"
    place.mkdir()
    monkeypatch.chdir(place)
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)  # what "python" means
    subprocess.run(["git", "init", "-q"], cwd=place, check=True)
    found = Repository(place)
    found.script("say.py", SAY)
    found.commit()
    return found


SAY = """
import os, sys, time, signal
from pathlib import Path
identifier, *words = sys.argv[1:]
print("said", *words)
print("complained", file=sys.stderr)
for word in words:
    name, _, value = word.partition("=")
    if name == "--exit":
        sys.exit(int(value))
    if name == "--sleep":
        time.sleep(float(value))
    if name == "--until":
        while not Path(value).exists():
            time.sleep(0.01)
    if name == "--kill":
        os.kill(os.getpid(), int(value))
    if name == "--touch":
        Path(value).touch()
    if name == "--fail-until":
        if not Path(value).exists():
            Path(value).touch()
            sys.exit(3)
"""


@pytest.fixture
def hermes(repository, capfd) -> Callable[..., Done]:
    """Run ``hermes exec -f a.hermes`` in this process; ``exec`` and the file may be replaced."""

    def run(*arguments: object, command: str = "exec") -> Done:
        capfd.readouterr()
        file = ["-f", "a.hermes"] if command == "exec" and "-f" not in arguments else []
        words = ["hermes", command, *file, *map(str, arguments)]
        code = _run(group, words)
        return Done(code, *capfd.readouterr())

    return run


class Process:
    """hermes as a process of its own."""

    def __init__(self, repository: Repository, *arguments: object, **environment: str) -> None:
        settings = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
        command = [sys.executable, "-m", "rla", "hermes", "exec", "-f", "a.hermes", *map(str, arguments)]
        descriptor, said = tempfile.mkstemp(prefix="said-", dir=repository.path.parent)
        self._said = Path(said)
        streams = {"stdout": subprocess.PIPE, "stderr": descriptor}
        self._process = subprocess.Popen(command, cwd=repository.path, env=settings, text=True, **streams)
        os.close(descriptor)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def signal(self, number: int = signal.SIGINT) -> None:
        self._process.send_signal(number)

    def end_now(self) -> None:
        for _ in range(2):
            if self._process.poll() is None:
                self.signal()
                time.sleep(0.2)
        with self._process:
            self._process.kill()

    def end(self) -> Done:
        out, _ = self._process.communicate(timeout=HANGS)
        return Done(self._process.returncode, out, self._said.read_text())

    def wait_until_it_says(self, text: str) -> None:
        wait_for(lambda: text in self._said.read_text())


@pytest.fixture
def started(repository) -> Any:
    """Start hermes as a process; what still runs at the end of the test is ended."""
    processes: list[Process] = []

    def start(*arguments: object, **environment: str) -> Process:
        processes.append(Process(repository, *arguments, **environment))
        return processes[-1]

    yield start
    for process in processes:
        process.end_now()
    for directory in repository.directories():
        if is_locked(directory / "run.json"):  # a job that a killed hermes has left
            os.killpg(json.loads((directory / "run.json").read_text())["pid"], signal.SIGKILL)
