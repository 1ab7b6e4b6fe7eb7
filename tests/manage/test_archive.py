"""Archiving: a second, whole, verified place."""

from __future__ import annotations

import os

import pytest

from rla.fsio import copy_file
from rla.fsio.file_lock import FileLock
from rla.manage.plan import execute, plan_archive, plan_delete
from rla.store.run_row import Place
from tests.indexes import open_database
from tests.manage.stored_runs import make_run, of_runs, place_of, snapshot


@pytest.fixture
def archive(database):
    return lambda uids: execute(database, plan_archive(database, uids))


def live_and_copy(root, database, uid):
    place = {place_of(database, uid)}
    files = of_runs(snapshot(root), place)
    live = {path: text for path, text in files.items() if not path.startswith("arc/")}
    copy = {path.removeprefix("arc/"): text for path, text in files.items() if path.startswith("arc/")}
    return live, copy


def test_every_kind_of_the_chosen_runs_has_a_second_place(root, uids, database, archive):
    before = snapshot(root)
    report = archive(uids[:2])
    assert (report.done, report.failed, report.notes) == (uids[:2], [], [])
    assert report.bytes > 0
    for uid in uids[:2]:
        live, copy = live_and_copy(root, database, uid)
        assert live == copy != {}
        assert place_of(database, uid, archived=True) == place_of(database, uid)
    assert {path: text for path, text in snapshot(root).items() if not path.startswith("arc/")} == before
    assert not any(f"arc/{kind}" in str(snapshot(root).keys()) for kind in ("results", "archive_tester"))


def test_a_rebuild_finds_the_same_places(root, uids, database, archive):
    archive(uids[:2])
    before = [database.table.get(uid) for uid in uids]
    database.reindex()
    assert [database.table.get(uid) for uid in uids] == before


def test_archiving_twice_does_nothing(root, uids, database, archive):
    plan = plan_archive(database, uids[:2])
    execute(database, plan)
    before = snapshot(root)
    again = execute(database, plan)
    assert (again.done, again.gone, again.failed) == ([], uids[:2], [])
    assert [reason for _, reason in plan_archive(database, uids[:2]).refused] == ["it is archived already"] * 2
    assert snapshot(root) == before


def test_a_copy_that_differs_is_reported_and_not_overwritten(root, uids, database, archive):
    archive(uids[:1])
    file = root / "arc" / "code" / place_of(database, uids[0]) / "file-0.bin"
    file.write_bytes(b"changed")
    ((_, reason),) = plan_archive(database, uids[:1]).refused
    assert reason == "it is archived, and differs from its copy in code: file-0.bin; the copy is left as it is"
    assert archive(uids[:1]).done == []
    assert file.read_bytes() == b"changed"


def test_something_else_in_the_place_of_a_copy_is_reported(root, uids, database):
    taken = root / "arc" / "code" / place_of(database, uids[0])
    taken.mkdir(parents=True)
    (taken / "precious").write_text("")
    ((_, reason),) = plan_archive(database, uids[:1]).refused
    assert "exists" in reason
    assert (taken / "precious").exists()
    import shutil

    shutil.rmtree(root / "arc")


def test_a_run_that_is_being_recorded_is_refused(root, uids, database):
    lock = FileLock(root / "log" / place_of(database, uids[0]) / "run.json")
    assert lock.acquire()
    assert "lock is held" in plan_archive(database, uids[:1]).refused[0][1]
    lock.release()


def test_an_archived_copy_is_all_that_is_left_after_a_delete_and_can_still_be_found(root, uids, database, archive):
    archive(uids[:1])
    execute(database, plan_delete(database, uids[:1]))
    row = open_database(root).table.get(uids[0])
    assert row["places"] == [Place(uids[0], database.root_id, row["places"][0].path, archived=True)]
    assert [reason for _, reason in plan_archive(database, uids[:1]).refused] == ["it is archived already"]
    database.reindex()
    assert database.table.get(uids[0]) == row


def test_links_that_stay_in_the_run_are_kept_and_others_are_left_out_and_reported(root, uids, database, archive):
    place = place_of(database, uids[0])
    code = root / "code" / place
    (code / "inside").symlink_to("sub/file-1.bin")
    (code / "other-kind").symlink_to("/".join([".."] * 6) + f"/checkpoint/{place}/file-0.bin")
    (code / "outside").symlink_to("../../../../../../rla.db")
    (code / "sub" / "absolute").symlink_to("/etc/passwd")
    os.mkfifo(code / "pipe")
    report = archive(uids[:1])
    assert report.done == uids[:1]
    assert sorted(text.split(" is left out")[0] for _, text in report.notes) == [
        "code: outside",
        "code: pipe",
        "code: sub/absolute",
    ]
    copy = root / "arc" / "code" / place
    assert (copy / "inside").read_bytes() == (code / "inside").read_bytes()
    assert (copy / "other-kind").resolve() == (root / "arc" / "checkpoint" / place / "file-0.bin").resolve()
    assert not (copy / "sub" / "absolute").is_symlink()
    ((_, reason),) = plan_archive(database, uids[:1]).refused
    assert reason == "it is archived already"  # what was left out is no difference


def test_backed_up_code_is_linked_again(root, uids, database, archive):
    store = root / ".rla" / "code-store" / "ab" / "cdef"
    store.parent.mkdir(parents=True)
    store.write_text("print()")
    store.chmod(0o444)
    place = place_of(database, uids[0])
    os.link(store, root / "code" / place / "train.py")
    archive(uids[:1])
    assert (root / "arc" / "code" / place / "train.py").stat().st_ino == store.stat().st_ino


def test_a_copy_that_cannot_be_verified_leaves_nothing(root, uids, database, archive, monkeypatch):
    monkeypatch.setattr(copy_file, "_is_same", lambda *_arguments: False)
    before = snapshot(root)
    report = archive(uids[:2])
    assert report.done == []
    assert {reason.split(" (")[0] for _, reason in report.failed} == {"the copy is not like its source"}
    assert snapshot(root) == before


def test_progress_counts_bytes_up_to_all_of_them(root, uids, database):
    told = []
    plan = plan_archive(database, uids)
    execute(database, plan, progress=lambda done, of: told.append((done, of)))
    assert told == sorted(told)
    assert told[-1] == (plan.bytes, plan.bytes)


def test_an_archive_on_another_disk_is_copied_and_can_be_deleted_and_restored(tmp_path, mount):
    from rla.manage.restore import restore

    root = tmp_path / "data"
    uid = make_run(root)
    disk = mount("tmpfs", "size=8m")
    (root / "arc").symlink_to(disk)
    database = open_database(root)
    assert execute(database, plan_archive(database, [uid])).done == [uid]
    before = snapshot(disk)
    assert before
    assert execute(database, plan_delete(database, [uid], archived=True)).done == [uid]
    assert not list(disk.glob("log/task/**/run.json"))
    assert restore(database).done == [uid]
    assert {path: text for path, text in snapshot(disk).items() if ".rla-trash" not in path} == before


def test_a_full_archive_disk_fails_that_run_and_leaves_nothing_of_it(tmp_path, mount):
    root = tmp_path / "data"
    small, large = make_run(root, 1), make_run(root, 2)
    disk = mount("tmpfs", "size=256k")
    (root / "arc").symlink_to(disk)
    database = open_database(root)
    (root / "checkpoint" / place_of(database, large) / "model").write_bytes(os.urandom(10**6))
    report = execute(database, plan_archive(database, [large, small]))
    assert report.done == [small]
    assert report.failed[0][0] == large
    assert "No space left" in report.failed[0][1]
    assert place_of(database, large, archived=True) is None
    assert len(list(disk.glob("log/*/*/*/*/*"))) == 1
    assert not list(disk.rglob("model"))
