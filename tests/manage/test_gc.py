"""Emptying the trash, and the code that nobody uses."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from datetime import timedelta

import pytest

from rla.core.layout import user_cache_dir
from rla.manage import gc as module
from rla.manage.disk_usage import usage
from rla.manage.gc import collect
from rla.manage.plan import execute, plan_archive, plan_delete
from rla.manage.restore import list_operations, restore
from rla.runs.curve_cache import CurveCache
from rla.runs.curves import read_curve
from rla.runs.query import query
from tests.indexes import open_database
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


@pytest.fixture
def drawn(database, uids):
    """The four runs with values that were read before, and the cache that has them."""
    for number, uid in enumerate(uids):
        run = query(database.root.root, uids=[uid]).one()
        run.paths.csv.write_text(f"return,time-step\n{number},1\n", encoding="ascii")
        run.curve("return")
    return database.root.curve_cache


def cached_of(cache) -> dict[str, int]:
    """How many columns the cache has of each CSV."""
    return Counter(json.loads(file.read_bytes().partition(b"\n")[0])["csv"] for file in cache.iterdir())


def test_of_the_cache_of_curves_goes_what_runs_had_that_are_gone(root, uids, database, delete, drawn):
    gone = str(root / "log" / place_of(database, uids[0]) / "progress.csv")
    assert (len(cached_of(drawn)), cached_of(drawn)[gone]) == (4, 2)
    delete(uids[:1])
    (drawn / ".killed.0a1b.rla-tmp").write_bytes(b"half")
    (drawn / "notes.txt").write_bytes(b"not ours")
    before = sum(file.stat().st_blocks * 512 for file in drawn.iterdir())
    freed = collect(database, older_than=A_DAY).bytes
    (drawn / "notes.txt").unlink()
    assert sum(file.stat().st_blocks * 512 for file in drawn.iterdir()) == before - freed - 4096
    assert gone not in cached_of(drawn)
    assert set(cached_of(drawn).values()) == {2}
    assert len(cached_of(drawn)) == 3


def test_all_of_the_cache_of_curves_goes_when_asked_and_values_are_read_again(root, uids, database, drawn):
    (drawn / ("0" * 32)).write_bytes(b"damaged")
    assert collect(database, older_than=A_DAY, all_curves=True).bytes > 0
    assert list(drawn.iterdir()) == []
    assert query(root, uids=[uids[1]]).one().curve("return").y.tolist() == [1]


def test_the_users_cache_loses_what_it_has_of_this_root_only(tmp_path, uids, database, delete):
    users = user_cache_dir() / "curves"
    cache = CurveCache([users])
    elsewhere = tmp_path / "progress.csv"
    elsewhere.write_text("return,time-step\n1,1\n", encoding="ascii")
    mine = query(database.root.root, uids=uids[:1]).one().paths.csv
    mine.write_text("return,time-step\n1,1\n", encoding="ascii")
    for path in (elsewhere, mine):
        read_curve(path, "return", "time-step", cache)
    elsewhere.unlink()
    (users / ("0" * 32)).write_bytes(b"damaged")
    assert collect(database, older_than=A_DAY).bytes == 0
    delete(uids[:1])
    assert collect(database, older_than=A_DAY).bytes > 0
    (users / ("0" * 32)).unlink()
    assert set(cached_of(users)) == {str(elsewhere)}


def test_a_cache_that_is_a_link_is_left_alone(tmp_path, database, drawn):
    drawn.rename(tmp_path / "aside")
    drawn.symlink_to(tmp_path / "aside")
    before = snapshot(tmp_path / "aside")
    assert collect(database, older_than=A_DAY, all_curves=True).bytes == 0
    assert snapshot(tmp_path / "aside") == before


def test_the_cache_of_curves_is_counted_by_kind(database, drawn):
    found = {line.key: line.bytes for line in usage(database, by="kind")}
    files = sum(file.stat().st_blocks * 512 for file in drawn.iterdir())
    assert found[".rla/cache/curves"] == files + drawn.stat().st_blocks * 512


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


def test_what_kills_left_half_written_goes_after_a_day(root, database):
    left = root / ".rla" / ".root.1.rla-tmp"
    left.touch()
    collect(database, older_than=NOW)
    assert left.exists()
    yesterday = time.time() - A_DAY.total_seconds() - 1
    os.utime(left, (yesterday, yesterday))
    collect(database, older_than=NOW)
    assert not left.exists()
