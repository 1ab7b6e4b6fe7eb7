"""Emptying the trash, and the code that nobody uses."""

from __future__ import annotations

import os
import time
from datetime import timedelta

import pytest

from rla.manage import gc as module
from rla.manage.disk_usage import usage
from rla.manage.gc import collect
from rla.manage.plan import execute, plan_archive, plan_delete
from rla.manage.restore import list_operations, restore
from rla.runs.database import open_database
from tests.manage.stored_runs import make_run, place_of, snapshot

NOW, A_DAY = timedelta(0), timedelta(days=1)


def test_only_what_is_old_enough_goes_and_the_freed_bytes_are_told(root, uids, database, delete):
    before = snapshot(root)
    operation = delete(uids[:2]).operation
    (trash,) = [line for line in usage(database, by="kind") if line.key == ".rla/trash"]
    assert collect(database, older_than=A_DAY).done == []
    told = []
    report = collect(database, older_than=NOW, progress=lambda done, of: told.append((done, of)))
    assert report.done == [operation]
    assert 0 < report.bytes <= trash.bytes
    assert told == [(1, 1)]
    assert list((root / ".rla" / "trash").iterdir()) == []
    assert snapshot(root).items() <= before.items()
    assert restore(database).done == []
    assert list_operations(database) == []


def test_a_gc_that_was_killed_is_finished_by_the_next_however_young_the_trash_is(
    root, uids, database, delete, monkeypatch
):
    delete(uids[:2])

    def stop(*_arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, "remove_leaf", stop)
        with pytest.raises(KeyboardInterrupt):
            collect(database, older_than=NOW)
    assert list_operations(database) == []  # what may be half gone is not offered
    assert len(collect(database, older_than=A_DAY).done) == 1
    assert list((root / ".rla" / "trash").iterdir()) == []


def test_something_in_the_trash_that_carries_another_uid_is_left_and_reported(root, uids, database, delete):
    operation = delete(uids[:1]).operation
    strange = root / ".rla" / "trash" / operation / "code" / uids[0] / ".rla-run"
    strange.write_text("fedcba9876543210\n")
    report = collect(database, older_than=NOW)
    assert [op for op, _ in report.failed] == [operation]
    assert strange.exists()
    strange.write_text(f"{uids[0]}\n")
    assert collect(database, older_than=NOW).failed == []


def test_links_in_the_trash_are_not_followed(root, uids, database, delete, tmp_path):
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "precious").write_text("")
    operation = delete(uids[:1]).operation
    trash = root / ".rla" / "trash" / operation
    (trash / "code" / uids[0] / "link").symlink_to(victim)
    (trash / "tmp_data").rename(tmp_path / "aside")
    (trash / "tmp_data").symlink_to(victim)
    collect(database, older_than=NOW)
    assert (victim / "precious").exists()


def test_the_trash_of_another_disk_is_emptied_too_also_when_it_was_not_mounted_before(tmp_path, mount):
    root, disk = tmp_path / "data", mount("tmpfs", "size=8m")
    (root).mkdir()
    (root / "checkpoint").symlink_to(disk)
    uid = make_run(root)
    database = open_database(root)
    before = snapshot(root)
    operation = execute(database, plan_delete(database, [uid])).operation
    assert (disk / ".rla-trash" / operation / uid / ".rla-run").exists()
    assert restore(database).done == [uid]
    assert snapshot(root) == before
    assert not (disk / ".rla-trash").exists()
    operation = execute(database, plan_delete(database, [uid])).operation
    (root / "checkpoint").unlink()
    assert operation in collect(database, older_than=NOW).done
    (root / "checkpoint").symlink_to(disk)
    assert collect(database, older_than=A_DAY).done == []
    assert collect(database, older_than=NOW).done == [operation]
    assert not (disk / ".rla-trash").exists()


def test_code_that_no_run_links_goes_after_a_day(root, uids, database, monkeypatch):
    folder = root / ".rla" / "code-store" / "ab"
    folder.mkdir(parents=True)
    (root / ".rla" / "code-store" / "cache.json").write_text("{}")
    for name in ("used", "unused"):
        (folder / name).write_bytes(b"x" * 5000)
    place = root / "code" / place_of(database, uids[0])
    os.link(folder / "used", place / "train.py")
    assert collect(database, older_than=A_DAY).bytes == 0
    later = time.time() + 2 * 24 * 3600
    monkeypatch.setattr(time, "time", lambda: later)
    assert collect(database, older_than=A_DAY).bytes == (place / "train.py").stat().st_blocks * 512
    assert [path.name for path in folder.iterdir()] == ["used"]
    assert (root / ".rla" / "code-store" / "cache.json").exists()


def test_usage_by_task_run_and_kind_counts_linked_code_once(root, uids, database, delete):
    store = root / ".rla" / "code-store" / "ab" / "cdef"
    store.parent.mkdir(parents=True)
    store.write_bytes(b"x" * 10**6)
    store.chmod(0o444)
    for uid in uids[:2]:
        os.link(store, root / "code" / place_of(database, uid) / "big.py")
    other = make_run(root, 9, task="other")
    by_task = {line.key: line for line in usage(database)}
    assert {key: line.runs for key, line in by_task.items()} == {"task": 4, "other": 1}
    assert 10**6 < by_task["task"].bytes < 2 * 10**6
    by_run = usage(database, by="run")
    assert {line.key for line in by_run} == {*uids, other}
    assert by_run[0].bytes == max(line.bytes for line in by_run)
    assert sum(line.bytes for line in by_run) == sum(line.bytes for line in by_task.values())
    execute(database, plan_archive(database, uids[:1]))
    delete([other])
    by_kind = {line.key: line for line in usage(database, by="kind")}
    assert {"log", "code", "checkpoint", "tmp_data", "arc/log", ".rla/trash"} <= by_kind.keys()
    assert by_kind["arc/log"].runs == 1
    assert by_kind["code"].bytes + by_kind["arc/code"].bytes < 2 * 10**6
    assert by_kind[".rla/trash"].bytes > 0
