"""One command at a time, on full disks, for readers, and after a kill."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest

from rla.core.layout import RootPaths
from rla.errors import StoreBusyError, StoreError
from rla.fsio.file_lock import FileLock
from rla.manage import delete as delete_module
from rla.manage.gc import collect
from rla.manage.operation import operation
from rla.manage.plan import execute, plan_archive, plan_delete, plan_migrate
from rla.manage.record import journal_of, new_record, write_record
from rla.manage.recover import open_to_change, recover
from rla.manage.restore import restore
from tests.indexes import open_database
from tests.manage.stored_runs import inconsistencies, make_run, make_runs, place_of, snapshot


def interrupted(monkeypatch, database, plan):
    """Carry out a plan up to the rows."""

    def stop(*_arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(delete_module, "places_of", stop)
        with pytest.raises(KeyboardInterrupt):
            execute(database, plan)


def test_a_second_command_waits_and_then_says_who_works(root, uids, database):
    with operation(database):
        write_record(RootPaths(root), new_record("archive", []))
        with pytest.raises(StoreBusyError, match=r"archive of 0 runs by .*; waited 0.1 s"), operation(database, 0.1):
            pass
        for entry in journal_of(RootPaths(root)).pending():
            journal_of(RootPaths(root)).drop(entry)
    with operation(database, 0.0):
        pass


def test_the_lock_goes_with_its_holder(root, uids, database):
    script = """
import os, signal, sys
from pathlib import Path
from rla.manage.operation import operation
from tests.indexes import open_database
with operation(open_database(Path(sys.argv[1]))):
    print("held", flush=True)
    signal.pause()
"""
    process = subprocess.Popen([sys.executable, "-c", script, str(root)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    assert recover(database) == []
    with pytest.raises(StoreBusyError), operation(database, 0.05):
        pass
    process.kill()
    process.communicate()
    with operation(database, 5.0):
        pass


def test_the_next_command_finishes_what_was_broken_off_and_says_so(root, uids, database, monkeypatch):
    interrupted(monkeypatch, database, plan_delete(database, uids[:2]))
    assert len(database.table.rows()) == 4
    assert recover(database) == ["a delete that was broken off is finished: 2 of 2 runs"]
    assert recover(database) == []
    assert len(database.table.rows()) == 2
    assert restore(database).done == uids[:2]


def test_every_command_recovers_first(root, uids, database, monkeypatch):
    interrupted(monkeypatch, database, plan_delete(database, uids[:2]))
    assert execute(database, plan_archive(database, uids)).done == uids[2:]
    assert len(database.table.rows()) == 2


def test_a_reader_recovers_nothing_while_a_command_works(root, uids, database, monkeypatch):
    interrupted(monkeypatch, database, plan_delete(database, uids[:2]))
    with operation(database):
        assert recover(database) == []
    assert journal_of(RootPaths(root)).pending()
    recover(database)


def test_a_journal_that_cannot_be_read_is_told_and_stays(root, uids, database):
    entry = root / ".rla" / "journal" / "20260101-000000-000000-abcd.json"
    entry.parent.mkdir()
    for content in ("{", '{"op":"x","action":"delete","when":1.0,"runs":[],"version":99}'):
        entry.write_text(content)
        (message,) = recover(database)
        assert "could not be finished yet" in message
        assert entry.exists()
    execute(database, plan_delete(database, uids[:1]))
    entry.unlink()


@pytest.mark.parametrize(
    "change",
    [
        {"uid": "../../../../victim"},
        {"path": "../../../../victim"},
        {"path": "task/2026/03/01/.."},
        {"kinds": ["../../victim"]},
        {"slot": "../../victim"},
        {"slot": "fedcba9876543210"},
        {"target": "/victim"},
    ],
)
def test_a_journal_that_somebody_planted_leads_nowhere(root, uids, database, change):
    place = place_of(database, uids[0])
    copy = {"path": place, "kinds": ["log"], "slot": uids[0], **{k: v for k, v in change.items() if k != "uid"}}
    item = {"uid": change.get("uid", uids[0]), "task": "task", "name": "x", "copies": [copy]}
    record = {"op": "20260101-000000-000000-abcd", "action": "delete", "when": 1.0, "runs": [item]}
    entry = root / ".rla" / "journal" / "20260101-000000-000000-abcd.json"
    entry.parent.mkdir()
    entry.write_text(json.dumps(record))
    before = snapshot(root)
    (message,) = recover(database)
    assert "no run's" in message
    assert snapshot(root) == before
    entry.unlink()


def test_on_a_network_file_system_the_announcement_of_a_run_goes_and_comes_with_it(mount):
    root = mount("ramfs") / "data"  # a file system that is not known to be local
    uids = make_runs(root, 2)
    database, entry = open_database(root), root / ".rla" / "spool" / uids[0]
    assert entry.exists()
    execute(database, plan_delete(database, uids[:1]))
    assert not entry.exists()
    assert restore(database).done == uids[:1]
    assert json.loads(entry.read_text())["place"] == place_of(database, uids[0])
    execute(database, plan_migrate(database, uids[:1], task="other"))
    assert json.loads(entry.read_text())["place"].startswith("other/")


def as_reader(root: Path, work) -> None:
    """Do something as a user who may read everything and write nothing of the data root."""
    for parent in root.parents:
        if str(parent).startswith("/tmp/") and parent.stat().st_mode & 0o005 != 0o005:
            parent.chmod(stat.S_IMODE(parent.stat().st_mode) | 0o055)
    time.strptime("2026", "%Y")  # imports a module, which the other user may not be able to read
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        text = "no error"
        try:
            os.seteuid(65534)
            work()
        except StoreError as error:
            text = f"StoreError: {error}"
        except BaseException as error:
            text = repr(error)
        os.write(write, text.encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as file:
        told = file.read()
    os.waitpid(pid, 0)
    assert told.startswith("StoreError: "), told
    assert "\n" not in told


@pytest.mark.skipif(os.geteuid() != 0, reason="another user is needed")
@pytest.mark.parametrize("command", ["delete", "archive", "restore", "gc", "migrate"])
@pytest.mark.parametrize("lock", ["with a lock file", "without"])
def test_a_user_who_may_not_write_gets_one_error_and_nothing_changes(root, uids, database, command, lock):
    execute(database, plan_delete(database, uids[3:]))
    if lock == "without":
        (root / ".rla" / "operation.lock").unlink()
    database.table.index.close()
    before = snapshot(root, own=True)

    def work():
        theirs = open_database(root)
        assert recover(theirs) == []
        if command == "restore":
            restore(theirs)
        elif command == "gc":
            collect(theirs, older_than=timedelta(0))
        elif command == "delete":
            execute(theirs, plan_delete(theirs, uids[:2]))
        elif command == "archive":
            execute(theirs, plan_archive(theirs, uids[:2]))
        else:
            execute(theirs, plan_migrate(theirs, uids[:2], task="x"))

    as_reader(root, work)
    assert snapshot(root, own=True) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="another user is needed")
def test_runs_of_another_user_are_left_whole_and_reported(root, uids, database):
    """The state directory may be written, some runs may not: no run is moved by half."""
    for path in [root, *root.rglob("*")]:
        os.chown(path, 65534, 65534)
    for path in (root / "log").rglob("*"):
        os.chown(path, 0, 0)
    os.chown(root / "log", 0, 0)
    database.table.index.close()
    for suffix in ("-wal", "-shm"):
        with suppress(FileNotFoundError):
            os.chown(root / f"rla.db{suffix}", 65534, 65534)
    before = snapshot(root)
    for parent in root.parents:
        if str(parent).startswith("/tmp/"):
            parent.chmod(stat.S_IMODE(parent.stat().st_mode) | 0o055)
    pid = os.fork()
    if pid == 0:
        code = 1
        with suppress(BaseException):
            os.seteuid(65534)
            theirs = open_database(root)
            report = execute(theirs, plan_delete(theirs, uids[:2]))
            code = 0 if report.done == [] and "Permission denied" in report.failed[0][1] else 2
        os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert snapshot(root) == before


def fill(disk: Path) -> None:
    with (disk / "filler").open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"\0" * 4096)


@pytest.mark.parametrize("kinds", [None, ["checkpoint"]])
def test_deleting_and_emptying_the_trash_work_on_a_full_disk(mount, kinds):
    disk = mount("tmpfs", "size=32m")
    root = disk / "data"
    uids = make_runs(root, 20)
    recover(open_database(root))  # as every command that changes runs: it keeps the reserve
    open_database(root).table.index.close()
    fill(disk)
    assert os.statvfs(disk).f_bavail == 0
    with pytest.raises(StoreError):  # SQLite finds no room for its side files
        open_database(root)
    database = open_to_change(root)
    report = execute(database, plan_delete(database, uids[:15], kinds=kinds))
    assert (report.done, report.failed) == (uids[:15], [])
    assert inconsistencies(root) == []
    assert collect(database, older_than=timedelta(0)).bytes > 15 * 2 * 4096
    assert os.statvfs(disk).f_bavail > 0


def test_an_index_that_cannot_be_opened_on_a_full_disk_says_what_to_do(mount):
    disk = mount("tmpfs", "size=4m")
    make_runs(disk / "data", 1)
    open_database(disk / "data").table.index.close()
    fill(disk)
    with pytest.raises(StoreError, match="its disk is full"):
        open_to_change(disk / "data")


def test_a_full_disk_without_a_reserve_is_one_error_before_anything_moves_or_it_works(mount):
    disk = mount("tmpfs", "size=4m")
    root = disk / "data"
    uids = make_runs(root, 3)
    database = open_database(root)
    before = snapshot(root)
    fill(disk)
    try:
        execute(database, plan_delete(database, uids[:2]))
    except StoreError as error:
        assert "No space left" in str(error) or "full" in str(error)
        assert snapshot(root) == before
    os.unlink(disk / "filler")
    recover(database)
    assert inconsistencies(root) == []


def test_a_kind_on_another_disk_has_its_trash_there(tmp_path, mount):
    root, disk = tmp_path / "data", mount("tmpfs", "size=8m")
    root.mkdir()
    (root / "checkpoint").symlink_to(disk)
    uids = make_runs(root, 3)
    database = open_database(root)
    before, inodes = snapshot(root), {path.stat().st_ino for path in disk.rglob("*.bin")}
    execute(database, plan_delete(database, uids))
    assert {path.stat().st_ino for path in (disk / ".rla-trash").rglob("*.bin")} == inodes  # moved, not copied
    assert restore(database).done == uids
    assert snapshot(root) == before
    assert inconsistencies(root) == []


def test_a_kind_whose_disk_is_not_mounted_is_no_kind_that_is_gone(tmp_path):
    root = tmp_path / "data"
    uid = make_run(root)
    (root / "checkpoint").rename(tmp_path / "disk")
    (root / "checkpoint").symlink_to(tmp_path / "disk")
    (tmp_path / "disk").rename(tmp_path / "unmounted")
    database = open_database(root)
    report = execute(database, plan_delete(database, [uid]))
    assert report.done == []
    assert "not mounted" in report.failed[0][1]
    assert (root / "log" / place_of(database, uid)).is_dir()


def test_a_tree_that_is_a_mount_below_a_kind_is_left_whole(tmp_path, mount):
    """A disk for one task only: nothing is copied, the run stays, and the report says why."""
    root, disk = tmp_path / "data", mount("tmpfs", "size=8m")
    root.mkdir()
    (root / "checkpoint").mkdir()
    (root / "checkpoint" / "task").symlink_to(disk)
    uid = make_run(root)
    database = open_database(root)
    before = snapshot(root)
    assert execute(database, plan_delete(database, [uid])).done == []
    assert snapshot(root) == before


def test_an_index_that_cannot_be_written_stops_a_delete_before_anything_moves(root, uids, database, monkeypatch):
    from rla.store.run_table import RunTable

    def refuse(*_arguments):
        raise StoreError("the index may not be written")

    before = snapshot(root)
    plan = plan_delete(database, uids)
    with monkeypatch.context() as patch:
        patch.setattr(RunTable, "remove_places", refuse)
        with pytest.raises(StoreError, match="may not be written"):
            execute(database, plan)
    assert snapshot(root) == before
    assert journal_of(RootPaths(root)).is_clean()


def test_a_run_that_is_locked_during_recovery_is_put_back_whole(root, uids, database, monkeypatch):
    """Its directories are where they were: it was not there any more when somebody began to record it again."""
    before = snapshot(root)
    plan = plan_delete(database, uids[:2])

    class Stopped(BaseException):
        pass

    from rla.manage import trash

    moved = []

    def stop_in_the_middle(source, target, real=trash.move):
        if len(moved) == 2:
            raise Stopped
        moved.append(source)
        real(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(trash, "move", stop_in_the_middle)
        with pytest.raises(Stopped):
            execute(database, plan)
    lock = FileLock(root / "log" / place_of(database, uids[0]) / "run.json")
    assert lock.acquire()
    (message,) = recover(database)
    lock.release()
    assert f"1 of 2 runs; {uids[0]}: it is being recorded" in message
    assert restore(database).done == [uids[1]]
    assert snapshot(root) == before
