"""The commit that jobs are started from."""

from __future__ import annotations

import subprocess

import pytest

from rla.batch.code_state import CodeState, repository_of

GIT = ("git", "-c", "user.name=Ada", "-c", "user.email=ada@example.org")


@pytest.fixture
def git(tmp_path):
    def run(*words: str, where=tmp_path / "repo") -> str:
        return subprocess.run([*GIT, *words], cwd=where, check=True, capture_output=True, text=True).stdout.strip()

    (tmp_path / "repo").mkdir()
    run("init", "-q")
    return run


def test_every_change_of_the_checked_out_commit_is_seen(git, tmp_path):
    state = CodeState(tmp_path / "repo", captures=False)
    assert state.commit() is None
    for step in (
        ("commit", "-qm", "1", "--allow-empty"),
        ("commit", "-qm", "2", "--allow-empty"),
        ("checkout", "-q", "--detach", "HEAD~1"),
        ("checkout", "-qb", "other"),
        ("pack-refs", "--all"),
        ("commit", "-qm", "3", "--allow-empty"),
    ):
        git(*step)
        assert state.commit() == git("rev-parse", "HEAD"), step


def test_a_work_tree_has_its_own_commit(git, tmp_path):
    git("commit", "-qm", "1", "--allow-empty")
    git("worktree", "add", "-q", str(tmp_path / "other"), "-b", "other")
    git("commit", "-qm", "2", "--allow-empty", where=tmp_path / "other")
    assert CodeState(tmp_path / "other", captures=False).commit() == git("rev-parse", "other")
    assert CodeState(tmp_path / "repo", captures=False).commit() == git("rev-parse", "HEAD")


def test_outside_of_a_repository_there_is_none(tmp_path):
    assert repository_of(tmp_path) is None
    assert CodeState(tmp_path, captures=False).commit() is None
    assert CodeState(tmp_path, captures=False).capture().git == {}


def test_a_capture_knows_changes_and_is_made_again_after_a_commit(git, tmp_path):
    (tmp_path / "repo/a.py").write_text("1")
    git("add", "-A")
    git("commit", "-qm", "1")
    state = CodeState(tmp_path / "repo")
    assert state.capture().git["dirty"] is False
    assert state.capture() is state.capture()
    (tmp_path / "repo/a.py").write_text("2")
    git("add", "-A")
    assert state.capture().git["dirty"] is True
    assert "environment" in state.capture().ready
