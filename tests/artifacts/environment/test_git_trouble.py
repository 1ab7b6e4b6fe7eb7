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
from tests.processes import is_alive
from tests.timing import HANGS, wait_for, with_time_enough


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


def pids_in(directory: Path) -> list[int]:
    return [int(file.name) for file in directory.glob("[0-9]*")]


def all_gone(directory: Path) -> bool:
    """Whether every process that left its number here ends; a killed one may take a moment to."""
    return wait_for(lambda: not any(map(is_alive, pids_in(directory))))


@pytest.fixture
def marks(tmp_path: Path) -> Path:
    """Where the fake git leaves the numbers of its processes."""
    directory = tmp_path / "pids"
    directory.mkdir()
    return directory


MARK = (
    "import os, pathlib, signal, subprocess, sys, time\nmark = lambda: pathlib.Path({0!r}, str(os.getpid())).touch()\n"
)


def known_of_a_hanging_git(repository: Path, environ: dict[str, str], marks: Path, processes: int) -> dict:
    """What is known when the time of the four questions is up, once so many processes of them hang."""
    asked = GitCapture(repository, environ=environ)
    wait_for(lambda: len(pids_in(marks)) == processes)
    began = time.monotonic()
    known = asked.finish(began + 0.1)
    assert time.monotonic() - began < HANGS
    return known


def test_a_git_that_hangs_is_killed_in_time_and_the_field_says_so(repository, fake, marks):
    environ = fake(MARK.format(str(marks)) + "mark(); time.sleep(600)\n")
    assert known_of_a_hanging_git(repository, environ, marks, 4) == {"problems": ["git took too long"]}
    assert all_gone(marks)


def test_a_git_that_ignores_sigterm_is_killed_all_the_same(repository, fake, marks):
    environ = fake(MARK.format(str(marks)) + "signal.signal(15, signal.SIG_IGN); mark(); time.sleep(600)\n")
    known_of_a_hanging_git(repository, environ, marks, 4)
    assert all_gone(marks)


def test_the_children_of_a_git_that_hangs_are_killed_with_it(repository, fake, marks):
    environ = fake(
        MARK.format(str(marks))
        + "if os.fork() == 0:\n    mark(); time.sleep(600)\n"
        + "if os.fork() == 0:\n    os._exit(0)\n"
        + "mark(); time.sleep(600)\n"
    )
    known_of_a_hanging_git(repository, environ, marks, 8)
    assert all_gone(marks)


def test_a_git_that_ends_but_leaves_a_child_on_its_output_is_not_waited_for(repository, fake, marks):
    environ = fake(MARK.format(str(marks)) + "if os.fork() == 0:\n    mark(); time.sleep(600)\n")
    assert known_of_a_hanging_git(repository, environ, marks, 4) == {"problems": ["git took too long"]}
    assert all_gone(marks)


def test_only_the_slow_part_is_missing_when_one_question_hangs(repository, fake):
    real = shutil.which("git")
    environ = fake(
        f"""
        import os, sys, time
        if "diff" in sys.argv:
            time.sleep(600)
        os.execv({real!r}, sys.argv)
        """
    )
    known = with_time_enough(
        lambda seconds: capture(repository, environ=environ, timeout=seconds), lambda known: "commit" in known, 1.0
    )
    assert known["commit"] == git(repository, "rev-parse", "HEAD")
    assert known["problems"] == ["git diff took too long"]
    assert "dirty" not in known


def test_a_git_that_writes_without_end_is_stopped(repository, fake):
    environ = fake("import os\nwhile True: os.write(1, b'x' * 65536)\n")
    assert capture(repository, environ=environ, timeout=HANGS) == {"problems": ["git wrote too much"]}


def test_a_git_that_writes_nonsense_is_a_problem_and_no_error(repository, fake):
    assert capture(repository, environ=fake("print('hello'); print()")) == {"problems": ["git refuses: "]}


def test_without_git_that_is_all_there_is_to_say(repository, tmp_path):
    environ = {**ENVIRONMENT, "PATH": str(tmp_path)}
    assert capture(repository, environ=environ) == {"problems": ["git is not installed"]}


def test_a_cancelled_capture_leaves_no_process(repository, fake, marks):
    asked = GitCapture(repository, environ=fake(MARK.format(str(marks)) + "mark(); time.sleep(600)\n"))
    wait_for(lambda: len(pids_in(marks)) == 4)
    asked.cancel()
    assert all_gone(marks)
