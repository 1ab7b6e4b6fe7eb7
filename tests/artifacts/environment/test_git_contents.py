"""What is kept of a working tree: enough to make it again, and a name for all the rest."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.artifacts.environment.repositories import capture, git, named, new_repository, rebuilt, tree_of

ODD_NAMES = ['quote "and" \\ back', "new\nline", "tab\there", "ünïcode", b"raw \xff byte", "-dash", " space ", "a b.py"]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return new_repository(tmp_path)


# --- the same tree again


def test_the_commit_and_the_patch_give_the_same_tree(repository, tmp_path):
    (repository / "gone.py").write_text("g\n")
    (repository / "becomes a link").write_text("x\n")
    (repository / "latin.py").write_bytes(b"# \xe9t\xe9\n")
    git(repository, "add", ".")
    git(repository, "commit", "-m", "second")
    (repository / "gone.py").unlink()
    (repository / "becomes a link").unlink()
    (repository / "becomes a link").symlink_to("train.py")
    (repository / "latin.py").write_bytes(b"# \xe9t\xe9 \xff\r\nno newline at the end")
    (repository / "train.py").write_text("a = 1\n" * 9 + "a = 2\n")
    (repository / "src" / "agent.py").chmod(0o755)
    (repository / "new").mkdir()
    (repository / "new" / "script.sh").write_text("#!/bin/sh\n")
    (repository / "new" / "script.sh").chmod(0o755)
    (repository / "new" / "empty.py").touch()
    (repository / "new" / "dangling").symlink_to("nowhere")
    (repository / "new" / "crlf.txt").write_bytes(b"one\r\n\r\ntwo")
    (repository / "new" / "no newline").write_text("x")
    (repository / "added.py").write_text("added\n")
    git(repository, "add", "added.py")
    known = capture(repository)
    assert not {"left_out", "redacted", "problems"} & set(known)
    assert rebuilt(repository, known, tmp_path / "again") == tree_of(repository)


@pytest.mark.parametrize("tracked", [True, False])
def test_odd_names_come_back_as_they_were(repository, tmp_path, tracked):
    for name in ODD_NAMES:
        (repository / named(name)).write_text("one\n")
    if tracked:
        git(repository, "add", ".")
        git(repository, "commit", "-m", "odd")
        for name in ODD_NAMES:
            (repository / named(name)).write_text("two\n")
    known = capture(repository)
    assert rebuilt(repository, known, tmp_path / "again") == tree_of(repository)


# --- what is left out


def reasons(known: dict) -> dict[str, str]:
    return {entry["path"]: entry["reason"] for entry in known["left_out"]}


def test_binary_files_are_named_with_their_size(repository):
    (repository / "image.png").write_bytes(b"\x89PNG\0\0")
    git(repository, "add", ".")
    (repository / "weights.bin").write_bytes(b"\0" * 100)
    known = capture(repository)
    assert known["left_out"] == [
        {"path": "image.png", "reason": "binary", "size": 6},
        {"path": "weights.bin", "reason": "binary", "size": 100},
    ]


def test_a_large_file_and_a_large_change_are_named_and_the_rest_is_kept(repository, tmp_path):
    (repository / "train.py").write_text("x = 1\n" * 20_000)
    (repository / "src" / "agent.py").write_text("b = 2\n")
    (repository / "data.csv").write_text("1,2\n" * 30_000)
    (repository / "small.py").write_text("s\n")
    known = capture(repository)
    assert reasons(known) == {"train.py": "larger than 64 KiB", "data.csv": "larger than 64 KiB"}
    again = rebuilt(repository, known, tmp_path / "again")
    assert (again["src/agent.py"][1], again["small.py"][1]) == (b"b = 2\n", b"s\n")


def test_all_together_stay_below_their_limit_and_small_files_come_first(repository):
    for number in range(10):
        (repository / f"f{number}.txt").write_text("x" * 50_000)
    (repository / "z.py").write_text("z\n")
    known = capture(repository)
    assert sum(len(entry["text"]) for entry in known["untracked"]) <= 256 * 1024
    assert "z.py" in [entry["path"] for entry in known["untracked"]]
    assert set(reasons(known).values()) == {"more than 256 KiB in all"}


def test_of_very_many_files_some_are_kept_some_named_and_the_others_counted(repository):
    for number in range(500):
        (repository / f"f{number}").touch()
    known = capture(repository)
    assert (len(known["untracked"]), len(known["left_out"]), known["left_out_more"]) == (200, 200, 100)


def test_a_repository_in_the_repository_is_named_and_not_entered(repository):
    (repository / "nested").mkdir()
    git(repository / "nested", "init")
    (repository / "nested" / "x").touch()
    assert reasons(capture(repository)) == {"nested/": "a repository of its own"}


@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root can read everything")
def test_an_unreadable_file_is_named(repository):
    (repository / "locked.py").write_text("x")
    (repository / "locked.py").chmod(0)
    assert reasons(capture(repository)) == {"locked.py": "permission denied"}


def test_a_pipe_stops_nothing(repository):
    os.mkfifo(repository / "pipe")
    assert capture(repository, timeout=90.0)["dirty"] in (True, False)
