"""Entries that are whole or not there, and space for them on a full disk."""

from __future__ import annotations

import errno
import os
from contextlib import suppress

import pytest

from rla.fsio import journal as module
from rla.fsio.journal import RESERVE_BYTES, Journal, keep_reserve, release, room_for_work
from tests.faults.conftest import mount

__all__ = ["mount"]


@pytest.fixture
def journal(tmp_path):
    return Journal(tmp_path / "journal", tmp_path / "reserve")


def test_an_entry_is_there_until_it_is_dropped(journal):
    assert journal.is_clean()
    journal.write("b", b"two")
    journal.write("a", b"one")
    assert journal.pending() == ["a", "b"]
    assert journal.read("a") == b"one"
    journal.write("a", b"changed")
    assert journal.read("a") == b"changed"
    journal.drop("a")
    journal.drop("a")
    assert journal.pending() == ["b"]


def test_an_entry_can_be_moved_to_where_it_is_kept(journal, tmp_path):
    journal.write("a", b"one")
    journal.keep("a", tmp_path / "trash" / "a" / "plan.json")
    journal.keep("a", tmp_path / "trash" / "a" / "plan.json")
    assert journal.is_clean()
    assert (tmp_path / "trash" / "a" / "plan.json").read_bytes() == b"one"


def test_what_a_kill_left_of_an_entry_is_no_entry_and_is_cleared(journal, tmp_path):
    journal.write("a", b"one")
    (tmp_path / "journal" / ".b.json.1234.rla-tmp").write_bytes(b"tor")
    assert journal.pending() == ["a"]
    journal.clear()
    journal.drop("a")
    assert journal.is_clean()


def fill(disk):
    with (disk / "filler").open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"\0" * 4096)


def test_on_a_full_disk_the_reserve_makes_room_for_an_entry(mount):
    disk = mount("tmpfs", "size=32m")
    keep_reserve(disk / "reserve")
    assert (disk / "reserve").stat().st_size == RESERVE_BYTES
    fill(disk)
    journal = Journal(disk, disk / "reserve")
    journal.write("entry", b"x" * 300_000)
    assert len(journal.read("entry")) == 300_000
    keep_reserve(disk / "reserve")
    assert 2**16 <= (disk / "reserve").stat().st_size < RESERVE_BYTES  # as much as there is


def test_without_a_reserve_a_full_disk_is_an_error_and_nothing_is_left(mount):
    disk = mount("tmpfs", "size=256k")
    fill(disk)
    journal = Journal(disk, disk / "reserve")
    with pytest.raises(OSError) as caught:
        journal.write("entry", b"x" * 10_000)
    assert caught.value.errno == errno.ENOSPC
    assert journal.pending() == []
    assert [path.name for path in disk.iterdir()] == ["filler"]


def test_a_small_disk_is_not_filled_by_a_reserve(mount):
    disk = mount("tmpfs", "size=4m")
    keep_reserve(disk / "reserve")
    assert not (disk / "reserve").exists()


def test_a_reserve_that_was_released_is_taken_again_when_there_is_room(tmp_path):
    reserve = tmp_path / "reserve"
    keep_reserve(reserve)
    assert release(reserve)
    assert not release(reserve)
    keep_reserve(reserve)
    assert reserve.stat().st_size == RESERVE_BYTES
    assert reserve.stat().st_blocks * 512 >= RESERVE_BYTES


def test_room_is_made_only_when_there_is_none(tmp_path, monkeypatch):
    reserve = tmp_path / "reserve"
    keep_reserve(reserve)
    with room_for_work(reserve):
        assert reserve.stat().st_size == RESERVE_BYTES
    monkeypatch.setattr(module, "free_bytes", lambda _directory: 0)
    with room_for_work(reserve):
        assert reserve.stat().st_size == 0
    assert reserve.stat().st_size == RESERVE_BYTES


def test_no_reserve_can_be_taken_where_nothing_may_be_written(tmp_path):
    keep_reserve(tmp_path / "missing" / "reserve")
    os.symlink(tmp_path / "elsewhere", tmp_path / "reserve")
    keep_reserve(tmp_path / "reserve")
    assert not (tmp_path / "elsewhere").exists()
