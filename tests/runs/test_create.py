"""Making a run: whole, or nothing of it."""

from __future__ import annotations

import errno
import os
import shutil

import pytest

from rla.core.layout import KINDS, LOG, RootPaths
from rla.errors import ConfigError, MissingDependencyError, RunStartError
from rla.fsio.file_lock import is_locked
from rla.runs import create
from rla.runs.create import RunRequest, create_run
from rla.runs.database import open_database
from rla.runs.undo import clear_claim, undo
from rla.store.run_table import RunTable


@pytest.fixture
def root(data_root):
    return RootPaths(data_root)


def left(root: RootPaths) -> set[str]:
    """What there is besides the root's own directory and the index."""
    return {name for name in os.listdir(root.root) if not name.startswith((".rla", "rla.db"))}


def spooled(root: RootPaths) -> list[str]:
    return os.listdir(root.spool)


def test_a_run_is_claimed_written_locked_and_in_the_table(root):
    new = create_run(root, RunRequest("t", {"seed": 3}, ("seed",)))
    assert is_locked(new.paths.manifest)
    assert (new.index_error, spooled(root)) == (None, [])
    day = new.manifest.created.rpartition("/")[0]
    assert new.paths.place == f"t/{day}/{new.manifest.name}"
    (stored,) = open_database(root.root).runs()
    assert (stored.uid, stored.state, stored.row["seed"]) == (new.manifest.uid, "running", 3)
    new.lock.release()


def test_a_time_stamp_that_is_taken_is_passed_by_without_looking_around(root, monkeypatch):
    from datetime import datetime

    class Frozen(datetime):
        @classmethod
        def now(cls, tz=None):
            return cls(2026, 12, 31, 23, 59, 59, 999_999)

    monkeypatch.setattr(create, "datetime", Frozen)
    monkeypatch.setattr(create.os, "listdir", None)
    new = [create_run(root, RunRequest("t")) for _ in range(3)]
    assert [run.manifest.created for run in new] == [
        "2026/12/31/23-59-59-999999",
        "2027/01/01/00-00-00-000000",
        "2027/01/01/00-00-00-000001",
    ]


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_what_fails_while_the_files_are_opened_leaves_nothing(root, error):
    def furnish(paths, record):
        for kind in KINDS:
            paths.directory(kind).mkdir(parents=True, exist_ok=True)
            (paths.directory(kind) / "file").touch()
        raise error

    expected = RunStartError if isinstance(error, OSError) else KeyboardInterrupt
    with pytest.raises(expected):
        create_run(root, RunRequest("t"), furnish)
    assert (left(root), spooled(root)) == (set(), [])


@pytest.mark.parametrize("error", [MissingDependencyError("psycopg", "postgres", "an index"), KeyboardInterrupt()])
def test_what_fails_while_the_row_is_written_leaves_nothing(root, monkeypatch, error):
    def refuse(*arguments):
        raise error

    monkeypatch.setattr(RunTable, "insert", refuse)
    with pytest.raises(type(error)):
        create_run(root, RunRequest("t"))
    assert (left(root), spooled(root)) == (set(), [])


def test_an_index_address_that_cannot_be_used_leaves_nothing(root):
    with pytest.raises(ConfigError, match="mysql"):
        create_run(root, RunRequest("t", index_url="mysql://host/x"))
    assert (left(root), spooled(root)) == (set(), [])


def test_a_reader_that_is_faster_with_the_row_is_no_error(root, monkeypatch):
    insert = RunTable.insert

    def overtaken(table, row, place):
        table.upsert(row, place)
        insert(table, row, place)

    monkeypatch.setattr(RunTable, "insert", overtaken)
    new = create_run(root, RunRequest("t"))
    assert (new.index_error, spooled(root)) == (None, [])
    assert len(open_database(root.root).runs()) == 1


@pytest.mark.parametrize("broken", ["log", "log/t", "log/t/2026"])
@pytest.mark.parametrize("how", ["a file", "a link to nowhere"])
def test_what_is_no_directory_on_the_way_is_an_error_at_once(root, monkeypatch, broken, how):
    from datetime import datetime

    class Frozen(datetime):
        @classmethod
        def now(cls, tz=None):
            return cls(2026, 1, 2)

    monkeypatch.setattr(create, "datetime", Frozen)
    path = root.root / broken
    path.parent.mkdir(parents=True)
    path.touch() if how == "a file" else path.symlink_to("/nonexistent/disk")
    with pytest.raises(RunStartError) as caught:
        create_run(root, RunRequest("t"))
    assert caught.value.errno == errno.ENOTDIR
    assert str(path) in str(caught.value)
    assert spooled(root) == []


@pytest.mark.parametrize("how", ["a file", "a link to nowhere"])
def test_a_data_root_that_cannot_be_a_directory_is_named(root, how):
    root.root.touch() if how == "a file" else root.root.symlink_to("/nonexistent/disk")
    with pytest.raises(RunStartError, match=r"data root 'ü'"):
        create_run(root, RunRequest("t"))


def test_links_to_directories_are_followed(root, tmp_path):
    (tmp_path / "big disk").mkdir()
    root.root.mkdir()
    root.kind(LOG).symlink_to(tmp_path / "big disk")
    new = create_run(root, RunRequest("t"))
    assert (tmp_path / "big disk" / new.paths.place / "run.json").is_file()
    root.database.unlink()
    assert [run.uid for run in open_database(root.root).runs()] == [new.manifest.uid]


def test_the_manifest_is_the_last_that_goes_when_a_start_is_undone(root, monkeypatch):
    new = create_run(root, RunRequest("t"))
    (new.paths.log / "tb" / "events").mkdir(parents=True)
    for name in ("a.txt", "z.txt", "tb/events/e"):
        (new.paths.log / name).touch()
    at_the_end = []
    rmtree = shutil.rmtree
    monkeypatch.setattr(
        shutil,
        "rmtree",
        lambda path, **options: (
            at_the_end.append(os.listdir(path)) if path == new.paths.log else None,
            rmtree(path, **options),
        ),
    )
    undo(new.paths)
    assert at_the_end == [["run.json"]]
    assert left(root) == set()


def test_clearing_a_claim_keeps_what_others_have_beside_it(root):
    first, second = (create_run(root, RunRequest("t")) for _ in range(2))
    first.paths.manifest.unlink()
    clear_claim(first.paths, first.manifest.uid)
    assert not first.paths.log.exists()
    assert second.paths.manifest.exists()
