"""The difference of two runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from rla.artifacts.code.listing import LIST_FILE, digest
from rla.manage import compare_code
from rla.manage.compare import ABSENT, Change, compare
from tests.indexes import open_database
from tests.manage.running_runs import TRAIN


@pytest.fixture
def project(tmp_path):
    place = tmp_path / "project"
    place.mkdir()
    (place / "train.py").write_text(TRAIN)
    (place / "rla_config.yaml").write_text("BACKUP_CONFIG: {backup_code_dir: ['.']}\n")
    return place


@pytest.fixture
def train(tmp_path, project):
    """Record a run with its code in a process of its own."""

    def run(seed: int = 1, **given: object):
        command = [sys.executable, "train.py", str(tmp_path / "root"), json.dumps({"seed": seed, **given})]
        environment = {**os.environ, "RLA_BACKUP_CODE": "1"}
        done = subprocess.run(
            command, cwd=project, env=environment, capture_output=True, text=True, timeout=90, check=False
        )
        assert done.returncode == 0, done.stderr
        return open_database(tmp_path / "root").find(done.stdout.split()[-1])

    return run


def test_only_what_differs_is_told(train):
    found = compare(train(seed=1, lr=0.1), train(seed=2, lr=0.1))
    assert found.hyperparameters == [Change("seed", 1, 2)]
    assert found.summary == [Change("reward", 20.0, 40.0)]
    assert [change.key for change in found.environment] == ["argv"]
    assert (found.run, found.code, found.remarks) == ([], [], [])


def test_the_same_run_has_no_differences(train):
    run = train()
    assert compare(run, run).is_empty


def test_a_value_that_only_one_has_is_absent_and_not_none(train):
    found = compare(train(a=None), train(b={"c": 1}))
    assert found.hyperparameters == [Change("a", None, ABSENT), Change("b.c", ABSENT, 1)]


@pytest.mark.parametrize(("old", "new", "same"), [(1, 1.0, True), (True, 1, False), ("1", 1, False), ([1], [1], True)])
def test_values_compare_as_a_user_counts(train, old, new, same):
    found = compare(train(x=old), train(x=new), code=False)
    assert (found.hyperparameters == []) is same


def test_nan_is_nan(train):
    assert compare(train(x=float("nan")), train(x=float("nan"))).hyperparameters == []


def test_another_task_is_told(train):
    assert compare(train(), train(task="other")).run == [Change("task", "demo", "other")]


def test_code_differs_line_by_line(train, project):
    (project / "agent.py").write_text("a = 1\nb = 2\n")
    old = train()
    (project / "agent.py").write_text("a = 1\nb = 3\n")
    (change,) = compare(old, train()).code
    assert (change.path, change.kind) == ("agent.py", "changed")
    assert change.lines == ["--- a/agent.py", "+++ b/agent.py", "@@ -1,2 +1,2 @@", " a = 1", "-b = 2", "+b = 3"]


def test_new_and_removed_files_are_told_with_their_lines(train, project):
    (project / "gone.py").write_text("a\n")
    old = train()
    (project / "gone.py").unlink()
    (project / "new.py").write_text("b\n")
    changes = {change.path: (change.kind, change.lines[-1]) for change in compare(old, train()).code}
    assert changes == {"gone.py": ("removed", "-a"), "new.py": ("added", "+b")}


def test_a_missing_last_newline_is_a_difference(train, project):
    (project / "agent.py").write_text("--- a")
    old = train()
    (project / "agent.py").write_text("--- a\n")
    (change,) = compare(old, train()).code
    assert change.lines[3:] == ["---- a", "\\ No newline at end of file", "+--- a"]


def test_binary_and_large_files_are_named_only(train, project, monkeypatch):
    (project / "a.py").write_bytes(b"\0\1")
    (project / "b.py").write_text("x\n" * 100)
    old = train()
    (project / "a.py").write_bytes(b"\0\2")
    (project / "b.py").write_text("y\n" * 100)
    new = train()
    monkeypatch.setattr(compare_code, "_LARGEST", 150)
    changes = {change.path: (change.reason, change.lines) for change in compare(old, new).code}
    assert changes == {"a.py": ("binary", []), "b.py": ("too large to compare by line", [])}


def test_files_of_the_same_hash_are_not_read(train, project, monkeypatch):
    (project / "agent.py").write_text("a\n")
    old, new = train(seed=1), train(seed=2)
    monkeypatch.setattr(compare_code, "read_file", None)
    assert compare(old, new).code == []


def test_a_file_that_is_not_what_was_backed_up_is_not_passed_off_as_it(train, project):
    (project / "agent.py").write_text("a\n")
    old = train()
    (project / "agent.py").write_text("b\n")
    new = train()
    stored = new.code_dir / "agent.py"
    stored.unlink()
    stored.write_text("c\n")
    (change,) = compare(old, new).code
    assert (change.lines, "not what was backed up" in change.reason) == ([], True)


@pytest.mark.parametrize("path", ["../../../../../../../secret", "/secret", "a/../../x", "link/secret"])
def test_a_list_that_leads_out_of_the_code_shows_nothing(train, tmp_path, path):
    (tmp_path / "outside").mkdir()
    for place in (tmp_path / "secret", tmp_path / "outside" / "secret"):
        place.write_text("secret")
    old, new = train(seed=1), train(seed=2)
    (new.code_dir / "link").symlink_to(tmp_path / "outside")
    code = json.loads((new.code_dir / LIST_FILE).read_text())
    code["files"][path] = digest(b"secret")
    (new.code_dir / LIST_FILE).write_text(json.dumps(code))
    changes = compare(old, new).code
    assert [change.path for change in changes] == [path]
    assert "cannot be read" in changes[0].reason


def test_a_backup_without_its_list_is_read_whole(train, project):
    (project / "package").mkdir()
    (project / "package" / "agent.py").write_text("a\n")
    old = train()
    (project / "package" / "agent.py").write_text("b\n")
    new = train()
    (new.code_dir / LIST_FILE).unlink()
    found = compare(old, new)
    assert [change.path for change in found.code] == ["package/agent.py"]
    assert "no list of its code" in found.remarks[0]


def test_a_run_without_code_is_told(train):
    old, new = train(seed=1), train(seed=2)
    new.code_dir.rename(new.code_dir.with_name("elsewhere"))
    found = compare(old, new)
    assert found.code == []
    assert found.remarks == [f"{new.uid} has no code here: it is not compared"]


def test_a_damaged_manifest_hides_nothing_else(train):
    old, new = train(seed=1), train(seed=2)
    new.paths.manifest.write_text("garbage")
    found = compare(old, new)
    assert found.hyperparameters == [Change("seed", 1, 2)]
    assert found.environment == []
    assert "run.json" in found.remarks[0]
