"""A git that hangs, floods, or is not there."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
import time
from pathlib import Path

import pytest

from rla.artifacts.environment.git_state import GitCapture
from tests.artifacts.environment.repositories import ENVIRONMENT, capture, git, new_repository


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return new_repository(tmp_path)


@pytest.fixture
def fake(tmp_path: Path):
    """An environment in which ``git`` is a script."""

    def make(text: str) -> dict[str, str]:
        directory = tmp_path / "fake"
        directory.mkdir()
        program = directory / "git"
        program.write_text(f"#!{sys.executable}\n" + textwrap.dedent(text))
        program.chmod(0o755)
        return {**ENVIRONMENT, "PATH": f"{directory}{os.pathsep}{os.environ['PATH']}"}

    return make


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def pids_in(directory: Path) -> list[int]:
    return [int(file.name) for file in directory.glob("[0-9]*")]


def all_gone(directory: Path) -> bool:
    """Whether every process that left its number here ends; a killed one may take a moment to."""
    deadline = time.monotonic() + 5.0
    while any(map(is_alive, pids_in(directory))) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not any(map(is_alive, pids_in(directory)))


@pytest.fixture
def marks(tmp_path: Path) -> Path:
    """Where the fake git leaves the numbers of its processes."""
    directory = tmp_path / "pids"
    directory.mkdir()
    return directory


MARK = (
    "import os, pathlib, signal, subprocess, sys, time\nmark = lambda: pathlib.Path({0!r}, str(os.getpid())).touch()\n"
)


def test_a_git_that_hangs_is_killed_in_time_and_the_field_says_so(repository, fake, marks):
    environ = fake(MARK.format(str(marks)) + "mark(); time.sleep(60)\n")
    began = time.monotonic()
    assert capture(repository, environ=environ, timeout=1.0) == {"problems": ["git took too long"]}
    assert time.monotonic() - began < 3.0
    assert all_gone(marks)


def test_a_git_that_ignores_sigterm_is_killed_all_the_same(repository, fake, marks):
    environ = fake(MARK.format(str(marks)) + "signal.signal(15, signal.SIG_IGN); mark(); time.sleep(60)\n")
    capture(repository, environ=environ, timeout=1.0)
    assert all_gone(marks)


def test_the_children_of_a_git_that_hangs_are_killed_with_it(repository, fake, marks):
    environ = fake(
        MARK.format(str(marks))
        + "if os.fork() == 0:\n    mark(); time.sleep(60)\n"
        + "if os.fork() == 0:\n    os._exit(0)\n"
        + "mark(); time.sleep(60)\n"
    )
    capture(repository, environ=environ, timeout=1.5)
    assert len(pids_in(marks)) >= 2
    assert all_gone(marks)


def test_a_git_that_ends_but_leaves_a_child_on_its_output_is_not_waited_for(repository, fake, marks):
    environ = fake(MARK.format(str(marks)) + "if os.fork() == 0:\n    mark(); time.sleep(60)\n")
    began = time.monotonic()
    known = capture(repository, environ=environ, timeout=1.0)
    assert time.monotonic() - began < 3.0
    assert known == {"problems": ["git took too long"]}
    assert all_gone(marks)


def test_only_the_slow_part_is_missing_when_one_question_hangs(repository, fake):
    real = shutil.which("git")
    environ = fake(
        f"""
        import os, sys, time
        if "diff" in sys.argv:
            time.sleep(60)
        os.execv({real!r}, sys.argv)
        """
    )
    known = capture(repository, environ=environ, timeout=1.5)
    assert known["commit"] == git(repository, "rev-parse", "HEAD")
    assert known["problems"] == ["git diff took too long"]
    assert "dirty" not in known


def test_a_git_that_writes_without_end_is_stopped(repository, fake):
    environ = fake("import os\nwhile True: os.write(1, b'x' * 65536)\n")
    began = time.monotonic()
    assert capture(repository, environ=environ, timeout=20.0) == {"problems": ["git wrote too much"]}
    assert time.monotonic() - began < 10.0


def test_a_git_that_writes_nonsense_is_a_problem_and_no_error(repository, fake):
    assert capture(repository, environ=fake("print('hello'); print()")) == {"problems": ["git refuses: "]}


def test_without_git_that_is_all_there_is_to_say(repository, tmp_path):
    environ = {**ENVIRONMENT, "PATH": str(tmp_path)}
    assert capture(repository, environ=environ) == {"problems": ["git is not installed"]}


def test_a_cancelled_capture_leaves_no_process(repository, fake, marks):
    asked = GitCapture(repository, environ=fake(MARK.format(str(marks)) + "mark(); time.sleep(60)\n"))
    time.sleep(0.3)
    asked.cancel()
    assert all_gone(marks)
