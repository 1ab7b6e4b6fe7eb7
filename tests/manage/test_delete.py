"""Deleting: the right runs, whole, undoable, and nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from rla.core import manifest, states
from rla.core.layout import RootPaths
from rla.core.manifest import State
from rla.errors import ConfigError
from rla.fsio.file_lock import FileLock
from rla.manage.plan import execute, plan_archive, plan_delete
from rla.manage.restore import list_operations
from rla.runs.create import RunRequest, create_run
from rla.store.run_row import Place
from tests.indexes import open_database
from tests.manage.stored_runs import (
    inconsistencies,
    leaves_on_disk,
    make_run,
    make_runs,
    of_runs,
    place_of,
    snapshot,
)


def leaf(database, uid, kind="log", *, archived=False) -> Path:
    place = place_of(database, uid, archived=archived)
    return database.root.copy(place, archived=archived).directory(kind)


def test_all_kinds_of_the_chosen_runs_go_to_the_trash_and_no_others(root, uids, database, delete):
    place = place_of(database, uids[3])
    others = of_runs(snapshot(root), {place})
    report = delete(uids[:3])
    assert (report.done, report.failed, report.gone) == (uids[:3], [], [])
    assert report.bytes > 3 * 4 * 2 * 500
    assert snapshot(root) == others
    assert [run.uid for run in open_database(root).runs()] == [uids[3]]
    (operation,) = list_operations(database)
    assert (operation.id, operation.action, operation.runs) == (report.operation, "delete", 3)


def test_the_plan_says_what_it_will_do_and_changes_nothing(root, uids, database):
    before = snapshot(root, own=True)
    plan = plan_delete(database, [*uids, "0123456789abcdef", uids[0]])
    assert [run.uid for run in plan.runs] == uids
    assert plan.bytes == sum(run.bytes for run in plan.runs) > 0
    assert [reason for _, reason in plan.refused] == ["it is not in the index any more"]
    lines = plan.lines()
    assert lines[0].startswith("delete 4 runs, ")
    assert lines[1].startswith(f"newest: {uids[3]}")
    assert lines[2].startswith(f"oldest: {uids[0]}")
    assert any("0123456789abcdef" in line for line in lines)
    after = snapshot(root, own=True)
    assert {name for name in before.keys() ^ after.keys() if "rla.db" not in name} == set()


def test_a_preview_shows_the_first_twenty(root):
    many = make_runs(root, 23, kinds=("log",), files=1)
    lines = plan_delete(open_database(root), many).lines()
    assert sum(line.startswith("  ") for line in lines) == 21
    assert lines[-1].strip() == "... and 3 more"


def test_only_some_kinds_are_freed_and_the_run_stays(root, uids, database, delete):
    before = snapshot(root)
    report = delete(uids[:2], kinds=["checkpoint", "tmp_data", "results"])
    assert report.done == uids[:2]
    gone = before.keys() - snapshot(root).keys()
    places = {place_of(database, uid) for uid in uids[:2]}
    assert gone == {
        path
        for path in before
        if path.split("/")[0] in {"checkpoint", "tmp_data"} and any(f"/{place}/" in path for place in places)
    }
    assert len(database.runs()) == 4


def test_the_log_cannot_be_freed_alone_and_unknown_kinds_are_refused(database, uids):
    with pytest.raises(ConfigError, match="cannot be freed alone"):
        plan_delete(database, uids, kinds=["log", "code"])
    with pytest.raises(ConfigError, match="'checkpoints'"):
        plan_delete(database, uids, kinds=["checkpoints"])
    with pytest.raises(ConfigError):
        plan_delete(database, uids, kinds=[])


def test_of_an_archived_run_only_the_original_goes_unless_the_copy_is_asked_for(root, uids, database, delete):
    execute(database, plan_archive(database, uids[:1]))
    copy = of_runs(snapshot(root / "arc"), {place_of(database, uids[0])})
    delete(uids[:1])
    assert of_runs(snapshot(root / "arc"), {place_of(database, uids[0], archived=True)}) == copy != {}
    assert database.table.get(uids[0])["places"] == [
        Place(uids[0], database.root_id, place_of(database, uids[0], archived=True), archived=True)
    ]
    (_, reason), *_ = plan_delete(database, uids[:1]).refused
    assert "only its archived copy is left" in reason
    assert delete(uids[:1], archived=True).done == uids[:1]
    assert database.table.get(uids[0]) is None
    assert not list((root / "arc").rglob("run.json"))


def test_a_run_whose_lock_is_held_is_refused_even_by_force(root, uids, database, delete):
    lock = FileLock(leaf(database, uids[0]) / "run.json")
    assert lock.acquire()
    for force in (False, True):
        plan = plan_delete(database, uids, force=force)
        assert [(run.uid, reason) for run, reason in plan.refused] == [
            (uids[0], "it is being recorded: its lock is held")
        ]
    lock.release()
    assert len(plan_delete(database, uids).runs) == 4


def test_a_run_that_comes_alive_after_the_preview_is_left_alone_and_reported(root, uids, database):
    plan = plan_delete(database, uids)
    lock = FileLock(leaf(database, uids[2]) / "run.json")
    assert lock.acquire()
    report = execute(database, plan)
    lock.release()
    assert report.done == [uids[0], uids[1], uids[3]]
    assert report.failed == [(uids[2], "it is being recorded: its lock is held")]


def test_a_run_of_a_process_that_lives_is_refused_and_force_believes_the_user(root, uids, database):
    new = create_run(RootPaths(root), RunRequest("task", {"seed": 9}, ("seed",)))
    new.lock.release()  # as on a file system without locks
    uid = new.manifest.uid
    ((_, reason),) = plan_delete(database, [uid]).refused
    assert f"by process {os.getpid()} on" in reason
    assert plan_delete(database, [uid], force=True).runs[0].uid == uid


@pytest.mark.parametrize(("age", "alive"), [(10, True), (10_000, False)])
def test_a_run_of_another_machine_is_alive_while_it_reports(root, uids, database, age, alive):
    file = leaf(database, uids[0]) / "run.json"
    record = manifest.decode(file.read_bytes(), manifest.Manifest)
    fields = {name: getattr(record, name) for name in record.__struct_fields__}
    file.write_bytes(manifest.encode(manifest.Manifest(**{**fields, "host": "elsewhere"})))
    state = State(state=states.RUNNING, heartbeat=time.time() - age)
    (file.parent / "state.json").write_bytes(manifest.encode(state))
    assert bool(plan_delete(database, uids[:1]).refused) is alive


def test_a_directory_that_carries_another_uid_is_never_touched(root, uids, database, delete):
    before = snapshot(root)
    marker = leaf(database, uids[0], "checkpoint") / ".rla-run"
    marker.write_text("fedcba9876543210\n", encoding="ascii")
    report = delete(uids[:1])
    assert report.done == []
    ((uid, reason),) = report.failed
    assert uid == uids[0]
    assert "does not carry its uid" in reason
    marker.write_text(f"{uids[0]}\n", encoding="ascii")
    assert snapshot(root) == before  # the kinds that had been moved are back


def test_a_log_of_another_run_is_never_touched(root, uids, database):
    one, other = leaf(database, uids[0]), leaf(database, uids[1])
    content = (one / "run.json").read_bytes()
    (one / "run.json").write_bytes((other / "run.json").read_bytes())
    ((_, reason),) = execute(database, plan_delete(database, uids[:1])).failed
    assert "does not carry its uid" in reason
    assert one.is_dir()
    (one / "run.json").write_bytes(content)


def test_a_kind_without_a_marker_is_not_ours_unless_it_is_empty(root, uids, database, delete):
    (leaf(database, uids[0], "results")).mkdir(parents=True)
    torn = leaf(database, uids[1], "results")
    torn.mkdir(parents=True)
    (torn / ".rla-run").touch()  # a kill between making and writing it
    foreign = leaf(database, uids[2], "results")
    foreign.mkdir(parents=True)
    (foreign / "mine").write_text("")
    report = delete(uids[:3])
    assert report.done == uids[:2]
    assert [uid for uid, _ in report.failed] == [uids[2]]
    assert (foreign / "mine").exists()


@pytest.mark.parametrize("content", [b"", b"{", b"[]"])
def test_a_run_with_a_damaged_manifest_is_known_by_its_other_kinds(root, uids, database, delete, content):
    (leaf(database, uids[0]) / "run.json").write_bytes(content)
    assert delete(uids[:1]).done == uids[:1]


def test_a_damaged_manifest_that_nothing_vouches_for_is_left(root, uids, database):
    uid = make_run(root, 7, kinds=("log",))
    file = leaf(database, uid) / "run.json"
    content = file.read_bytes()
    file.write_bytes(b"")
    ((_, reason),) = execute(database, plan_delete(database, [uid])).failed
    assert "does not carry its uid" in reason
    file.write_bytes(content)


@pytest.mark.parametrize("level", [0, 1, 2, 3, 4, 5])
def test_a_link_at_any_level_above_a_run_is_refused_and_its_target_untouched(root, uids, database, tmp_path, level):
    parts = place_of(database, uids[0]).split("/")
    swapped = root.joinpath("checkpoint", *parts[:level])
    victim = tmp_path / "victim"
    swapped.rename(victim)
    swapped.symlink_to(victim)
    before = snapshot(victim)
    report = execute(database, plan_delete(database, uids[:1]))
    if level == 0:  # a whole kind may lie on another disk: this one still carries the uid
        assert report.done == uids[:1]
    else:
        assert report.done == []
        assert snapshot(victim) == before
    if swapped.is_symlink():
        swapped.unlink()
    if level:
        victim.rename(swapped)


def test_links_planted_inside_a_run_go_with_it_and_their_targets_stay(root, uids, database, delete, tmp_path):
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "precious").write_text("")
    (leaf(database, uids[0]) / "link").symlink_to(victim)
    (leaf(database, uids[0], "code") / "sub" / "link").symlink_to(victim / "precious")
    assert delete(uids[:1]).done == uids[:1]
    assert (victim / "precious").exists()


@pytest.mark.parametrize(
    "path",
    [
        "../../victim",
        "/victim",
        "task/../../../victim",
        "task/2026/03/01/../../x",
        "task",
        ".rla/2026/03/01/x",
        "a//b/c/d",
        "",
    ],
)
def test_a_row_that_leads_out_of_the_root_is_refused(root, uids, database, path, tmp_path):
    (tmp_path / "victim").mkdir()
    row = database.table.get(uids[0])
    (old,) = row["places"]
    database.table.add_place(Place(uids[0], database.root_id, path))
    database.table.remove_place(old)
    plan = plan_delete(database, uids[:1])
    assert plan.runs == []
    assert "no run's place" in plan.refused[0][1]
    database.table.add_place(old)
    database.table.remove_place(Place(uids[0], database.root_id, path))
    assert (tmp_path / "victim").is_dir()


def test_a_row_that_shows_to_another_run_s_directory_is_refused(root, uids, database):
    (mine,) = database.table.get(uids[0])["places"]
    (other,) = database.table.get(uids[1])["places"]
    database.table.add_place(mine._replace(path=other.path))
    database.table.remove_place(mine)
    report = execute(database, plan_delete(database, uids[:1]))
    assert report.done == []
    assert leaf(database, uids[1]).is_dir()
    database.table.add_place(mine)
    database.table.remove_place(mine._replace(path=other.path))


def test_a_run_of_another_root_is_never_judged(root, uids, database, delete):
    database.table.register_root("feedfeedfeedfeed", "data", "far", "/data")
    (place,) = database.table.get(uids[0])["places"]
    database.table.add_place(place._replace(root_id="feedfeedfeedfeed"))
    database.table.remove_place(place)
    ((_, reason),) = plan_delete(database, uids[:1]).refused
    assert "far:/data" in reason
    database.table.add_place(place)
    assert delete(uids[:1]).done == uids[:1]
    assert database.table.get(uids[0])["places"] == [place._replace(root_id="feedfeedfeedfeed")]
    database.table.remove_place(place._replace(root_id="feedfeedfeedfeed"))


def test_a_directory_that_was_removed_by_hand_is_no_trouble_and_the_row_goes(root, uids, database, delete):
    import shutil

    shutil.rmtree(leaf(database, uids[0]))
    for kind in ("log", "code", "checkpoint", "tmp_data"):
        shutil.rmtree(leaf(database, uids[1], kind), ignore_errors=True)
    assert delete(uids[:2]).done == uids[:2]
    assert not any(uid in str(leaves_on_disk(root)) for uid in uids[:2])


def test_a_row_without_any_place_goes(root, uids, database, delete):
    database.table.upsert(
        {"uid": "0123456789abcdef", "task": "t", "created": "2026/01/01"}, Place("0123456789abcdef", "x", "y")
    )
    (place,) = database.table.places_of("0123456789abcdef")
    from sqlalchemy import text

    with database.table.index.write() as connection:
        connection.execute(text("DELETE FROM places WHERE uid = '0123456789abcdef'"))
    assert place
    assert delete(["0123456789abcdef"]).done == ["0123456789abcdef"]


def test_empty_date_directories_go_and_shared_ones_stay(root, uids, database, delete):
    alone = make_run(root, 9, task="alone")
    delete([alone, uids[0]])
    assert not (root / "log" / "alone").exists()
    assert not (root / "checkpoint" / "alone").exists()
    assert (root / "log" / "task").is_dir()


def test_deleting_again_is_no_error_and_says_that_it_is_done(root, uids, database):
    first, second = plan_delete(database, uids[:2]), plan_delete(database, uids[1:3])
    assert execute(database, first).done == uids[:2]
    report = execute(database, second)
    assert (report.done, report.gone, report.failed) == ([uids[2]], [uids[1]], [])


DELETE = """
import sys
from pathlib import Path
from rla.manage.plan import execute, plan_archive, plan_delete
from tests.indexes import open_database
database = open_database(Path(sys.argv[1]))
plan = globals()[sys.argv[2]](database, sys.argv[3:])
print("ready", flush=True)
sys.stdin.readline()
report = execute(database, plan)
print(len(report.done), len(report.gone), report.failed, flush=True)
"""


def race(root, uids, *names):
    """Commands in processes of their own, released together; what each printed."""
    command = [sys.executable, "-c", DELETE, str(root)]
    options = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    started = [subprocess.Popen([*command, name, *uids], **options) for name in names]
    for process in started:
        assert process.stdout.readline() == "ready\n"
    for process in started:
        process.stdin.write("go\n")
        process.stdin.flush()
    outputs = [process.communicate()[0] for process in started]
    assert [process.returncode for process in started] == [0] * len(names)
    return outputs


def test_two_deletes_of_the_same_set_at_once_are_one(root, uids):
    outputs = sorted(race(root, uids, "plan_delete", "plan_delete"))
    assert outputs == ["0 4 []\n", "4 0 []\n"]


def test_a_delete_against_an_archive_leaves_whole_copies_only(root, uids):
    outputs = race(root, uids, "plan_delete", "plan_archive")
    assert outputs[0] == "4 0 []\n"
    archived = list((root / "arc").glob("log/*/*/*/*/*/run.json"))
    assert len(archived) in {0, 4}
    assert len(open_database(root).runs()) == len(archived)


def test_a_delete_while_readers_look_whether_the_run_lives_is_not_disturbed(root, uids, database):
    from rla.fsio.file_lock import is_locked

    path, done = leaf(database, uids[0]) / "run.json", threading.Event()

    def look():
        while not done.is_set():
            is_locked(path)

    readers = [threading.Thread(target=look) for _ in range(2)]
    for reader in readers:
        reader.start()
    try:
        report = execute(database, plan_delete(database, uids[:1], force=True))
    finally:
        done.set()
        for reader in readers:
            reader.join()
    assert report.done + [uid for uid, _ in report.failed] == uids[:1]


def test_the_plan_stays_in_the_trash_and_names_every_run(root, uids, database, delete):
    report = delete(uids[:2])
    plan = json.loads((root / ".rla" / "trash" / report.operation / "plan.json").read_bytes())
    assert [run["uid"] for run in plan["runs"]] == uids[:2]
    assert plan["action"] == "delete"


def test_progress_counts_runs(root, uids, database):
    told = []
    execute(database, plan_delete(database, uids), progress=lambda done, of: told.append((done, of)))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_nothing_is_printed(root, uids, database, delete, capfd):
    delete(uids)
    assert capfd.readouterr() == ("", "")


def test_a_race_of_a_run_and_a_link_in_its_place_never_touches_what_the_link_shows_to(root, uids, database, tmp_path):
    """A thread swaps the checkpoints of a run for a link to a victim, 300 times, while deletes and restores go on."""
    from contextlib import suppress

    from rla.manage.restore import restore

    directory, victim, done = leaf(database, uids[0], "checkpoint"), tmp_path / "victim", threading.Event()
    victim.mkdir()
    (victim / ".rla-run").write_text(f"{uids[0]}\n", encoding="ascii")
    (victim / "precious").write_text("years of work")
    before = snapshot(victim)

    def swap():
        for _ in range(300):
            with suppress(OSError):
                os.rename(directory, tmp_path / "aside")
                os.symlink(victim, directory)
                os.unlink(directory)
                os.rename(tmp_path / "aside", directory)
            time.sleep(0.0005)
        done.set()

    swapper = threading.Thread(target=swap)
    swapper.start()
    while not done.is_set():
        execute(database, plan_delete(database, uids[:1]))
        restore(database)
    swapper.join()
    assert snapshot(victim) == before
    execute(database, plan_delete(database, uids[:1]))
    for left in (directory, tmp_path / "aside"):
        with suppress(OSError):
            left.unlink()
    assert [text for text in inconsistencies(root) if "orphan" not in text and "empty" not in text] == []
    import shutil

    shutil.rmtree(root)
