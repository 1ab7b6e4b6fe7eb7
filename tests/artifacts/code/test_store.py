"""Unchanged code costs no disk, and no edit of one run's copy is ever taken for another's code."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rla.artifacts.code import backup as code_backup
from rla.artifacts.code import store as code_store
from rla.artifacts.code.backup import BackupPlan, BackupReport, back_up_code, verify_code
from tests.artifacts.code.other_user import as_user

OLD = time.time() - 3600
ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Some files that were last changed an hour ago."""
    for number in range(12):
        write(tmp_path / f"project/part{number % 3}/m{number}.py", f"number = {number}\n")
    return tmp_path / "project"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "data/.rla/code-store"


@pytest.fixture
def backup(tmp_path: Path, project: Path, store: Path) -> Callable[..., tuple[BackupReport, Path]]:
    """Back up the project into a new run's directory."""
    count = iter(range(10_000))

    def make(place: Path = tmp_path / "data/code") -> tuple[BackupReport, Path]:
        target = place / f"run-{next(count)}"
        target.mkdir(parents=True)
        report = back_up_code(BackupPlan(project, (".",)), target, store)
        assert verify_code(target) == []
        for path in project.rglob("*.py"):
            assert (target / path.relative_to(project)).read_bytes() == path.read_bytes()
        return report, target

    return make


def write(path: Path, text: str) -> Path:
    """Write a file, and make it look old and settled."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (OLD, OLD))
    return path


def entries(store: Path) -> list[Path]:
    return [path for path in store.glob("??/*") if path.is_file()]


@pytest.fixture
def reads(monkeypatch) -> list[str]:
    """The source files that were read."""
    read: list[str] = []
    real = code_backup._read
    monkeypatch.setattr(code_backup, "_read", lambda path, largest: read.append(path) or real(path, largest))
    return read


@pytest.fixture
def settled(monkeypatch):
    """Time stamps prove something at once, so that tests need not wait for two seconds."""
    monkeypatch.setattr("rla.artifacts.code.cache.RACY_NS", -(10**9))


def test_an_unchanged_file_is_one_inode_in_every_backup_and_in_the_store(backup, store):
    _, first = backup()
    report, second = backup()
    assert (report.linked, report.copied) == (12, 0)
    path = Path("part0/m0.py")
    assert (first / path).stat().st_ino == (second / path).stat().st_ino
    assert (first / path).stat().st_nlink == 3
    assert {entry.stat().st_mode & 0o777 for entry in entries(store)} == {0o444}


def test_equal_contents_are_stored_once(project, backup, store):
    write(project / "copy.py", "number = 1\n")
    backup()
    assert len(entries(store)) == 12


def test_an_unchanged_file_is_not_read_again(backup, reads, settled):
    backup()
    assert len(reads) == 12
    backup()
    backup()
    assert len(reads) == 12


def test_gitignore_rules_are_not_worked_out_again(project, backup, settled):
    write(project / ".gitignore", "*.pyc\n")
    backup()
    script = (
        "import sys; from pathlib import Path; from rla.artifacts.code.backup import *;"
        "p, t, s = map(Path, sys.argv[1:]);"
        "print(back_up_code(BackupPlan(p, ('.',)), t, s).files, 'pathspec' in sys.modules)"
    )
    target = project.parent / "later"
    target.mkdir()
    command = [sys.executable, "-c", script, project, target, project.parent / "data/.rla/code-store"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["13", "False"]


def test_a_fresh_time_stamp_proves_nothing_so_that_no_change_is_missed(project, backup):
    path = project / "part0/m0.py"
    for text in ("a = 1\n", "a = 2\n", "a = 3\n"):
        path.write_text(text)
        os.utime(path, ns=(10**18, 10**18))  # the same size and mtime each time, and ctime in the same tick
        backup()


def test_a_change_that_hides_its_mtime_is_found_by_its_ctime(project, backup, settled):
    path = project / "part0/m0.py"
    backup()
    path.write_text("number = 7\n")
    os.utime(path, (OLD, OLD))
    _, target = backup()
    assert (target / "part0/m0.py").read_text() == "number = 7\n"


def test_a_link_to_a_source_file_moves_its_ctime_and_only_costs_reading_it(project, backup, reads, settled):
    backup()
    os.link(project / "part0/m0.py", project.parent / "another name")
    reads.clear()
    report, _ = backup()
    assert reads == [str(project / "part0/m0.py")]
    assert report.linked == 12


def test_a_replaced_file_of_equal_size_and_times_is_another_inode(project, backup, settled):
    backup()
    new = write(project / "new", "number = 9\n")
    os.replace(new, project / "part0/m0.py")
    _, target = backup()
    assert (target / "part0/m0.py").read_text() == "number = 9\n"


EDITS = {
    "in place": lambda path, _: path.write_text("EDITED = 666\n"),
    "in place, of equal size": lambda path, old: path.write_bytes(b"X" * len(old)),
    "in place, of equal size and mtime": lambda path, old: (
        times := (path.stat().st_atime_ns, path.stat().st_mtime_ns),
        path.write_bytes(b"X" * len(old)),
        os.utime(path, ns=times),
    ),
    "in place, to nothing": lambda path, _: path.write_bytes(b""),
    "by replacing it": lambda path, _: os.replace(write(path.with_name("x"), "EDITED\n"), path),
    "by deleting it": lambda path, _: path.unlink(),
    "by making it writable": lambda path, _: path.chmod(0o666),
}


@pytest.mark.parametrize("edit", EDITS, ids=EDITS)
@pytest.mark.parametrize("settle", [True, False], ids=["settled", "fresh"])
def test_an_edited_copy_never_reaches_a_later_backup(project, backup, store, edit, settle, request):
    if settle:
        request.getfixturevalue("settled")
    backup()
    _, edited = backup()
    path = edited / "part0/m0.py"
    path.chmod(0o644)
    EDITS[edit](path, path.read_bytes())
    for _ in range(2):
        report, target = backup()
        assert report.linked == 12
        assert (target / "part0/m0.py").stat().st_mode & 0o777 == 0o444
    assert verify_code(edited) == ([] if "writable" in edit else ["part0/m0.py"])


def test_an_edit_of_a_shared_copy_is_told_of_every_backup_that_shares_it(backup, settled):
    _, first = backup()
    _, second = backup()
    path = second / "part0/m0.py"
    path.chmod(0o644)
    path.write_text("EDITED\n")
    _, third = backup()
    assert verify_code(first) == verify_code(second) == ["part0/m0.py"]
    assert verify_code(third) == []


@pytest.mark.parametrize("damage", ["flip", "truncate", "delete", "directory", "link", "fifo"])
@pytest.mark.parametrize("settle", [True, False], ids=["settled", "fresh"])
def test_a_damaged_entry_of_the_store_is_never_trusted(project, backup, store, damage, settle, request):
    if settle:
        request.getfixturevalue("settled")
    backup()
    entry = next(path for path in entries(store) if path.read_text() == "number = 5\n")
    times = entry.stat()
    if damage == "flip":
        entry.chmod(0o644)
        entry.write_text("number = 6\n")
        entry.chmod(0o444)
        os.utime(entry, ns=(times.st_atime_ns, times.st_mtime_ns))
    elif damage == "truncate":
        os.truncate(entry, 3)
    else:
        entry.unlink()
        if damage == "directory":
            entry.mkdir()
        elif damage == "link":
            entry.symlink_to("/etc/passwd")
        elif damage == "fifo":
            os.mkfifo(entry)
    report, _ = backup()
    assert report.files == 12
    assert (report.linked, report.copied) == (12, 0)
    backup()


@pytest.mark.parametrize(
    "content", [b"", b"[", b"[{}, {}, {}]", b"[[], 3]", b'[{"a": 3}, {}]', b'[{"a": []}, {}]', b"\xff\xfe"]
)
def test_a_damaged_cache_costs_time_only(backup, store, content, settled):
    backup()
    for file in (store / "cache").iterdir():
        file.write_bytes(content)
    report, _ = backup()
    assert report.linked == 12


def test_a_cache_with_flipped_bytes_never_gives_wrong_code(project, backup, store, settled):
    random.seed(4)
    backup()
    for _ in range(60):
        for file in (store / "cache").iterdir():
            data = bytearray(file.read_bytes())
            for _ in range(3):
                data[random.randrange(len(data))] = random.choice(b'0123456789abcdef",[]{}x/')
            file.write_bytes(data)
        backup()


def test_the_65001st_link_begins_a_new_entry(backup, project, store, tmp_path, settled):
    backup()
    entry = next(path for path in entries(store) if path.read_text() == "number = 5\n")
    (tmp_path / "many").mkdir()
    try:
        for number in range(70_000):
            os.link(entry, tmp_path / "many" / str(number))
    except OSError as error:
        assert error.strerror == "Too many links"
    else:
        pytest.skip("this file system has no limit of links within reach")
    for _ in range(2):
        report, target = backup()
        assert (report.linked, report.copied) == (12, 0)
    assert (target / "part2/m5.py").stat().st_nlink == 3


@pytest.fixture
def memory_disk(tmp_path: Path) -> Iterator[Path]:
    """Another device."""
    place = tmp_path / "memory"
    place.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(place)], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"this test needs to mount a tmpfs: {done.stderr.strip()}")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_on_another_device_files_are_copied_and_that_is_told(backup, memory_disk, store):
    for _ in range(2):
        report, target = backup(memory_disk)
        assert (report.linked, report.copied) == (0, 12)
        assert report.warnings == ["12 files were copied, because the code store refused: Invalid cross-device link"]
        assert (target / "part0/m0.py").stat().st_nlink == 1


def test_a_store_on_another_device_than_the_source_is_no_matter(project, memory_disk, tmp_path):
    for number in range(2):
        target = memory_disk / "code" / str(number)
        target.mkdir(parents=True)
        report = back_up_code(BackupPlan(project, (".",)), target, memory_disk / "store")
        assert (report.linked, report.copied, verify_code(target)) == (12, 0, [])


@pytest.mark.parametrize("error", ["EPERM", "EACCES", "EXDEV", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK", "EIO"])
def test_any_refused_link_is_a_copy(backup, monkeypatch, error):
    import errno

    number = getattr(errno, error)

    def refuse(*_, **__):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", refuse)
    for _ in range(2):
        report, _ = backup()
        assert (report.linked, report.copied) == (0, 12)
    assert os.strerror(number) in report.warnings[0]


@pytest.mark.parametrize("error", ["ENOSPC", "EDQUOT"])
def test_a_full_disk_raises_and_harms_no_older_backup(backup, monkeypatch, error, tmp_path, project, store):
    import errno

    _, older = backup()
    write(project / "new.py", "x" * 1000)
    target = tmp_path / "target"
    target.mkdir()

    def full(*_, **__):
        raise OSError(getattr(errno, error), "full")

    with monkeypatch.context() as patch:
        patch.setattr(code_store, "write_all", full)
        with pytest.raises(OSError, match="full"):
            back_up_code(BackupPlan(project, (".",)), target, store)
    assert verify_code(older) == []
    assert verify_code(target) == [".rla-code.json"]
    assert list((store / "tmp").iterdir()) == []
    backup()


def test_a_really_full_disk_raises_and_a_later_backup_is_right(project, tmp_path):
    place = tmp_path / "small"
    place.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", place], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"this test needs to mount a tmpfs: {done.stderr.strip()}")
    try:
        (place / "first").mkdir()
        back_up_code(BackupPlan(project, (".",)), place / "first", place / "store")
        for number in range(100):
            write(project / f"big{number}.py", f"{number}" * 5000)
        (place / "second").mkdir()
        with pytest.raises(OSError, match="No space left"):
            back_up_code(BackupPlan(project, (".",)), place / "second", place / "store")
        assert verify_code(place / "first") == []
        assert verify_code(place / "second") == [".rla-code.json"]
        for number in range(100):
            (project / f"big{number}.py").unlink()
        subprocess.run(["rm", "-r", place / "second"], check=True)
        (place / "third").mkdir()
        back_up_code(BackupPlan(project, (".",)), place / "third", place / "store")
        assert verify_code(place / "third") == []
    finally:
        subprocess.run(["umount", "-l", place], check=True)


@pytest.fixture
def shared(tmp_path: Path, project: Path) -> Path:
    """A data root that two users may write, as far as the umask lets them."""
    for directory in (tmp_path, *tmp_path.parents):
        if directory.is_relative_to("/tmp") and directory != Path("/tmp"):
            directory.chmod(0o755)
    root = tmp_path / "shared"
    (root / "code").mkdir(parents=True)
    root.chmod(0o777)
    (root / "code").chmod(0o777)
    return root


def backup_by(uid: int, name: str, umask: int, project: Path, root: Path) -> str:
    def work() -> str:
        os.umask(umask)
        target = root / "code" / name
        target.mkdir()
        report = back_up_code(BackupPlan(project, (".",)), target, root / "store")
        return f"{report.linked} linked {report.copied} copied {verify_code(target)} {' '.join(report.warnings)}"

    return as_user(uid, work)


@ROOT_ONLY
def test_a_user_who_may_not_write_the_store_gets_copies_of_what_another_stored(project, shared):
    assert backup_by(1001, "a", 0o022, project, shared) == "12 linked 0 copied [] "
    told = backup_by(1002, "b", 0o022, project, shared)
    assert told.startswith("0 linked 12 copied [] 12 files were copied")
    assert "Permission denied" in told
    assert backup_by(1001, "c", 0o022, project, shared) == "12 linked 0 copied [] "


@ROOT_ONLY
def test_users_who_share_a_store_link_their_own_entries_only(project, shared):
    for name, uid in [("a", 1001), ("b", 1002), ("c", 1001), ("d", 1002)]:
        assert backup_by(uid, name, 0, project, shared) == "12 linked 0 copied [] "
    inode = {name: (shared / "code" / name / "part0/m0.py").stat() for name in "abcd"}
    assert inode["a"].st_ino == inode["c"].st_ino != inode["b"].st_ino == inode["d"].st_ino
    assert (inode["a"].st_uid, inode["b"].st_uid) == (1001, 1002)


@ROOT_ONLY
def test_even_root_does_not_link_what_another_user_could_edit(project, shared):
    backup_by(1001, "a", 0, project, shared)
    target = shared / "code/root"
    target.mkdir()
    report = back_up_code(BackupPlan(project, (".",)), target, shared / "store")
    assert report.linked == 12
    assert {path.stat().st_uid for path in target.rglob("*.py")} == {0}


@ROOT_ONLY
def test_a_link_that_the_kernel_refuses_because_of_its_owner_is_a_copy(project, shared, monkeypatch):
    """Without our own look at the owner, ``protected_hardlinks`` has the last word."""
    if Path("/proc/sys/fs/protected_hardlinks").read_text().strip() != "1":
        pytest.skip("this system lets anyone link any file")
    backup_by(1001, "a", 0o022, project, shared)
    real = os.lstat

    def blind(path):
        found = real(path)
        return os.stat_result([*found[:4], os.geteuid(), *found[5:]], {"st_mtime_ns": found.st_mtime_ns})

    monkeypatch.setattr(code_store.os, "lstat", blind)
    told = backup_by(1002, "b", 0o022, project, shared)
    assert told.startswith(
        "0 linked 12 copied [] 12 files were copied, because the code store refused: Operation not permitted"
    )


def test_a_store_that_cannot_be_made_means_copies(project, tmp_path):
    (tmp_path / "store").write_text("in the way")
    (tmp_path / "target").mkdir()
    report = back_up_code(BackupPlan(project, (".",)), tmp_path / "target", tmp_path / "store")
    assert (report.linked, report.copied, verify_code(tmp_path / "target")) == (0, 12, [])


def test_abandoned_temporaries_are_cleared_after_an_hour(backup, store):
    backup()
    old, new = store / "tmp/old.rla-tmp", store / "tmp/new.rla-tmp"
    old.touch()
    new.touch()
    os.utime(old, (OLD - 60, OLD - 60))
    backup()
    assert [path.name for path in (store / "tmp").iterdir()] == ["new.rla-tmp"]


def test_entries_without_a_backup_are_removed_and_the_others_stay(project, backup, store):
    _, first = backup()
    write(project / "part0/m0.py", "later = 1\n")
    _, second = backup()
    assert code_store.remove_unlinked(store) == 0
    subprocess.run(["rm", "-r", first], check=True)
    assert code_store.remove_unlinked(store) == 1
    assert verify_code(second) == []
    assert len(entries(store)) == 12


def test_removing_entries_beside_a_running_backup_harms_neither(backup, store, settled):
    stop = threading.Event()

    def remove() -> None:
        while not stop.is_set():
            for entry in entries(store):
                entry.unlink(missing_ok=True)

    removing = threading.Thread(target=remove)
    removing.start()
    try:
        for _ in range(30):
            report, _ = backup()
            assert report.files == 12
    finally:
        stop.set()
        removing.join()


def test_eight_processes_may_back_up_one_tree_at_once(project, store, tmp_path):
    script = (
        "import sys; from pathlib import Path; from rla.artifacts.code.backup import *\n"
        "p, base, s = map(Path, sys.argv[1:4])\n"
        "print('ready', flush=True); open(sys.argv[5]).close()\n"
        "for n in range(6):\n"
        "    t = base / f'{sys.argv[4]}-{n}'; t.mkdir(parents=True)\n"
        "    r = back_up_code(BackupPlan(p, ('.',)), t, s)\n"
        "    assert (r.files, r.copied, r.left_out, r.warnings) == (60, 0, [], []), r\n"
        "    assert verify_code(t) == [], verify_code(t)\n"
    )
    for number in range(12, 60):
        write(project / f"more/m{number}.py", f"number = {number}\n" * 50)
    os.mkfifo(gate := tmp_path / "gate")
    command = [sys.executable, "-c", script, str(project), str(tmp_path / "runs"), str(store)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    running = [subprocess.Popen([*command, str(n), str(gate)], **pipes) for n in range(8)]
    assert [process.stdout.readline() for process in running] == ["ready\n"] * 8
    with gate.open("w"):  # all of them wait for a writer
        assert [process.communicate()[1] for process in running] == [""] * 8
    assert len(entries(store)) == 60
    assert list((store / "tmp").iterdir()) == []
    for target in (tmp_path / "runs").iterdir():
        assert verify_code(target) == []


def test_what_links_cost_is_directories_and_a_list(project, backup):
    for number in range(200):
        write(project / f"big/m{number}.py", f"{number}\n" * 4000)
    _, first = backup()
    _, second = backup()
    size = lambda *paths: int(
        subprocess.run(["du", "-sck", *paths], capture_output=True, check=True, text=True).stdout.split()[-2]
    )
    assert size(first, second) - size(first) < 0.05 * size(first)
