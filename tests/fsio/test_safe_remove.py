"""Removing a tree: all of it, and nothing beside it, whatever somebody plants in it."""

from __future__ import annotations

import errno
import os
import stat
import threading
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from rla.fsio.safe_remove import remove_tree
from rla.fsio.tree_walk import Cursor, walk


@contextmanager
def descriptor(path):
    found = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield found
    finally:
        os.close(found)


def remove(path: Path, **options) -> int:
    with descriptor(path.parent) as parent:
        return remove_tree(parent, path.name, **options)


@pytest.fixture
def victim(tmp_path):
    """A tree outside, that no removal may touch."""
    directory = tmp_path / "victim"
    directory.mkdir()
    (directory / "precious").write_text("years of work")
    return directory


@pytest.fixture
def tree(tmp_path):
    top = tmp_path / "parent" / "tree"
    (top / "a" / "b").mkdir(parents=True)
    for path in (top / "file", top / "a" / "file", top / "a" / "b" / "file"):
        path.write_bytes(b"x" * 5000)
    return top


def test_a_tree_is_removed_with_all_that_is_in_it_and_its_size_is_told(tree):
    assert remove(tree) >= 3 * 5000
    assert list(tree.parent.iterdir()) == []


def test_a_file_that_has_another_link_frees_nothing(tree, tmp_path):
    for number, path in enumerate([tree / "file", tree / "a" / "file", tree / "a" / "b" / "file"]):
        os.link(path, tmp_path / f"kept-{number}")
    assert remove(tree) < 5 * 5000
    assert (tmp_path / "kept-0").read_bytes() == b"x" * 5000


@pytest.mark.parametrize("level", ["", "a", "a/b"])
def test_a_link_at_any_level_is_removed_and_never_followed(tree, victim, level):
    (tree / level / "link").symlink_to(victim)
    (tree / level / "file-link").symlink_to(victim / "precious")
    remove(tree)
    assert not tree.exists()
    assert (victim / "precious").read_text() == "years of work"


def test_a_link_in_place_of_the_tree_is_refused(tmp_path, victim):
    link = tmp_path / "link"
    link.symlink_to(victim)
    with pytest.raises(OSError) as caught:
        remove(link)
    assert caught.value.errno in {errno.ELOOP, errno.ENOTDIR}
    assert (victim / "precious").exists()


def test_a_tree_deeper_than_any_path_may_be_is_removed(tmp_path):
    top = tmp_path / "deep"
    top.mkdir()
    here = os.open(top, os.O_RDONLY)
    name = "d" * 200
    for _ in range(60):  # 12,000 bytes of path
        os.mkdir(name, dir_fd=here)
        below = os.open(name, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(os.open("file", os.O_WRONLY | os.O_CREAT, dir_fd=here))
    os.close(here)
    remove(top)
    assert not top.exists()


def test_a_tree_with_more_levels_than_a_process_may_open_files_is_removed(tmp_path):
    top = tmp_path / "deep"
    top.mkdir()
    here = os.open(top, os.O_RDONLY)
    for _ in range(2500):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    remove(top)
    assert not top.exists()


def as_nobody(work) -> int:
    """Do something in a child that is not root; its exit code."""
    pid = os.fork()
    if pid == 0:
        code = 1
        with suppress(BaseException):
            if os.geteuid() == 0:
                os.seteuid(65534)
            work()
            code = 0
        os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_files_and_directories_without_write_permission_are_removed_if_they_are_ours(tree):
    for path in [tree.parent, *tree.parent.rglob("*")]:
        if os.geteuid() == 0:
            os.chown(path, 65534, 65534)
    for parent in tree.parents:
        with suppress(PermissionError):
            if str(parent).startswith("/tmp/"):
                os.chmod(parent, stat.S_IMODE(parent.stat().st_mode) | 0o111)
    (tree / "a" / "b" / "file").chmod(0o400)
    (tree / "a" / "b").chmod(0o555)
    (tree / "a").chmod(0o000)
    tree.chmod(0o500)
    assert as_nobody(lambda: remove(tree)) == 0
    assert not tree.exists()


def test_what_tells_whose_it_is_goes_last(tree):
    removed = []
    real = os.unlink
    (tree / "run.json").write_text("{}")
    (tree / "zzz").write_text("")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "unlink", lambda name, **options: (removed.append(name), real(name, **options)))
        remove(tree, last="run.json")
    assert removed[-1] == "run.json"
    assert len(removed) == 5


def test_a_directory_that_is_moved_away_meanwhile_does_not_lead_us_elsewhere(tree, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "precious").write_text("")
    with descriptor(tree) as top, Cursor(os.dup(top)) as cursor:
        for _, name in walk(cursor):
            if name == "b":
                break
        cursor.down("b")
        (tree / "a" / "b").rename(elsewhere / "b")
        with pytest.raises(OSError, match="moved"):
            cursor.up()


def test_a_race_of_directories_and_links_never_touches_what_the_link_shows_to(tmp_path, victim):
    """A thread swaps a directory for a link and back, as fast as it can, while it is removed again and again."""
    parent = tmp_path / "parent"
    inside = parent / "tree" / "swapped"
    done = threading.Event()
    (tmp_path / "link").symlink_to(victim)

    def swap():
        while not done.is_set():
            with suppress(OSError):
                os.rename(inside, tmp_path / "aside")
            with suppress(OSError):
                os.symlink(victim, inside)
            with suppress(OSError):
                os.unlink(inside)
            with suppress(OSError):
                os.rename(tmp_path / "aside", inside)

    swapper = threading.Thread(target=swap)
    swapper.start()
    try:
        for _ in range(300):
            with suppress(OSError):  # a link may stand there at this instant
                inside.mkdir(parents=True, exist_ok=True)
            with suppress(OSError):
                (inside / "precious").write_text("not so precious")
            with suppress(OSError):
                remove(parent / "tree")
    finally:
        done.set()
        swapper.join()
    assert (victim / "precious").exists()
