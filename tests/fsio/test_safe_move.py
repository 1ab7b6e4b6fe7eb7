"""Moving a directory: by renaming, never through a link, never over something."""

from __future__ import annotations

import errno
import os
import random
import threading
from contextlib import suppress

import pytest

from rla.fsio.safe_move import (
    Spot,
    drop_empty_parents,
    is_there,
    make_durable,
    move,
    opened,
    read_file,
    replace_file,
)
from tests.faults.conftest import mount

__all__ = ["mount"]


@pytest.fixture
def tree(tmp_path):
    leaf = tmp_path / "tree" / "a" / "b" / "leaf"
    leaf.mkdir(parents=True)
    (leaf / "file").write_text("mine")
    return Spot(tmp_path / "tree", "a/b/leaf")


@pytest.mark.parametrize("place", ["", "..", "a/../b", "/a", "a//b", "a/", ".", "a/.", "a\0b"])
def test_a_place_that_could_lead_out_of_its_tree_is_no_place(tmp_path, place):
    with pytest.raises(ValueError, match="not a place"):
        Spot(tmp_path, place)


def test_a_directory_moves_and_the_parents_of_its_target_are_made(tree, tmp_path):
    target = Spot(tmp_path / "new" / "top", "x/y/leaf")
    move(tree, target)
    make_durable([tree, target])
    assert (target.path / "file").read_text() == "mine"
    assert not is_there(tree)


def test_a_target_that_holds_something_is_kept_and_an_empty_one_is_not_in_the_way(tree, tmp_path):
    taken, empty = Spot(tmp_path, "taken"), Spot(tmp_path, "empty")
    (taken.path / "x").mkdir(parents=True)
    empty.path.mkdir()
    with pytest.raises(OSError) as caught:
        move(tree, taken)
    assert caught.value.errno in {errno.ENOTEMPTY, errno.EEXIST}
    assert is_there(tree)
    move(tree, empty)
    assert (empty.path / "file").exists()


def test_a_source_that_is_gone_says_so(tmp_path):
    with pytest.raises(FileNotFoundError):
        move(Spot(tmp_path, "a/gone"), Spot(tmp_path, "b"))


@pytest.mark.parametrize("level", ["a", "a/b", "a/b/leaf"])
def test_a_link_at_any_level_of_the_place_is_refused(tree, tmp_path, level):
    outside = tmp_path / "outside"
    (tmp_path / "tree" / level).rename(outside)
    (tmp_path / "tree" / level).symlink_to(outside)
    with pytest.raises(OSError) as caught, opened(tree):
        pass
    assert caught.value.errno in {errno.ELOOP, errno.ENOTDIR}
    if level != "a/b/leaf":
        with pytest.raises(OSError):
            move(tree, Spot(tmp_path, "stolen"))
    with pytest.raises(OSError):
        move(Spot(tmp_path, "outside"), Spot(tree.top, "a/b/leaf/below"))
    assert outside.is_dir()


def test_the_top_of_a_tree_may_be_a_link_to_another_disk(tree, tmp_path):
    (tmp_path / "linked").symlink_to(tree.top)
    move(Spot(tmp_path / "linked", "a/b/leaf"), Spot(tmp_path / "linked", "moved"))
    assert (tree.top / "moved" / "file").exists()


def test_another_disk_is_an_error_and_nothing_is_copied(tree, mount):
    disk = mount("tmpfs", "size=64k")
    with pytest.raises(OSError) as caught:
        move(tree, Spot(disk, "leaf"))
    assert caught.value.errno == errno.EXDEV
    assert (tree.path / "file").read_text() == "mine"
    assert not list(disk.iterdir())


def test_a_directory_without_write_permission_moves_and_keeps_its_mode(tree, tmp_path):
    tree.path.chmod(0o555)
    for directory in (tmp_path, *tmp_path.rglob("*")):
        if os.geteuid() == 0:
            os.chown(directory, 65534, 65534)
    for parent in tmp_path.parents:
        if str(parent).startswith("/tmp/") and not parent.stat().st_mode & 1:
            parent.chmod(parent.stat().st_mode | 0o111)
    pid = os.fork()
    if pid == 0:
        with suppress(BaseException):
            if os.geteuid() == 0:
                os.seteuid(65534)
            move(tree, Spot(tmp_path, "moved"))
            os._exit(0)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert (tmp_path / "moved").stat().st_mode & 0o777 == 0o555


def test_only_empty_parents_go_and_the_top_stays(tree, tmp_path):
    (tmp_path / "tree" / "a" / "other").mkdir()
    move(tree, Spot(tmp_path, "moved"))
    drop_empty_parents(tree)
    assert not (tmp_path / "tree" / "a" / "b").exists()
    assert (tmp_path / "tree" / "a" / "other").is_dir()
    drop_empty_parents(Spot(tmp_path / "tree", "a/other/x"))
    assert (tmp_path / "tree").is_dir()
    assert not list((tmp_path / "tree").iterdir())


def test_a_parent_that_vanishes_between_making_and_using_it_is_made_again(tree, tmp_path):
    target = Spot(tmp_path / "busy", "x/y/leaf")
    done = threading.Event()

    def clean():
        while not done.wait(random.uniform(0, 0.0005)):
            drop_empty_parents(target)

    cleaner = threading.Thread(target=clean)
    cleaner.start()
    try:
        for _ in range(1000):
            move(tree, target)
            move(target, tree)
    finally:
        done.set()
        cleaner.join()
    assert (tree.path / "file").exists()


def test_a_file_is_replaced_whole_and_links_are_not_read(tree):
    with opened(tree) as directory:
        replace_file(directory, "file", b"new")
        assert read_file(directory, "file", 100) == b"new"
        os.symlink("file", "link", dir_fd=directory)
        with pytest.raises(OSError):
            read_file(directory, "link", 100)
        with pytest.raises(OSError, match="not a file of rla"):
            read_file(directory, "file", 2)
    assert sorted(path.name for path in tree.path.iterdir()) == ["file", "link"]


def test_a_race_of_directories_and_links_never_moves_what_the_link_shows_to(tmp_path):
    """A thread swaps a parent for a link to a victim of the same shape; its leaf must never move."""
    tree, victim = tmp_path / "tree", tmp_path / "victim"
    (victim / "leaf").mkdir(parents=True)
    (tree / "day" / "leaf").mkdir(parents=True)
    done = threading.Event()

    def swap():
        while not done.is_set():
            with suppress(OSError):
                os.rename(tree / "day", tree / "aside")
            with suppress(OSError):
                os.symlink(victim, tree / "day")
            with suppress(OSError):
                os.unlink(tree / "day")
            with suppress(OSError):
                os.rename(tree / "aside", tree / "day")

    swapper = threading.Thread(target=swap)
    swapper.start()
    moved = 0
    try:
        for _ in range(300):
            with suppress(OSError):
                move(Spot(tree, "day/leaf"), Spot(tmp_path, "moved"))
                moved += 1
                while True:
                    with suppress(OSError):
                        move(Spot(tmp_path, "moved"), Spot(tree, "day/leaf"))
                        break
    finally:
        done.set()
        swapper.join()
    assert (victim / "leaf").is_dir()
    assert [path.name for path in victim.iterdir()] == ["leaf"]
