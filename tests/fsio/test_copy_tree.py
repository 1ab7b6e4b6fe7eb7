"""Copies that can be trusted."""

from __future__ import annotations

import errno
import os
import stat

import pytest

from rla.fsio import copy_file
from rla.fsio import copy_tree as module
from rla.fsio.copy_tree import CopyRules, SyncedDisks, copy_tree, differences, sync_tree
from tests.faults.conftest import mount

__all__ = ["mount"]


def keep_all(_directory, _text):
    return True


def fd(path):
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY)


def copy(source, target, keep=keep_all):
    target.mkdir()
    return copy_tree(fd(source), fd(target), keep)


@pytest.fixture
def source(tmp_path):
    top = tmp_path / "source"
    (top / "a" / "b").mkdir(parents=True)
    (top / "empty").mkdir()
    (top / "file").write_bytes(os.urandom(3_000_000))
    (top / "a" / "nothing").write_bytes(b"")
    (top / "a" / "b" / "script").write_text("#!/bin/sh\n")
    (top / "a" / "b" / "script").chmod(0o750)
    for number, path in enumerate(sorted(top.rglob("*"))):
        os.utime(path, ns=(10**18, 10**18 + number * 1_234_567))
    return top


def test_content_modes_and_times_are_kept(source, tmp_path):
    target = tmp_path / "target"
    report = copy(source, target)
    assert (report.files, report.skipped) == (3, [])
    assert report.bytes == 3_000_010
    for path in source.rglob("*"):
        twin = target / path.relative_to(source)
        assert stat.S_IMODE(twin.stat().st_mode) == stat.S_IMODE(path.stat().st_mode)
        assert twin.stat().st_mtime_ns == path.stat().st_mtime_ns
        if path.is_file():
            assert twin.read_bytes() == path.read_bytes()
    assert differences(fd(source), fd(target), keep_all) == []


def test_links_are_copied_as_links_or_left_out_and_never_followed(source, tmp_path):
    (source / "good").symlink_to("a/nothing")
    (source / "a" / "bad").symlink_to("/etc/passwd")
    report = copy(source, tmp_path / "target", lambda directory, text: not text.startswith("/"))
    assert os.readlink(tmp_path / "target" / "good") == "a/nothing"
    assert not (tmp_path / "target" / "a" / "bad").is_symlink()
    assert [path for path, _ in report.skipped] == ["a/bad"]


def test_pipes_and_devices_are_left_out_and_do_not_make_us_wait(source, tmp_path):
    os.mkfifo(source / "a" / "pipe")
    report = copy(source, tmp_path / "target")
    assert report.skipped == [("a/pipe", "it is neither a file nor a directory nor a link")]


def test_a_sparse_file_stays_sparse(source, tmp_path):
    with (source / "sparse").open("wb") as file:
        file.seek(50_000_000)
        file.write(b"end")
        file.truncate(100_000_000)
    copy(source, tmp_path / "target")
    twin = (tmp_path / "target" / "sparse").stat()
    assert twin.st_size == 100_000_000
    assert twin.st_blocks * 512 < 1_000_000
    assert (tmp_path / "target" / "sparse").read_bytes() == (source / "sparse").read_bytes()


def test_two_names_of_one_file_stay_one_file(source, tmp_path):
    os.link(source / "file", source / "a" / "again")
    copy(source, tmp_path / "target")
    twin = tmp_path / "target"
    assert (twin / "file").stat().st_ino == (twin / "a" / "again").stat().st_ino
    assert (twin / "file").stat().st_ino != (source / "file").stat().st_ino


def test_a_read_only_file_with_other_links_is_linked_and_costs_no_disk(source, tmp_path):
    store = tmp_path / "store"
    os.link(source / "file", store)
    store.chmod(0o444)
    copy(source, tmp_path / "target")
    assert (tmp_path / "target" / "file").stat().st_ino == store.stat().st_ino


def test_on_another_disk_it_is_copied(source, mount):
    os.link(source / "file", source.parent / "store")
    (source / "file").chmod(0o444)
    disk = mount("tmpfs", "size=8m")
    copy(source, disk / "target")
    assert (disk / "target" / "file").read_bytes() == (source / "file").read_bytes()


def test_without_help_of_the_kernel_the_bytes_are_copied_all_the_same(source, tmp_path, monkeypatch):
    def refuse(*_arguments):
        raise OSError(errno.EXDEV, "other disk")

    monkeypatch.setattr(os, "copy_file_range", refuse)
    copy(source, tmp_path / "target")
    assert (tmp_path / "target" / "file").read_bytes() == (source / "file").read_bytes()


def test_a_copy_that_is_not_like_its_source_is_noticed(source, tmp_path, monkeypatch):
    real = copy_file._copy_range

    def spoil(old, new, start, end):
        real(old, new, start, end)
        if end > 2_000_000:
            os.pwrite(new, b"?", 1_999_999)

    monkeypatch.setattr(copy_file, "_copy_range", spoil)
    with pytest.raises(OSError, match="not like its source"):
        copy(source, tmp_path / "target")


def test_a_source_that_changes_meanwhile_is_noticed(source, tmp_path, monkeypatch):
    real = copy_file._fill

    def grow(old, new, found):
        real(old, new, found)
        with (source / "file").open("ab") as file:
            file.write(b"more")

    monkeypatch.setattr(copy_file, "_fill", grow)
    with pytest.raises(OSError, match="changed while it was copied"):
        copy(source, tmp_path / "target")


def test_a_full_disk_is_an_error(source, mount):
    disk = mount("tmpfs", "size=64k")
    with pytest.raises(OSError) as caught:
        copy(source, disk / "target")
    assert caught.value.errno == errno.ENOSPC


def test_what_differs_is_found(source, tmp_path):
    copy(source, tmp_path / "target")
    (source / "a" / "new").write_text("")
    (source / "file").write_bytes(b"other")
    (tmp_path / "target" / "a" / "nothing").unlink()
    assert differences(fd(source), fd(tmp_path / "target"), keep_all) == ["a/new", "a/nothing", "file"]


def test_every_file_and_directory_is_synced(source, monkeypatch):
    synced = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: (synced.append(os.fstat(file).st_ino), real(file)))
    sync_tree(fd(source))
    assert set(synced) == {path.stat().st_ino for path in [source, *source.rglob("*")]}


def test_a_disk_is_synced_once(source, monkeypatch):
    calls = []
    monkeypatch.setattr(module, "_sync_disk", lambda _directory: calls.append(1) or True)
    disks, directory = SyncedDisks(), fd(source)
    assert disks.sync(directory)
    assert disks.sync(directory)
    assert len(calls) == 1
    monkeypatch.setattr(module, "_sync_disk", lambda _directory: False)
    assert not SyncedDisks().sync(directory)
    os.close(directory)


def test_this_system_can_sync_a_whole_disk(source):
    directory = fd(source)
    assert module._sync_disk(directory)
    os.close(directory)


# --- rules


def copy_by(rules, source, target):
    target.mkdir()
    return copy_tree(fd(source), fd(target), keep_all, rules=rules)


def test_what_the_rules_leave_out_is_not_copied_nor_anything_below_it(source, tmp_path):
    report = copy_by(CopyRules(leave_out=lambda path: path in {"a/b", "file"}), source, tmp_path / "target")
    found = sorted(str(path.relative_to(tmp_path / "target")) for path in (tmp_path / "target").rglob("*"))
    assert found == ["a", "a/nothing", "empty"]
    assert report.files == 1


def test_files_that_may_be_shared_are_linked_and_others_are_copied(source, tmp_path):
    copy_by(CopyRules(may_share=lambda path: path == "file"), source, tmp_path / "target")
    assert (tmp_path / "target/file").samefile(source / "file")
    assert not (tmp_path / "target/a/b/script").samefile(source / "a/b/script")


def test_files_that_may_be_shared_are_copied_to_another_disk(mount, source):
    target = mount("tmpfs") / "target"
    copy_by(CopyRules(may_share=lambda _path: True, compare=False), source, target)
    assert (target / "file").read_bytes() == (source / "file").read_bytes()
