"""What git tells of real repositories of every kind."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.artifacts.environment.repositories import ENVIRONMENT, capture, git, new_repository


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return new_repository(tmp_path)


# --- what is known


def test_a_clean_repository_has_a_commit_a_branch_and_no_changes(repository):
    known = capture(repository)
    assert known == {
        "commit": git(repository, "rev-parse", "HEAD"),
        "branch": "main",
        "root": str(repository.resolve()),
        "dirty": False,
    }


def test_a_changed_file_makes_it_dirty_and_stands_in_the_diff(repository):
    (repository / "train.py").write_text("a = 2\n" * 10)
    known = capture(repository)
    assert known["dirty"] is True
    assert "+a = 2" in known["diff"]


def test_a_staged_file_stands_in_the_diff(repository):
    (repository / "new.py").write_text("c = 1\n")
    git(repository, "add", "new.py")
    known = capture(repository)
    assert "+c = 1" in known["diff"]
    assert "untracked" not in known


def test_an_untracked_file_is_kept_and_makes_it_dirty(repository):
    (repository / "new.py").write_text("c = 1\n")
    known = capture(repository)
    assert known["dirty"] is True
    assert known["untracked"] == [{"path": "new.py", "mode": "100644", "text": "c = 1\n"}]


def test_an_ignored_file_is_not_kept(repository):
    (repository / ".gitignore").write_text("*.log\n")
    (repository / "a.log").write_text("x")
    assert [entry["path"] for entry in capture(repository)["untracked"]] == [".gitignore"]


def test_a_touched_file_is_no_change_and_the_index_is_left_alone(repository):
    os.utime(repository / "train.py", (1, 1))
    index = (repository / ".git" / "index").read_bytes()
    assert capture(repository)["dirty"] is False
    assert (repository / ".git" / "index").read_bytes() == index


def test_the_whole_repository_counts_when_the_project_is_a_directory_of_it(repository):
    (repository / "train.py").write_text("a = 3\n")
    (repository / "top.py").write_text("t\n")
    known = capture(repository / "src")
    assert "+a = 3" in known["diff"]
    assert [entry["path"] for entry in known["untracked"]] == ["top.py"]
    assert known["root"] == str(repository.resolve())


def test_nothing_below_the_data_root_is_kept_nor_makes_it_dirty(repository):
    root = repository / "my [runs]*"
    (root / "log").mkdir(parents=True)
    (root / "log" / "x.txt").write_text("x")
    assert capture(repository, never=[root])["dirty"] is False


# --- every kind of repository


def test_a_repository_without_commits_keeps_all_its_files(tmp_path):
    git(tmp_path, "init")
    (tmp_path / "staged.py").write_text("s\n")
    (tmp_path / "other.py").write_text("o\n")
    git(tmp_path, "add", "staged.py")
    known = capture(tmp_path)
    assert "commit" not in known
    assert known["branch"] == "main"
    assert [entry["path"] for entry in known["untracked"]] == ["other.py", "staged.py"]
    assert known["dirty"] is True


def test_a_detached_head_has_no_branch(repository):
    git(repository, "checkout", "--detach")
    known = capture(repository)
    assert "branch" not in known
    assert known["commit"] == git(repository, "rev-parse", "HEAD")


def test_a_worktree_tells_its_own_branch_and_changes(repository, tmp_path):
    git(repository, "worktree", "add", "-b", "side", str(tmp_path / "side"))
    (tmp_path / "side" / "train.py").write_text("side\n")
    known = capture(tmp_path / "side")
    assert known["branch"] == "side"
    assert "+side" in known["diff"]
    assert capture(repository)["dirty"] is False


def test_a_submodule_is_named_with_its_commit_and_its_own_changes(repository, tmp_path):
    outer = tmp_path / "outer"
    outer.mkdir()
    git(outer, "init")
    git(outer, "submodule", "add", str(repository), "lib")
    git(outer, "commit", "-m", "outer")
    (outer / "lib" / "train.py").write_text("changed\n")
    known = capture(outer)
    assert known["submodules"] == {"lib": {"commit": git(repository, "rev-parse", "HEAD"), "dirty": True}}
    assert "diff" not in known


def test_a_run_inside_a_submodule_knows_the_submodule(repository, tmp_path):
    outer = tmp_path / "outer"
    outer.mkdir()
    git(outer, "init")
    git(outer, "submodule", "add", str(repository), "lib")
    git(outer, "commit", "-m", "outer")
    known = capture(outer / "lib")
    assert (known["root"], known["dirty"]) == (str((outer / "lib").resolve()), False)


def test_a_bare_repository_has_a_commit_and_no_files(repository, tmp_path):
    git(tmp_path, "clone", "--bare", str(repository), "bare.git")
    known = capture(tmp_path / "bare.git")
    assert known["commit"] == git(repository, "rev-parse", "HEAD")
    assert known["problems"] == ["this is a bare repository: it has no files to compare"]


def test_outside_a_repository_that_is_all_there_is_to_say(tmp_path):
    assert capture(tmp_path) == {"problems": ["not in a git repository"]}


def test_a_directory_that_is_gone_is_a_problem_and_no_error(tmp_path):
    assert "cannot change to" in capture(tmp_path / "gone")["problems"][0]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give files away")
def test_a_repository_of_another_user_is_refused_with_the_reason(repository):
    for path in (repository, repository / ".git"):
        os.chown(path, 12345, 12345)
    assert "belongs to another user" in capture(repository)["problems"][0]


def test_a_merge_conflict_is_a_change(repository):
    git(repository, "checkout", "-b", "other")
    (repository / "src" / "agent.py").write_text("other\n")
    git(repository, "commit", "-am", "other")
    git(repository, "checkout", "main")
    (repository / "src" / "agent.py").write_text("main\n")
    git(repository, "commit", "-am", "main")
    with pytest.raises(subprocess.CalledProcessError):
        git(repository, "merge", "other")
    assert "+<<<<<<< HEAD" in capture(repository)["diff"]


# --- settings and variables that would change git's answers


@pytest.mark.parametrize(
    "setting",
    [
        *("diff.noprefix=true", "diff.mnemonicPrefix=true", "color.diff=always", "color.ui=always"),
        *("diff.renames=copies", "diff.external=false", "diff.submodule=log", "diff.context=0"),
        *("core.quotePath=false", "diff.relative=true", "diff.autoRefreshIndex=true"),
    ],
)
def test_a_setting_of_the_user_does_not_change_the_patch(repository, setting):
    (repository / "ü.py").write_text("u\n")
    git(repository, "add", ".")
    (repository / "train.py").write_text("a = 2\n" * 10)
    before = capture(repository)["diff"]
    git(repository, "config", *setting.split("="))
    assert capture(repository)["diff"] == before


def test_variables_of_a_git_hook_do_not_point_it_elsewhere(repository, tmp_path):
    hook = {**ENVIRONMENT, "GIT_DIR": str(tmp_path / "elsewhere"), "GIT_INDEX_FILE": "x", "GIT_TRACE": "1"}
    assert capture(repository, environ=hook)["dirty"] is False


def test_no_program_that_the_repository_names_is_run(repository, tmp_path):
    spy = tmp_path / "spy"
    spy.write_text(f"#!/bin/sh\ntouch {tmp_path}/was-run\ncat\n")
    spy.chmod(0o755)
    (repository / ".gitattributes").write_text("*.py diff=spy\n")
    for key in ("core.fsmonitor", "diff.external", "diff.spy.command", "diff.spy.textconv", "core.pager"):
        git(repository, "config", key, str(spy))
    (repository / "train.py").write_text("changed\n")
    assert "+changed" in capture(repository)["diff"]
    assert not (tmp_path / "was-run").exists()


# --- the remote


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://me:hunter2@example.com/a.git", "https://example.com/a.git"),
        ("https://ghp_0123456789abcdefghijklmnopqrstuvwxyz@example.com/a", "https://example.com/a"),
        ("https://example.com/a.git?private_token=abcdefgh12", "https://example.com/a.git"),
        ("https://me:p@ss@example.com/a.git", "https://example.com/a.git"),
        ("git@example.com:a/b.git", "git@example.com:a/b.git"),
        ("ssh://git:hunter2@example.com/a.git", "ssh://git:***@example.com/a.git"),
        ("/srv/a.git", "/srv/a.git"),
    ],
)
def test_the_remote_is_kept_without_credentials(repository, address, shown):
    git(repository, "remote", "add", "origin", address)
    assert capture(repository)["remote"] == shown


def test_the_remote_is_the_one_that_the_branch_follows(repository):
    for name in ("origin", "fork"):
        git(repository, "remote", "add", name, f"https://example.com/{name}.git")
    git(repository, "config", "branch.main.remote", "fork")
    assert capture(repository)["remote"] == "https://example.com/fork.git"
