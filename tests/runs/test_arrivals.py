"""Taking in what the spool names: completed runs, and starts that came to nothing."""

from __future__ import annotations

import os
import shutil
import time

import pytest

import rla
from rla.core.layout import RootPaths
from rla.fsio.atomic_write import TEMP_MARK
from rla.fsio.claim_dir import claim_dir
from rla.runs import arrivals, spool
from rla.runs.arrivals import take_in
from rla.runs.database import open_database


@pytest.fixture
def root(data_root):
    """A root with one finished run."""
    rla.init("t", data_root=data_root).close()
    return RootPaths(data_root)


@pytest.fixture
def database(root):
    return open_database(root.root)


def waiting(root: RootPaths) -> list[str]:
    return os.listdir(root.spool)


def claimed(root: RootPaths, place: str = "other/2026/01/02/name", *, leave: bool = True) -> spool.HeldEntry:
    """A start that came as far as its directory."""
    entry = spool.announce(root, "ab" * 8, place)
    claim_dir(root.run(place).log)
    if leave:
        entry.leave()
    return entry


def test_a_run_without_a_row_gets_one_and_its_entry_goes(root, database):
    (row,) = database.table.rows()
    (place,) = row["places"]
    database.table.remove_place(place)
    spool.leave_entry(root, row["uid"], place.path)
    assert take_in(root, database.table, database.root_id) == 1
    assert database.table.rows() == [row]
    assert waiting(root) == []
    assert take_in(root, database.table, database.root_id) == 0


def test_a_claimed_directory_that_never_became_a_run_is_cleared_away(root, database):
    claimed(root)
    (root.run("other/2026/01/02/name").log / f".run.json.1234{TEMP_MARK}").touch()
    take_in(root, database.table, database.root_id)
    assert waiting(root) == []
    assert not (root.kind("log") / "other").exists()
    assert len(database.runs()) == 1


def test_a_start_that_is_under_way_is_left_alone(root, database):
    entry = claimed(root, leave=False)
    take_in(root, database.table, database.root_id)
    assert len(waiting(root)) == 1
    assert root.run("other/2026/01/02/name").log.is_dir()
    entry.leave()


def test_a_directory_that_holds_anything_else_is_never_removed(root, database):
    claimed(root)
    mine = root.run("other/2026/01/02/name").log / "mine.txt"
    mine.touch()
    take_in(root, database.table, database.root_id)
    assert mine.exists()


def test_an_entry_that_names_another_s_directory_does_it_no_harm(root, database):
    (row,) = database.table.rows()
    spool.leave_entry(root, "ab" * 8, row["places"][0].path)
    take_in(root, database.table, database.root_id)
    assert waiting(root) == []
    assert database.table.rows() == [row]
    assert open_database(root.root).runs()[0].paths.manifest.exists()


def test_a_place_that_two_starts_wanted_is_cleared_by_neither(root, database):
    claimed(root)
    second = spool.announce(root, "cd" * 8, "other/2026/01/02/name")
    take_in(root, database.table, database.root_id)
    assert root.run("other/2026/01/02/name").log.is_dir()
    second.leave()
    take_in(root, database.table, database.root_id)
    assert not root.run("other/2026/01/02/name").log.exists()


def test_the_place_is_read_again_once_the_entry_is_locked(root, database, monkeypatch):
    """Its writer named another place, claimed it and died, after the spool was listed."""
    before = [spool.SpoolEntry(root.spool / ("ab" * 8), "ab" * 8, "")]
    claimed(root)
    monkeypatch.setattr(arrivals.spool, "waiting_entries", lambda _root: before)
    take_in(root, database.table, database.root_id)
    assert waiting(root) == []
    assert not (root.kind("log") / "other").exists()


def test_an_entry_whose_run_was_deleted_goes(root, database):
    (row,) = database.table.rows()
    spool.leave_entry(root, row["uid"], row["places"][0].path)
    shutil.rmtree(root.run(row["places"][0].path).log)
    assert take_in(root, database.table, database.root_id) == 0
    assert waiting(root) == []


class TestSharedByFiles:
    """On a network each machine has an index of its own, and locks may not be seen."""

    def test_entries_stay_for_the_other_machines(self, root, database):
        (row,) = database.table.rows()
        database.table.remove_place(row["places"][0])
        spool.leave_entry(root, row["uid"], row["places"][0].path)
        for _ in range(2):
            take_in(root, database.table, database.root_id, keep=True)
            assert database.table.get(row["uid"]) is not None
            assert waiting(root) == [row["uid"]]

    def test_a_start_may_be_under_way_elsewhere_until_it_is_old(self, root, database):
        claimed(root)
        take_in(root, database.table, database.root_id, keep=True)
        assert root.run("other/2026/01/02/name").log.is_dir()
        long_ago = time.time() - 2 * arrivals._NO_LOCKS
        os.utime(root.spool / ("ab" * 8), (long_ago, long_ago))
        take_in(root, database.table, database.root_id, keep=True)
        assert not root.run("other/2026/01/02/name").log.exists()
