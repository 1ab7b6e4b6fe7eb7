"""Which runs the index may not know yet."""

from __future__ import annotations

import os

import pytest

from rla.core.layout import RootPaths
from rla.fsio.atomic_write import TEMP_MARK
from rla.fsio.file_lock import is_locked
from rla.runs import spool


@pytest.fixture
def root(tmp_path):
    root = RootPaths(tmp_path)
    root.spool.mkdir(parents=True)
    return root


def files(root: RootPaths) -> list[str]:
    return sorted(os.listdir(root.spool))


def test_an_entry_is_held_until_it_is_settled(root):
    entry = spool.announce(root, "abc", "")
    (waiting,) = spool.waiting_entries(root)
    assert (waiting.uid, waiting.place) == ("abc", "")
    assert is_locked(waiting.file)
    entry.move("abc", "task/2026/01/02/name")
    assert spool.read_entry(waiting.file).place == "task/2026/01/02/name"
    entry.settle()
    assert files(root) == []


def test_an_entry_that_is_left_has_no_holder(root):
    spool.announce(root, "abc", "p").leave()
    (waiting,) = spool.waiting_entries(root)
    assert not is_locked(waiting.file)


def test_an_entry_may_be_left_where_the_spool_was_deleted(root):
    root.spool.rmdir()
    root.state_dir.rmdir()
    spool.leave_entry(root, "abc", "p")
    assert files(root) == ["abc"]


def test_settling_an_entry_that_is_gone_is_no_error(root):
    entry = spool.announce(root, "abc", "p")
    (root.spool / "abc").unlink()
    entry.settle()


def test_without_a_spool_nothing_waits(tmp_path):
    assert spool.waiting_entries(RootPaths(tmp_path)) == []


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"7", b"{}", b"\xff", b'{"uid": "abc"}'])
def test_an_entry_that_was_cut_short_names_no_place(root, content):
    (root.spool / "abc").write_bytes(content)
    (entry,) = spool.waiting_entries(root)
    assert (entry.uid, entry.place) == ("abc", "")


def test_a_temporary_file_without_a_writer_is_removed_and_one_with_a_writer_stays(root):
    from rla.fsio.file_lock import FileLock

    for name in ("left", "held"):
        (root.spool / f".{name}{TEMP_MARK}").touch()
    lock = FileLock(root.spool / f".held{TEMP_MARK}")
    assert lock.acquire()
    assert spool.waiting_entries(root) == []
    assert files(root) == [f".held{TEMP_MARK}"]
    lock.release()


def test_a_reader_that_removes_the_file_while_it_is_written_only_delays_the_writer(root, monkeypatch):
    written = spool._write_new
    thieves = iter([True, True, False])

    def write_and_lose(file, uid, place):
        written(file, uid, place)
        if next(thieves):
            file.unlink()

    monkeypatch.setattr(spool, "_write_new", write_and_lose)
    spool.announce(root, "abc", "p")
    assert files(root) == ["abc"]
