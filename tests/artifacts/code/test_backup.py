"""What a code backup holds, where it lies, and what is told of the rest."""

from __future__ import annotations

import json
import os
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rla.artifacts.code import backup as code_backup
from rla.artifacts.code import plan as code_plan
from rla.artifacts.code.backup import BackupPlan, BackupReport, back_up_code, verify_code
from rla.artifacts.code.listing import LIST_FILE, read_list
from rla.errors import ConfigError
from tests.artifacts.code.other_user import as_user

Backup = Callable[..., tuple[BackupReport, Path]]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of a few files."""
    files = {
        "train.py": "import agent.ppo\n",
        "agent/__init__.py": "",
        "agent/ppo.py": "clip = 0.2\n",
        "agent/net/deep.py": "layers = [64, 64]\n",
        "scripts/run.sh": "python train.py\n",
        "conf/ppo.yaml": "lr: 0.001\n",
    }
    for name, text in files.items():
        write(tmp_path / "project" / name, text)
    (tmp_path / "project/scripts/run.sh").chmod(0o755)
    return tmp_path / "project"


@pytest.fixture
def backup(tmp_path: Path) -> Backup:
    """Back up into a new run's directory below one data root; every backup must verify."""
    count = iter(range(1000))

    def make(plan: BackupPlan, *, root: Path = tmp_path / "data") -> tuple[BackupReport, Path]:
        target = root / "code" / f"run-{next(count)}"
        target.mkdir(parents=True)
        (target / ".rla-run").write_text("uid\n")
        (target / "parameter.yaml").write_text("lr: 1\n")
        report = back_up_code(plan, target, root / ".rla" / "code-store")
        assert verify_code(target) == []
        assert (target / ".rla-run").read_text() == "uid\n"
        assert (target / "parameter.yaml").read_text() == "lr: 1\n"
        assert report.files == report.linked + report.copied == len(read_list(target).files)
        return report, target

    return make


def write(path: Path, text: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def kept(target: Path) -> dict[str, bytes]:
    """The files of a backup."""
    own = {LIST_FILE, ".rla-run", "parameter.yaml"}
    files = (path for path in target.rglob("*") if path.is_file() and not path.is_symlink())
    return {
        str(path.relative_to(target)): path.read_bytes() for path in files if str(path.relative_to(target)) not in own
    }


def told(report: BackupReport, path: str) -> str:
    """The reason why a path was left out."""
    return dict(report.left_out)[path]


def test_files_lie_in_the_backup_as_they_lie_in_the_project(project, backup):
    report, target = backup(BackupPlan(project, (".",)))
    assert kept(target) == {
        str(path.relative_to(project)): path.read_bytes() for path in project.rglob("*") if path.is_file()
    }
    assert (report.left_out, report.warnings) == ([], [])
    assert report.bytes == sum(len(data) for data in kept(target).values())


def test_a_nested_single_file_is_an_entry_like_any_other(project, backup):
    _, target = backup(BackupPlan(project, ("scripts/run.sh", "agent/net")))
    assert set(kept(target)) == {"scripts/run.sh", "agent/net/deep.py"}


def test_absolute_and_untidy_entries_name_the_same_files_once(project, backup):
    report, target = backup(BackupPlan(project, (str(project / "agent"), "./agent/../agent/net/", "agent/ppo.py")))
    assert set(kept(target)) == {"agent/__init__.py", "agent/ppo.py", "agent/net/deep.py"}
    assert report.left_out == []


def test_entries_outside_the_project_lie_below_a_name_of_their_own(project, tmp_path, backup):
    write(tmp_path / "lib/a.py", "a\n")
    write(tmp_path / "other/lib/b.py", "b\n")
    write(tmp_path / "tool.py", "c\n")
    _, target = backup(BackupPlan(project, ("../lib", str(tmp_path / "other/lib"), "../tool.py")))
    assert set(kept(target)) == {"_outside/lib/a.py", "_outside/lib-2/b.py", "_outside/tool.py"}


def test_an_entry_that_is_missing_is_a_warning_and_the_rest_is_kept(project, backup):
    report, target = backup(BackupPlan(project, ("nowhere", "agent/ppo.py"), run_files=("gone.py",)))
    assert set(kept(target)) == {"agent/ppo.py"}
    assert report.warnings == [
        f"run_file names 'gone.py', which is not there: {project}/gone.py",
        f"BACKUP_CONFIG.backup_code_dir names 'nowhere', which is not there: {project}/nowhere",
    ]


def test_a_missing_ignore_file_is_a_configuration_error_with_key_and_path(project, backup):
    missing = project / "no.ignore"
    with pytest.raises(ConfigError, match=r"ignore_code_paths names .*no\.ignore") as caught:
        backup(BackupPlan(project, (".",), ignore_files=(missing,)))
    assert (caught.value.path, caught.value.key) == (missing, "BACKUP_CONFIG.ignore_code_paths")


def test_ignore_files_leave_out_and_bring_back_and_leave_no_empty_directories(project, backup):
    write(project / ".gitignore", "conf/\n*.sh\n")
    write(project / "backup.ignore", "# what a backup does not need\n/agent/\n!*.sh\n")
    report, target = backup(BackupPlan(project, (".",), ignore_files=(project / "backup.ignore",)))
    assert set(kept(target)) == {"train.py", "scripts/run.sh", ".gitignore", "backup.ignore"}
    assert sorted(path.name for path in target.iterdir() if path.is_dir()) == ["scripts"]
    assert report.left_out == []


def test_a_gitignore_above_the_entry_counts_and_that_of_another_repository_does_not(project, tmp_path, backup):
    write(tmp_path / ".gitignore", "deep.py\n")
    write(project / ".gitignore", "ppo.py\n")
    _, target = backup(BackupPlan(project, ("agent",)))
    assert set(kept(target)) == {"agent/__init__.py", "agent/net/deep.py"}
    (tmp_path / ".git").mkdir()
    _, target = backup(BackupPlan(project, ("agent",)))
    assert set(kept(target)) == {"agent/__init__.py"}


def test_what_is_named_itself_is_kept_although_it_is_ignored(project, backup):
    write(project / ".gitignore", "agent\nrun.sh\n")
    _, target = backup(BackupPlan(project, ("agent", "scripts/run.sh")))
    assert set(kept(target)) == {"agent/__init__.py", "agent/ppo.py", "agent/net/deep.py", "scripts/run.sh"}


def test_lib_mode_takes_the_library_whole_and_the_run_files(project, backup):
    write(project / "build/lib/agent/ppo.py", "built\n")
    write(project / "build/lib/agent/fast.so", b"\x7fELF")
    write(project / "build/lib/.gitignore", "*\n")
    write(project / ".gitignore", "build/\n")
    _, target = backup(BackupPlan(project, ("conf",), mode="lib", run_files=("train.py",)))
    assert set(kept(target)) == {
        "build/lib/agent/ppo.py",
        "build/lib/agent/fast.so",
        "build/lib/.gitignore",
        "train.py",
    }


def test_lib_mode_without_a_run_file_is_a_configuration_error(project, backup):
    with pytest.raises(ConfigError, match="run_file"):
        backup(BackupPlan(project, mode="lib"))


def test_lib_mode_without_the_library_warns_and_keeps_the_run_file(project, backup):
    report, target = backup(BackupPlan(project, mode="lib", run_files=("train.py",)))
    assert set(kept(target)) == {"train.py"}
    assert "BACKUP_CONFIG.lib_dir names './build/lib/'" in report.warnings[0]


@pytest.fixture
def not_too_wide(monkeypatch, tmp_path):
    """Tests run below a directory for temporary files, which is no project itself."""
    monkeypatch.setattr(code_plan, "_TOO_WIDE", ())
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path / "temporary"))


def test_the_default_is_the_sources_beside_the_script(project, backup):
    write(project / "weights.pt", b"\0" * 100)
    write(project / "Makefile", "all:\n")
    for clutter in ("__pycache__/a.py", "node_modules/x.js", ".git/config.py", "venv/lib/x.py"):
        write(project / clutter, "")
    write(project / "venv/pyvenv.cfg", "")
    write(project / ".gitignore", "conf/\n")
    report, target = backup(BackupPlan(project, script=project / "train.py"))
    expected = {"train.py", "agent/__init__.py", "agent/ppo.py", "agent/net/deep.py", "scripts/run.sh", "Makefile"}
    assert set(kept(target)) == expected | {".gitignore"}
    assert report.left_out == []


def test_the_default_keeps_the_script_whatever_its_name(project, backup):
    script = write(project / "scripts/start", "#!/usr/bin/env python3\n")
    write(project / ".gitignore", "start\n")
    _, target = backup(BackupPlan(project, script=script))
    assert set(kept(target)) == {"scripts/start", "scripts/run.sh"}


def test_the_default_without_a_script_is_the_current_directory(project, backup, monkeypatch):
    monkeypatch.chdir(project / "agent")
    _, target = backup(BackupPlan(project))
    assert set(kept(target)) == {"agent/__init__.py", "agent/ppo.py", "agent/net/deep.py"}


def test_a_command_of_the_installation_is_not_the_code(project, backup, monkeypatch):
    monkeypatch.chdir(project)
    _, target = backup(BackupPlan(project, script=Path(sys.executable)))
    assert "agent/ppo.py" in kept(target)
    _, target = backup(BackupPlan(project, script=Path(pytest.__file__)))
    assert "agent/ppo.py" in kept(target)


@pytest.mark.parametrize("wide", ["home", "temporary"])
def test_in_a_directory_of_everything_only_the_script_is_kept(project, backup, monkeypatch, wide):
    if wide == "home":
        monkeypatch.setenv("HOME", str(project))
    else:
        monkeypatch.setattr("tempfile.gettempdir", lambda: str(project))
    report, target = backup(BackupPlan(project, script=project / "train.py"))
    assert set(kept(target)) == {"train.py"}
    assert "only the script is kept; list what to keep in BACKUP_CONFIG.backup_code_dir" in report.warnings[0]
    monkeypatch.chdir(project)
    report, target = backup(BackupPlan(project))
    assert kept(target) == {}
    assert "no code is kept" in report.warnings[0]


def test_the_data_root_is_left_out_wherever_it_lies(project, backup):
    write(project / "runs here/log/task/run.json", "{}")
    write(project / "runs here/notes.py", "")
    plan = BackupPlan(project, (".",), never=(project / "runs here",))
    report, target = backup(plan, root=project / "runs here")
    assert "train.py" in kept(target)
    assert not any(name.startswith("runs here") for name in kept(target))
    assert told(report, "runs here") == "belongs to a data root"


def test_a_data_root_that_nobody_named_is_left_out(project, backup):
    write(project / "old_runs/.rla/root.json", "{}")
    write(project / "old_runs/code/task/a.py", "")
    write(project / "copied run/.rla-run", "uid")
    report, target = backup(BackupPlan(project, (".",)))
    assert not any(name.startswith(("old", "copied")) for name in kept(target))
    assert told(report, "old_runs") == told(report, "copied run") == "belongs to a data root"


@pytest.mark.parametrize("named", [True, False])
def test_where_the_project_is_the_data_root_only_the_code_is_kept(project, backup, named):
    write(project / "log/task/progress.csv", "a\n")
    write(project / "rla.db", "")
    write(project / "rla.db-wal", "")
    write(project / ".rla/root.json", "{}")
    plan = BackupPlan(project, (".",), never=(project,) if named else ())
    for _ in range(2):
        _, target = backup(plan, root=project)
        assert set(kept(target)) == {
            *("train.py", "agent/__init__.py", "agent/ppo.py", "agent/net/deep.py", "scripts/run.sh", "conf/ppo.yaml")
        }


def test_code_in_a_data_root_below_the_project_is_kept_if_the_script_is_there(project, backup):
    script = write(project / "study/go.py", "")
    plan = BackupPlan(project, (".",), never=(project / "study",), script=script)
    _, target = backup(plan, root=project / "study")
    assert "study/go.py" in kept(target)
    assert not any(name.startswith("study/code") for name in kept(target))


def test_links_that_stay_inside_are_kept_as_relative_links(project, backup):
    (project / "latest.py").symlink_to("agent/ppo.py")
    (project / "agent/up.py").symlink_to(project / "train.py")
    (project / "conf/net").symlink_to("../agent/net")
    report, target = backup(BackupPlan(project, (".",)))
    assert os.readlink(target / "latest.py") == "agent/ppo.py"
    assert os.readlink(target / "agent/up.py") == "../train.py"
    assert os.readlink(target / "conf/net") == "../agent/net"
    assert (target / "conf/net/deep.py").read_text() == "layers = [64, 64]\n"
    assert report.left_out == []
    assert set(read_list(target).links) == {"latest.py", "agent/up.py", "conf/net"}


def test_links_that_lead_out_or_nowhere_are_reported_and_never_followed(project, tmp_path, backup):
    write(tmp_path / "secret/plan.py", "")
    (project / "out.py").symlink_to(tmp_path / "secret/plan.py")
    (project / "out").symlink_to(tmp_path / "secret")
    (project / "gone").symlink_to("nothing")
    (project / "loop").symlink_to("loop")
    (project / "ignored.py").symlink_to("agent/__pycache__")
    write(project / "agent/__pycache__/x.pyc", "")
    report, target = backup(BackupPlan(project, (".",)))
    assert told(report, "out.py") == told(report, "out") == "is a link to what is not in the backup"
    assert told(report, "ignored.py") == "is a link to what is not in the backup"
    assert told(report, "gone") == told(report, "loop") == "is a link that leads nowhere"
    assert not any(path.is_symlink() for path in target.rglob("*"))


def test_an_entry_that_is_a_link_is_followed_because_it_was_named(project, tmp_path, backup):
    write(tmp_path / "elsewhere/x.py", "x\n")
    (project / "linked").symlink_to(tmp_path / "elsewhere")
    _, target = backup(BackupPlan(project, ("linked",)))
    assert kept(target) == {"linked/x.py": b"x\n"}


def test_a_project_reached_through_a_link_is_the_same_project(project, tmp_path, backup):
    (tmp_path / "alias").symlink_to(project)
    _, target = backup(BackupPlan(tmp_path / "alias", (str(project / "agent/ppo.py"), "train.py")))
    assert set(kept(target)) == {"agent/ppo.py", "train.py"}


def test_sockets_pipes_and_devices_are_reported(project, backup, monkeypatch):
    monkeypatch.chdir(project)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s.sock")
        os.mkfifo(project / "pipe")
        report, _ = backup(BackupPlan(project, (".", "pipe")))
    assert told(report, "s.sock") == told(report, "pipe") == "is no file but a socket, a pipe or a device"


def test_a_file_of_5_gb_is_never_read(project, backup):
    with (project / "big.py").open("wb") as file:
        file.truncate(5 * 2**30)
    before = time.process_time()
    report, target = backup(BackupPlan(project, (".",)))
    assert time.process_time() - before < 2
    assert told(report, "big.py") == "is 5,120.0 MiB, larger than 5.0 MiB"
    assert "train.py" in kept(target)


def test_over_the_size_of_a_backup_the_largest_files_are_left_out_with_a_warning(project, backup):
    write(project / "big.py", "x" * 3000)
    write(project / "train.py", "y" * 2000)
    plan = BackupPlan(project, (".",), script=project / "train.py", max_bytes=2500)
    report, target = backup(plan)
    assert "train.py" in kept(target)
    assert "big.py" not in kept(target)
    assert "does not fit" in told(report, "big.py")
    assert "1 of the largest are left out" in report.warnings[0]


def test_over_the_number_of_files_the_deepest_are_left_out_and_told(project, backup):
    for number in range(30):
        write(project / f"z/{number:02}.py", "")
    report, target = backup(BackupPlan(project, (".",), max_files=8))
    assert report.files == 8
    assert {"train.py", "agent/ppo.py"} <= set(kept(target))
    assert any("more than 8 files" in reason for _, reason in report.left_out)


def test_a_huge_tree_of_other_files_ends_the_search(project, backup):
    for number in range(500):
        write(project / f"data/{number}.bin", "")
    report, _ = backup(BackupPlan(project, script=project / "train.py", max_files=10))
    assert any("what follows" in reason for _, reason in report.left_out)


def test_the_names_of_rlas_own_files_are_kept_under_another_name(project, backup):
    write(project / "parameter.yaml", "mine: 1\n")
    write(project / LIST_FILE, "{}")
    write(project / "conf/parameter.yaml", "deep: 1\n")
    report, target = backup(BackupPlan(project, (".",)))
    assert kept(target)["_parameter.yaml"] == b"mine: 1\n"
    assert kept(target)[f"_{LIST_FILE}"] == b"{}"
    assert kept(target)["conf/parameter.yaml"] == b"deep: 1\n"
    assert "parameter.yaml is kept as _parameter.yaml" in " ".join(report.warnings)
    assert read_list(target).renamed == {"_parameter.yaml": "parameter.yaml", f"_{LIST_FILE}": LIST_FILE}


def test_what_a_checkout_put_beside_the_code_is_no_code(project, backup):
    write(project / ".rla-checkout/parameter.yaml", "lr: 1\n")
    report, target = backup(BackupPlan(project, (".",)))
    assert not [path for path in kept(target) if "checkout" in path]
    assert not [path for path, _ in report.left_out if "checkout" in path]


def test_a_program_that_may_be_executed_stays_one(project, backup):
    _, target = backup(BackupPlan(project, (".",)))
    assert (target / "scripts/run.sh").stat().st_mode & 0o777 == 0o555
    assert (target / "train.py").stat().st_mode & 0o777 == 0o444


def test_what_others_may_not_read_they_may_not_read_in_the_backup(project, tmp_path, backup):
    (project / "train.py").chmod(0o600)
    write(project / "same.py", (project / "train.py").read_text())
    _, target = backup(BackupPlan(project, (".",)))
    assert (target / "train.py").stat().st_mode & 0o777 == 0o400
    assert (target / "same.py").stat().st_mode & 0o777 == 0o444


ODD_NAMES = [
    b"new\nline.py",
    b"\xff\xfe.py",
    "ü.py".encode(),
    "u\u0308.py".encode(),
    b" .py",
    b"-rf.py",
    b'"q".py',
    b"a\\b.py",
]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_names_may_hold_any_bytes(project, backup, name):
    os.mkdir(os.fsencode(project) + b"/d" + name)
    path = os.fsencode(project) + b"/d" + name + b"/" + name
    with open(path, "wb") as file:
        file.write(b"odd\n")
    report, target = backup(BackupPlan(project, (".",)))
    with open(os.fsencode(target) + b"/d" + name + b"/" + name, "rb") as file:
        assert file.read() == b"odd\n"
    assert report.files == 7
    _, target = backup(BackupPlan(project, (".",)))
    assert os.path.exists(os.fsencode(target) + b"/d" + name + b"/" + name)


def test_names_that_differ_in_case_only_stay_two_files_where_the_disk_knows_two(project, backup):
    write(project / "Train.py", "other\n")
    _, target = backup(BackupPlan(project, (".",)))
    assert (kept(target)["Train.py"], kept(target)["train.py"]) == (b"other\n", b"import agent.ppo\n")


def test_a_name_that_the_disk_takes_for_another_is_reported_and_the_first_stays(project, tmp_path, backup, monkeypatch):
    write(project / "TRAIN.py", "first\n")
    real = os.link

    def caseless(source, target, **directories):
        if os.path.lexists(f"/proc/self/fd/{directories['dst_dir_fd']}/{target.swapcase().replace('.PY', '.py')}"):
            raise FileExistsError(17, "File exists")
        real(source, target, **directories)

    monkeypatch.setattr(os, "link", caseless)
    monkeypatch.setattr(os, "supports_dir_fd", {caseless})
    report, target = backup(BackupPlan(project, (".",)))
    assert "means the same file here as TRAIN.py" in told(report, "train.py")
    assert kept(target)["TRAIN.py"] == b"first\n"


def test_a_path_too_long_for_the_system_is_reported(project, backup):
    here = os.getcwd()
    try:
        os.chdir(project)
        for _ in range(25):
            os.mkdir("d" * 200)
            os.chdir("d" * 200)
        Path("deep.py").write_text("")
    finally:
        os.chdir(here)
    report, target = backup(BackupPlan(project, (".",)))
    assert "train.py" in kept(target)
    assert any("too long" in reason for _, reason in report.left_out)
    subprocess.run(["rm", "-rf", str(project)], check=True)


def test_a_path_too_long_for_the_backup_only_is_reported(project, tmp_path):
    deep = project
    while len(str(deep)) < 4000:
        deep = deep / ("e" * 40)
    write(deep / "last.py", "")
    target = tmp_path / ("long-" * 40) / "code"
    target.mkdir(parents=True)
    report = back_up_code(BackupPlan(project, (".",)), target, tmp_path / "store")
    assert verify_code(target) == []
    assert [reason for path, reason in report.left_out if path.endswith("last.py")] == [
        "cannot have that name here: File name too long"
    ]
    subprocess.run(["rm", "-rf", str(project), str(target)], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_files_and_directories_that_cannot_be_read_are_reported(project, tmp_path):
    (project / "train.py").chmod(0)
    (project / "conf").chmod(0)
    target = tmp_path / "target"
    target.mkdir()
    for directory in (tmp_path, target, *tmp_path.parents):
        if directory.is_relative_to("/tmp") and directory != Path("/tmp"):
            directory.chmod(0o777)

    def work() -> str:
        report = back_up_code(BackupPlan(project, (".",)), target, tmp_path / "store")
        assert verify_code(target) == []
        return json.dumps([report.files, report.left_out])

    files, left_out = json.loads(as_user(1234, work))
    assert files == 4
    assert left_out == [
        ["conf", "cannot be read: Permission denied"],
        ["train.py", "cannot be read: Permission denied"],
    ]


def test_a_file_that_changes_while_it_is_read_is_reported_and_the_rest_is_kept(project, backup):
    stop = threading.Event()

    def keep_changing() -> None:
        while not stop.is_set():
            (project / "agent/ppo.py").write_bytes(random.randbytes(random.randint(10**6, 2 * 10**6)))

    changing = threading.Thread(target=keep_changing)
    changing.start()
    try:
        for _ in range(5):
            report, target = backup(BackupPlan(project, (".",)))
            assert report.files + len(report.left_out) == 6
            assert {path for path, _ in report.left_out} <= {"agent/ppo.py"}
            assert "train.py" in kept(target)
    finally:
        stop.set()
        changing.join()


def test_a_file_that_changes_during_each_try_is_left_out(project, backup, monkeypatch):
    real, count = os.fstat, iter(range(10**6))

    def restless(descriptor: int) -> os.stat_result:
        found = list(real(descriptor))
        return os.stat_result(found, {"st_mtime_ns": next(count)})

    monkeypatch.setattr(code_backup.os, "fstat", restless)
    report, target = backup(BackupPlan(project, ("train.py",)))
    monkeypatch.undo()
    assert told(report, "train.py") == "changed while it was read"
    assert kept(target) == {}


def test_a_tree_that_is_moved_about_never_breaks_a_backup(project, backup):
    stop = threading.Event()

    def shuffle() -> None:
        while not stop.is_set():
            os.rename(project / "agent", project / "away")
            os.rename(project / "away", project / "agent")
            write(project / "new/x.py", "x")
            (project / "new/x.py").unlink()
            (project / "new").rmdir()

    changing = threading.Thread(target=shuffle)
    changing.start()
    try:
        for _ in range(30):
            _, target = backup(BackupPlan(project, (".",)))
            assert "train.py" in kept(target)
    finally:
        stop.set()
        changing.join()


def test_a_second_backup_into_the_same_directory_makes_the_first_whole(project, tmp_path, backup):
    _, target = backup(BackupPlan(project, (".",)))
    (target / LIST_FILE).unlink()
    write(project / "train.py", "changed\n")
    report = back_up_code(BackupPlan(project, (".",)), target, tmp_path / "data/.rla/code-store")
    assert verify_code(target) == []
    assert kept(target)["train.py"] == b"changed\n"
    assert report.files == 6


def test_an_empty_project_is_an_empty_backup(tmp_path, backup):
    (tmp_path / "empty").mkdir()
    report, target = backup(BackupPlan(tmp_path / "empty", (".",)))
    assert (report.files, kept(target)) == (0, {})


def test_the_list_tells_what_was_left_out(project, backup):
    write(project / ".env", "KEY=1")
    report, target = backup(BackupPlan(project, (".",)))
    assert read_list(target).left_out == report.left_out == [(".env", "sets secret variables")]


def test_verify_tells_missing_changed_and_unexpected_files(project, backup):
    (project / "link.py").symlink_to("train.py")
    _, target = backup(BackupPlan(project, (".",)))
    (target / "agent/ppo.py").unlink()
    (target / "train.py").unlink()
    write(target / "train.py", "other\n")
    write(target / "agent/new.py", "")
    (target / "link.py").unlink()
    (target / "link.py").symlink_to("agent/new.py")
    (target / "scripts/run.sh").unlink()
    (target / "scripts/run.sh").symlink_to(project / "scripts/run.sh")
    assert verify_code(target) == ["agent/new.py", "agent/ppo.py", "link.py", "scripts/run.sh", "train.py"]


@pytest.mark.parametrize(
    "content", [None, b"", b"[]", b"{", b'{"version": 2}', b'{"version": 1, "hash": "blake2b-256", "files": 3}']
)
def test_verify_names_a_missing_or_damaged_list(project, backup, content):
    _, target = backup(BackupPlan(project, (".",)))
    (target / LIST_FILE).unlink()
    if content is not None:
        (target / LIST_FILE).write_bytes(content)
    assert verify_code(target) == [LIST_FILE]


def test_verify_never_leaves_the_directory(project, tmp_path, backup):
    _, target = backup(BackupPlan(project, ("train.py",)))
    content = json.loads((target / LIST_FILE).read_text())
    content["files"]["../../../outside.py"] = "0" * 64
    (target / LIST_FILE).unlink()
    (target / LIST_FILE).write_text(json.dumps(content))
    os.mkfifo(tmp_path / "outside.py")  # to open it would block
    assert verify_code(target) == ["../../../outside.py"]


trees = st.dictionaries(
    st.lists(st.sampled_from(["a", "B", "c c", "é", "\udcff", "x.py", ".hidden"]), min_size=1, max_size=3).map(
        "/".join
    ),
    st.binary(max_size=40),
    max_size=12,
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(versions=st.lists(trees, min_size=1, max_size=3))
def test_every_backup_of_any_changing_tree_equals_the_tree(tmp_path_factory, versions):
    base = tmp_path_factory.mktemp("any")
    for number, tree in enumerate(versions):
        subprocess.run(["rm", "-rf", str(base / "project")], check=True)
        (base / "project").mkdir()
        source = {}
        for name, data in tree.items():
            if not any(other.startswith(f"{name}/") or name.startswith(f"{other}/") for other in source):
                source[name] = data
                write(base / "project" / name, data)
        target = base / f"run-{number}"
        target.mkdir()
        back_up_code(BackupPlan(base / "project", (".",)), target, base / "store")
        assert kept(target) == source
        assert verify_code(target) == []


def test_reports_of_two_backups_are_alike(project, backup):
    write(project / ".env", "A=1")
    write(project / "keys.py", "k = 'AKIA" + "ABCDEFGHIJKLMNOP'\n")
    plan = replace(BackupPlan(project, (".",)), max_file_bytes=2**20)
    first, _ = backup(plan)
    second, _ = backup(plan)
    assert first == second
    assert told(second, "keys.py") == "holds an AWS access key"
