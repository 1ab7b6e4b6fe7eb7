"""The trees of jobs that a data root remembers."""

from __future__ import annotations

import os
import shutil

from rla.core.layout import JobTreePaths, RootPaths
from rla.fsio.file_lock import FileLock
from rla.runs.database import open_database
from rla.runs.root import prepare_root
from rla.runs.trees import Unsettled, known_trees, prepare_tree


def test_a_tree_is_remembered_once_and_found_as_long_as_it_is_there(tmp_path):
    root, tree = RootPaths(tmp_path / "root"), JobTreePaths(tmp_path / "tree")
    first = prepare_tree(root, tree)
    assert prepare_tree(root, tree) == first
    assert known_trees(root) == {first: tree}
    tree.root.rename(tmp_path / "moved")
    assert known_trees(root) == {}
    moved = JobTreePaths(tmp_path / "moved")
    assert prepare_tree(root, moved) == first
    assert known_trees(root) == {first: moved}


def test_another_tree_at_the_place_of_one_is_not_taken_for_it(tmp_path):
    root, tree = RootPaths(tmp_path / "root"), JobTreePaths(tmp_path / "tree")
    first = prepare_tree(root, tree)
    shutil.rmtree(tree.root)
    other = prepare_tree(RootPaths(tmp_path / "other root"), tree)
    assert other != first
    assert known_trees(root) == {}


def test_a_note_of_a_tree_that_is_damaged_hides_no_other(tmp_path):
    root = RootPaths(tmp_path / "root")
    tree_id = prepare_tree(root, JobTreePaths(tmp_path / "tree"))
    (root.trees / "0123456789abcdef.json").write_text("{torn")
    assert list(known_trees(root)) == [tree_id]


def test_a_mark_that_is_settled_goes_and_one_that_is_left_stays(tmp_path):
    tree = JobTreePaths(tmp_path / "tree")
    Unsettled(tree).settle()
    assert not list(tree.unsettled.iterdir())
    Unsettled(tree).leave()
    assert len(list(tree.unsettled.iterdir())) == 1


def test_a_directory_that_never_became_a_run_goes_with_the_next_reader(tmp_path):
    root, tree = RootPaths(tmp_path / "root"), JobTreePaths(tmp_path / "tree")
    prepare_root(root)
    prepare_tree(root, tree)
    directories = {name: tree.root / "script/name" / name for name in ("unborn", "starting", "young", "used")}
    for name, directory in directories.items():
        directory.mkdir(parents=True)
        temporary = directory / ".run.json.0.rla-tmp"
        temporary.touch()
        (directory / "stderr.log").touch()
        if name != "young":
            os.utime(temporary, (1, 1))
    (directories["used"] / "mine.txt").touch()
    lock = FileLock(directories["starting"] / ".run.json.0.rla-tmp")
    assert lock.acquire()
    Unsettled(tree).leave()
    open_database(root.root)
    lock.release()
    assert {path.name for path in (tree.root / "script/name").iterdir()} == {"starting", "young", "used"}
    assert (directories["used"] / "mine.txt").exists()
