"""Moving runs to another task, or another data root."""

from __future__ import annotations

import json
import shutil

import pytest

from rla.core.index_name import task_directory
from rla.core.layout import RootPaths
from rla.errors import ConfigError, StoreError
from rla.fsio.file_lock import FileLock
from rla.manage.plan import execute, plan_archive, plan_delete, plan_migrate
from rla.manage.record import journal_of
from rla.manage.recover import recover
from rla.manage.restore import restore
from rla.runs.root import read_root_id
from tests.indexes import index_url, open_database
from tests.manage.stored_runs import inconsistencies, make_run, make_runs, of_runs, place_of, snapshot


@pytest.fixture
def other(tmp_path):
    path = tmp_path / "other root"
    yield path
    if path.exists():
        assert inconsistencies(path) == []


@pytest.fixture
def migrate(database):
    return lambda uids, **where: execute(database, plan_migrate(database, uids, **where))


def files(root, database, uid):
    place = place_of(database, uid)
    found = of_runs(snapshot(root), {place})
    return {path.replace(place, "", 1): text for path, text in found.items() if not path.endswith("/run.json")}


@pytest.mark.parametrize("task", ["other", "a/b: c", "CON", "ü" * 100])
def test_a_run_moves_to_another_task_with_all_it_has_and_keeps_its_uid(root, uids, database, migrate, task):
    before = {uid: files(root, database, uid) for uid in uids}
    report = migrate(uids[:2], task=task)
    assert (report.done, report.failed) == (uids[:2], [])
    for uid in uids[:2]:
        assert files(root, database, uid) == before[uid]
        row = database.table.get(uid)
        assert row["task"] == task
        assert place_of(database, uid).startswith(task_directory(task) + "/")
        record = json.loads((root / "log" / place_of(database, uid) / "run.json").read_bytes())
        assert (record["task"], record["uid"], record["hyperparameters"]["lr"]) == (task, uid, 0.1)
    rows = [database.table.get(uid) for uid in uids]
    database.reindex()
    assert [database.table.get(uid) for uid in uids] == rows


def test_archived_copies_move_along(root, uids, database, migrate):
    execute(database, plan_archive(database, uids[:1]))
    migrate(uids[:1], task="other")
    assert place_of(database, uids[0], archived=True) == place_of(database, uids[0])
    assert place_of(database, uids[0]).startswith("other/")
    execute(database, plan_delete(database, uids[:1]))
    database.reindex()
    assert database.table.get(uids[0])["task"] == "other"


def test_what_a_later_version_wrote_into_a_manifest_stays_in_it(root, uids, database, migrate):
    file = root / "log" / place_of(database, uids[0]) / "run.json"
    content = json.loads(file.read_bytes())
    file.write_text(json.dumps({**content, "novelty": [1, 1e300, "ü\u2028"]}))
    migrate(uids[:1], task="other")
    assert json.loads((root / "log" / place_of(database, uids[0]) / "run.json").read_bytes())["novelty"] == [
        1,
        1e300,
        "ü\u2028",
    ]


def test_a_taken_name_and_a_taken_index_get_the_next_number(root, uids, database, migrate):
    """A run that lies where the migrated one would, with the same index."""
    place = place_of(database, uids[0])
    shutil.copytree(root / "log" / place, root / "log" / ("other" + place.removeprefix("task")))
    file = root / "log" / ("other" + place.removeprefix("task")) / "run.json"
    twin = {**json.loads(file.read_bytes()), "uid": "0123456789abcdef", "task": "other"}
    file.write_text(json.dumps(twin))
    database.reindex()
    assert migrate(uids[:1], task="other").done == uids[:1]
    assert place_of(database, uids[0]) == "other" + place.removeprefix("task") + "~1"
    assert database.table.get(uids[0])["seq"] == 1
    assert place_of(database, "0123456789abcdef") == "other" + place.removeprefix("task")
    rows = database.table.rows()
    database.reindex()
    assert database.table.rows() == rows
    assert restore(database).done == uids[:1]
    assert database.table.get(uids[0])["seq"] == 0


def test_runs_that_cannot_move_are_refused_with_a_reason(root, uids, database):
    lock = FileLock(root / "log" / place_of(database, uids[0]) / "run.json")
    assert lock.acquire()
    damaged = root / "log" / place_of(database, uids[1]) / "run.json"
    content = damaged.read_bytes()
    damaged.write_bytes(b"{")
    plan = plan_migrate(database, uids[:2], task="other")
    lock.release()
    assert [reason.split(":")[0] for _, reason in plan.refused] == [
        "it is being recorded",
        "not a manifest file of rla",
    ]
    damaged.write_bytes(content)
    assert plan_migrate(database, uids, task="task").refused[0][1] == "it is in the task 'task' already"


def test_a_plan_needs_a_target(database, uids, root):
    with pytest.raises(ConfigError, match="say where"):
        plan_migrate(database, uids)
    with pytest.raises(ConfigError, match="needs a name"):
        plan_migrate(database, uids, task=" ")
    with pytest.raises(ConfigError, match="already"):
        plan_migrate(database, uids, data_root=root)


def test_a_run_moves_to_another_data_root_and_its_row_to_the_other_index(root, uids, database, migrate, other):
    before = {uid: files(root, database, uid) for uid in uids}
    plan = plan_migrate(database, uids[:2], data_root=other)
    assert not other.exists()  # a plan changes nothing
    report = execute(database, plan)
    assert (report.done, report.failed) == (uids[:2], [])
    there = open_database(other)
    assert {run.uid for run in there.runs()} == set(uids[:2])
    assert {run.uid for run in database.runs()} == set(uids[2:])
    for uid in uids[:2]:
        assert files(other, there, uid) == before[uid]
    assert migrate(uids[2:], data_root=other).done == uids[2:]
    assert len(open_database(other).runs()) == 4


def test_to_another_task_of_another_root(root, uids, database, migrate, other):
    assert migrate(uids[:1], task="new", data_root=other).done == uids[:1]
    there = open_database(other)
    assert there.table.get(uids[0])["task"] == "new"
    assert place_of(there, uids[0]).startswith("new/")


def test_an_archived_copy_stays_when_the_run_moves_to_another_root(root, uids, database, migrate, other):
    execute(database, plan_archive(database, uids[:1]))
    migrate(uids[:1], data_root=other)
    assert place_of(database, uids[0]) is None
    assert place_of(database, uids[0], archived=True)


def test_a_run_that_is_there_already_is_refused_and_a_move_undone_keeps_both(root, uids, database, migrate, other):
    migrate(uids[:1], data_root=other)
    report = restore(database)
    assert report.done == uids[:1]
    assert report.notes == [(uids[0], f"its copy in {other} stays")]
    ((_, reason),) = plan_migrate(database, uids[:1], data_root=other).refused
    assert "already" in reason


def test_a_full_root_fails_that_run_and_keeps_it_here(root, uids, database, mount):
    disk = mount("tmpfs", "size=512k")
    (root / "checkpoint" / place_of(database, uids[0]) / "model").write_bytes(b"x" * 10**6)
    report = execute(database, plan_migrate(database, uids[:2], data_root=disk / "other"))
    assert report.done in ([uids[1]], [])
    assert report.failed[0][0] == uids[0]
    assert place_of(database, uids[0]) is not None
    assert inconsistencies(disk / "other") == []


def test_recovery_waits_for_a_root_that_is_not_mounted(root, uids, database, other, monkeypatch, tmp_path):
    from rla.manage import transfer

    def stop(*_arguments):
        raise KeyboardInterrupt

    make_runs(other, 1)
    with monkeypatch.context() as patch:
        patch.setattr(transfer, "settle", stop)
        with pytest.raises(KeyboardInterrupt):
            execute(database, plan_migrate(database, uids[:1], data_root=other))
    other.rename(tmp_path / "unmounted")
    (message,) = recover(database)
    assert "mount it" in message
    assert not other.exists()
    assert journal_of(RootPaths(root)).pending()
    (tmp_path / "unmounted").rename(other)
    (message,) = recover(database)
    assert "1 of 1 run" in message
    assert place_of(open_database(other), uids[0])
    assert place_of(database, uids[0]) is None


def test_one_index_of_two_roots_keeps_one_row(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    (uid,) = make_runs(one, 1)
    make_run(two)
    url = index_url() or f"sqlite:///{tmp_path / 'shared.db'}"
    database = open_database(one, url)
    open_database(two, url)
    execute(database, plan_migrate(database, [uid], data_root=two))
    (place,) = database.table.places_of(uid)
    assert place.root_id == read_root_id(RootPaths(two))


def test_a_target_that_cannot_be_written_is_one_error(root, uids, database, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises((StoreError, OSError)):
        execute(database, plan_migrate(database, uids, data_root=tmp_path / "file" / "below"))
