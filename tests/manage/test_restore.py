"""Undoing: what was deleted or moved is back, to the last byte."""

from __future__ import annotations

import shutil

import pytest

from rla.errors import StoreError
from rla.manage.plan import execute, plan_archive, plan_delete, plan_migrate
from rla.manage.restore import list_operations, restore
from tests.indexes import open_database
from tests.manage.stored_runs import of_runs, place_of, snapshot


def rows(database):
    return {row["uid"]: row for row in database.table.rows()}


def test_the_last_delete_is_undone_to_the_last_byte_rows_and_places_too(root, uids, database, delete):
    execute(database, plan_archive(database, uids[:1]))
    files, before = snapshot(root), rows(database)
    delete(uids[:3], archived=True)
    report = restore(database)
    assert (report.done, report.failed) == (uids[:3], [])
    assert snapshot(root) == files
    assert rows(database) == before


def test_restoring_twice_does_nothing(root, uids, database, delete):
    delete(uids[3:])
    operation = delete(uids[:2]).operation
    restore(database)
    before = snapshot(root, own=True).keys()
    assert restore(database).done == []
    assert restore(database, operation).done == []
    assert {name for name in before ^ snapshot(root, own=True).keys() if "rla.db" not in name} == set()
    assert [each.runs for each in list_operations(database)] == [0, 1]


def test_an_operation_and_some_of_its_runs_can_be_named(root, uids, database, delete):
    first, second = delete(uids[:2]).operation, delete(uids[2:]).operation
    assert restore(database, first, [uids[1]]).done == [uids[1]]
    assert {each.id: each.runs for each in list_operations(database)} == {first: 1, second: 2}
    assert restore(database, first).done == [uids[0]]
    assert {run.uid for run in database.runs()} == set(uids[:2])


def test_an_operation_that_is_not_there_is_an_error(database):
    with pytest.raises(StoreError, match="knows no operation"):
        restore(database, "20200101-000000-000000-abcd")
    with pytest.raises(StoreError, match="knows no operation"):
        restore(database, "../../..")
    assert restore(database).done == []


def test_a_place_that_was_taken_meanwhile_is_reported_and_the_rest_goes_on(root, uids, database, delete):
    place = place_of(database, uids[0])
    files = snapshot(root)
    delete(uids[:2])
    taken = root / "checkpoint" / place
    taken.mkdir(parents=True)
    (taken / "precious").write_text("")
    report = restore(database)
    assert report.done == [uids[1]]
    assert report.failed[0][0] == uids[0]
    assert not (root / "log" / place).exists()
    assert (taken / "precious").exists()
    shutil.rmtree(taken)
    assert restore(database).done == [uids[0]]
    assert snapshot(root) == files


def test_freed_kinds_come_back_to_where_the_run_is_now(root, uids, database, delete):
    files = of_runs(snapshot(root), {place_of(database, uids[0])})
    freed = delete(uids[:1], kinds=["checkpoint"]).operation
    execute(database, plan_migrate(database, uids[:1], task="elsewhere"))
    assert restore(database, freed).done == uids[:1]
    assert "/elsewhere/" in f"/{place_of(database, uids[0])}"
    now = of_runs(snapshot(root), {place_of(database, uids[0])})
    assert len(now) == len(files)


def test_freed_kinds_of_a_run_that_is_gone_stay_in_the_trash(root, uids, database, delete):
    freed = delete(uids[:1], kinds=["checkpoint"]).operation
    delete(uids[:1])
    ((_, reason),) = restore(database, freed).failed
    assert "is not there any more" in reason
    assert restore(database).failed == []
    assert restore(database, freed).done == uids[:1]


def test_a_run_that_has_come_back_by_another_way_is_not_doubled(root, uids, database, delete, tmp_path):
    place = place_of(database, uids[0])
    shutil.copytree(root / "log" / place, tmp_path / "kept")
    delete(uids[:1])
    shutil.copytree(tmp_path / "kept", root / "log" / place)
    database.reindex()
    ((_, reason),) = restore(database).failed
    assert "in its place" in reason


def test_a_run_that_had_no_directories_cannot_come_back(root, uids, database, delete):
    for kind in ("log", "code", "checkpoint", "tmp_data"):
        shutil.rmtree(root / kind / place_of(database, uids[0]))
    for path in sorted(root.rglob("*"), reverse=True):
        if path.is_dir() and not any(path.iterdir()) and ".rla" not in path.parts:
            path.rmdir()
    delete(uids[:1])
    ((_, reason),) = restore(database).failed
    assert reason == "nothing of it is in the trash"


def test_trash_that_carries_another_uid_is_not_brought_back(root, uids, database, delete):
    operation = delete(uids[:1]).operation
    marker = root / ".rla" / "trash" / operation / "code" / uids[0] / ".rla-run"
    marker.write_text("fedcba9876543210\n")
    ((_, reason),) = restore(database).failed
    assert "does not carry its uid" in reason


def test_a_damaged_run_comes_back_as_damaged(root, uids, database, delete):
    (root / "log" / place_of(database, uids[0]) / "run.json").write_bytes(b'{"uid": "' + uids[0].encode() + b'"')
    delete(uids[:1])
    assert restore(database).done == uids[:1]
    assert "run.json" in open_database(root).table.get(uids[0])["damaged"]
    execute(database, plan_delete(database, uids[:1]))


def test_a_migration_is_undone(root, uids, database):
    execute(database, plan_archive(database, uids[:1]))
    files, before = snapshot(root), rows(database)
    execute(database, plan_migrate(database, uids[:2], task="elsewhere"))
    assert snapshot(root) != files
    assert restore(database).done == uids[:2]
    assert snapshot(root) == files
    assert rows(database) == before
    assert restore(database).done == []


def test_a_run_that_moved_on_after_a_migration_is_left_where_it_is(root, uids, database):
    first = execute(database, plan_migrate(database, uids[:1], task="one")).operation
    execute(database, plan_migrate(database, uids[:1], task="two"))
    report = restore(database, first)
    assert report.done == []
    assert place_of(database, uids[0]).startswith("two/")
