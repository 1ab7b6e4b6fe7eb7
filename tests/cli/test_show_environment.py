"""What ``rla show --env`` and ``rla show --diff`` print of a recorded run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rla.artifacts.environment.capture import EnvironmentCapture
from rla.core import json_codec
from rla_scripts.show_environment import missing_from, show_environment
from tests.artifacts.environment.repositories import git, small_repository

PRINT = """
import sys
from pathlib import Path
from rla.core import json_codec
from rla_scripts.show_environment import show_diff, show_environment

{"--diff": show_diff, "--env": show_environment}[sys.argv[2]](json_codec.loads(Path(sys.argv[1]).read_bytes()))
"""
ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}


def printed(tmp_path: Path, record: dict, option: str) -> subprocess.CompletedProcess[bytes]:
    """What a process prints into a pipe."""
    file = tmp_path / "run.json"
    file.write_text(json_codec.dumps(record), encoding="utf-8")
    command = [sys.executable, "-c", PRINT, str(file), option]
    return subprocess.run(command, capture_output=True, check=True, env=ENVIRONMENT)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return small_repository(tmp_path)


def test_the_printed_diff_gives_the_same_tree_in_a_clone(repository, tmp_path):
    changed = b"# \xe9 \x1b[31m\r\na = 2"
    (repository / "train.py").write_bytes(changed)
    (repository / "new.py").write_text("n = 1\n")
    known, environment = EnvironmentCapture(repository).finish(30.0)
    patch = printed(tmp_path, {"git": known, "environment": environment}, "--diff")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", str(repository), str(clone))
    subprocess.run(["git", "apply"], input=patch.stdout, cwd=clone, check=True, capture_output=True)
    assert (clone / "train.py").read_bytes() == changed
    assert (clone / "new.py").read_text() == "n = 1\n"
    assert patch.stderr == b""


def test_what_the_patch_lacks_is_told_on_stderr(tmp_path):
    known = {
        "commit": "c",
        "diff": "diff --git a/x b/x\n",
        "left_out": [{"path": "w.bin", "reason": "binary", "size": 7}],
        "left_out_more": 3,
        "redacted": ["conf.yaml"],
        "submodules": {"lib": {"commit": "abc", "dirty": True}},
        "problems": ["git ls-files took too long"],
    }
    done = printed(tmp_path, {"git": known}, "--diff")
    assert done.stdout == b"diff --git a/x b/x\n"
    assert done.stderr.decode().splitlines() == [
        "not known: git ls-files took too long",
        "left out: w.bin (binary, 7 bytes)",
        "left out: 3 more",
        "secrets masked in: conf.yaml",
        "submodule not in the patch: lib at abc, with changes of its own",
    ]


@pytest.mark.parametrize(
    ("known", "told"), [({"commit": "c"}, "no changes were recorded\n"), ({}, "no commit was recorded\n")]
)
def test_without_a_patch_it_says_so(tmp_path, known, told):
    done = printed(tmp_path, {"git": known}, "--diff")
    assert (done.stdout, done.stderr.decode()) == (b"", told)


def test_on_a_terminal_nothing_in_a_patch_moves_the_cursor(tmp_path):
    import pty

    file = tmp_path / "run.json"
    file.write_text(
        json_codec.dumps({"git": {"commit": "c", "diff": "+a\tb \x1b]0;owned\x07 \u202e\n"}}), encoding="utf-8"
    )
    reader, writer = pty.openpty()
    subprocess.run([sys.executable, "-c", PRINT, str(file), "--diff"], stdout=writer, check=True, env=ENVIRONMENT)
    os.close(writer)
    shown = os.read(reader, 4096).decode()
    os.close(reader)
    assert shown == "+a\tb \\x1b]0;owned\\x07 \\u202e\r\n"


def test_the_environment_is_printed_section_by_section(repository, tmp_path):
    (repository / "new.py").write_text("n = 1\n")
    known, environment = EnvironmentCapture(repository).finish(30.0)
    environment["gpus"] = [{"name": "NVIDIA T4", "memory": 15360 << 20}]
    text = printed(
        tmp_path, {"git": known, "environment": environment, "argv": ["train.py", "a b"]}, "--env"
    ).stdout.decode()
    titles = [line for line in text.splitlines() if line and not line.startswith(" ")]
    assert titles[:2] == ["git", "run"]
    assert {"python", "platform", "cpu", "memory", "gpus", "packages"} <= set(titles)
    assert known["commit"] in text
    assert "train.py 'a b'" in text
    assert "name NVIDIA T4, memory 15360 MiB" in text
    assert "untracked  1" in text


def test_a_run_without_environment_prints_what_there_is(tmp_path):
    assert printed(tmp_path, {"argv": ["x.py"]}, "--env").stdout.decode().split() == ["run", "argv", "x.py"]


@pytest.mark.parametrize("wrong", [3, "x", [1], {"a": [3, None]}, None])
def test_a_record_of_the_wrong_shape_prints_without_an_error(wrong, capsys):
    show_environment({"git": wrong, "environment": wrong, "argv": wrong})
    assert missing_from({"left_out": wrong, "submodules": wrong, "redacted": [], "problems": wrong}) is not None
