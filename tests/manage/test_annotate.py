"""Tags and notes: kept in the files first, then in the row."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from rla.errors import ConfigError, RunNotFoundError, StoreError
from rla.fsio.file_lock import FileLock
from rla.manage import annotate, operation
from rla.manage.plan import execute, plan_archive, plan_delete
from tests.indexes import open_database
from tests.manage.running_runs import running
from tests.manage.stored_runs import make_run, snapshot


@pytest.fixture
def root(tmp_path):
    return tmp_path / "root"


def notes_files(root, name: str = "notes.json"):
    return sorted(root.glob(f"**/log/*/*/*/*/*/{name}"))


def tags_of(root, uid: str) -> list[str]:
    return open_database(root).find(uid).tags


def test_tags_and_notes_are_in_the_row_and_in_the_file(root):
    uid, database = make_run(root), open_database(root)
    annotate.tag(database, [uid], add=["paper", "best"])
    annotate.note(database, uid, "two\nlines")
    (file,) = notes_files(root)
    assert json.loads(file.read_text()) == {"tags": ["paper", "best"], "notes": "two\nlines"}
    row = database.find(uid).row
    assert (row["tags"], row["notes"]) == (["paper", "best"], "two\nlines")


def test_a_table_that_is_made_anew_has_them_again(root):
    uid = make_run(root)
    annotate.tag(open_database(root), [uid], add=["paper"])
    annotate.note(open_database(root), uid, "good")
    for file in root.glob("rla.db*"):
        file.unlink()
    row = open_database(root).find(uid).row
    assert (row["tags"], row["notes"]) == (["paper"], "good")


def test_adding_twice_and_removing_what_is_not_there_change_nothing(root):
    uid, database = make_run(root), open_database(root)
    annotate.tag(database, [uid], add=["a", "b"])
    report = annotate.tag(database, [uid], add=["a", " b "], remove=["c"])
    assert report.done[uid].tags == ["a", "b"]


def test_a_tag_is_taken_away(root):
    uid, database = make_run(root), open_database(root)
    annotate.tag(database, [uid], add=["a", "b"])
    annotate.tag(database, [uid], remove=["a"])
    assert tags_of(root, uid) == ["b"]


def test_only_the_named_runs_are_touched(root):
    uid, other = make_run(root, 1), make_run(root, 2)
    before = snapshot(root)
    annotate.tag(open_database(root), [uid], add=["a"])
    after = snapshot(root)
    assert tags_of(root, other) == []
    assert {path.rpartition("/")[2] for path in after.keys() - before.keys()} == {"notes.json"}
    assert all(after[path] == text for path, text in before.items())


@pytest.mark.parametrize("tag", ["", "  ", "a\nb", "\x1b[2J", "x" * 201])
def test_a_tag_that_nobody_could_read_is_refused(root, tag):
    uid = make_run(root)
    with pytest.raises(ConfigError, match="printable"):
        annotate.tag(open_database(root), [uid], add=[tag])
    assert notes_files(root) == []


def test_a_note_has_an_end(root):
    uid = make_run(root)
    with pytest.raises(ConfigError, match="at most"):
        annotate.note(open_database(root), uid, "x" * (annotate.MAX_NOTE + 1))


def test_a_run_that_is_recorded_is_tagged_and_goes_on(root):
    with running(root) as (process, uid):
        annotate.tag(open_database(root), [uid], add=["now"])
        assert process.poll() is None
        process.terminate()
        process.wait()
    assert (tags_of(root, uid), open_database(root).find(uid).state) == (["now"], "killed")


def test_the_archived_copy_has_them_when_the_live_one_goes(root):
    uid, database = make_run(root), open_database(root)
    execute(database, plan_archive(database, [uid]))
    annotate.tag(database, [uid], add=["kept"])
    assert len(notes_files(root)) == 2
    execute(database, plan_delete(database, [uid]))
    open_database(root).reindex()
    assert tags_of(root, uid) == ["kept"]


def test_tags_at_the_same_time_are_all_kept(root):
    uid = make_run(root)
    text = "import sys; from pathlib import Path; from tests.indexes import open_database\n"
    text += "from rla.manage.annotate import tag\n"
    text += "tag(open_database(Path(sys.argv[1])), [sys.argv[2]], add=[sys.argv[3]])"
    with ThreadPoolExecutor(4) as pool:
        list(
            pool.map(
                lambda tag: subprocess.run([sys.executable, "-c", text, str(root), uid, tag], check=True, timeout=90),
                "abcd",
            )
        )
    assert sorted(tags_of(root, uid)) == ["a", "b", "c", "d"]


def test_while_another_command_changes_runs_it_waits_and_then_says_so(root, monkeypatch):
    uid, database = make_run(root), open_database(root)
    annotate.tag(database, [uid], add=["a"])
    lock = FileLock(database.root.operation_lock)
    assert lock.acquire()
    monkeypatch.setattr(operation.operation.__wrapped__, "__defaults__", (0.1,))
    with pytest.raises(StoreError, match="another command"):
        annotate.tag(database, [uid], add=["b"])
    lock.release()
    assert tags_of(root, uid) == ["a"]


def test_a_damaged_file_is_named_and_left_as_it_is(root):
    uid, other = make_run(root, 1), make_run(root, 2)
    file = open_database(root).find(uid).paths.notes
    file.write_text("garbage")
    report = annotate.tag(open_database(root), [uid, other], add=["a"])
    ((failed, reason),) = report.failed
    assert (failed, list(report.done), file.read_text()) == (uid, [other], "garbage")
    assert str(file) in reason


def test_a_link_in_place_of_a_run_leads_nowhere(root, tmp_path):
    uid = make_run(root)
    log, outside = open_database(root).find(uid).paths.log, tmp_path / "outside"
    log.rename(outside)
    log.symlink_to(outside)
    report = annotate.tag(open_database(root), [uid], add=["a"])
    assert [failed for failed, _ in report.failed] == [uid]
    assert not (outside / "notes.json").exists()


def test_a_link_in_place_of_the_file_is_not_followed(root, tmp_path):
    uid = make_run(root)
    victim = tmp_path / "victim"
    victim.write_text('{"tags": ["x"], "notes": ""}')
    open_database(root).find(uid).paths.notes.symlink_to(victim)
    report = annotate.tag(open_database(root), [uid], add=["a"])
    assert [failed for failed, _ in report.failed] == [uid]
    assert victim.read_text() == '{"tags": ["x"], "notes": ""}'


def test_a_run_that_is_gone_has_no_note(root):
    make_run(root)
    with pytest.raises(RunNotFoundError):
        annotate.note(open_database(root), "0" * 16, "x")
