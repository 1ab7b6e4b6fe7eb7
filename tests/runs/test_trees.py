"""The trees of jobs that a data root remembers."""

from __future__ import annotations

import os
import shutil

from rla.core.layout import DRAFT_FILE, JobTreePaths, RootPaths
from rla.fsio.atomic_write import TEMP_MARK
from rla.fsio.claim_dir import claim_with_lock
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
    directories = {name: tree.root / "script/name" / name for name in ("unborn", "starting", "used")}
    for directory in directories.values():
        claim_with_lock(directory, DRAFT_FILE).release()
        (directory / "stderr.log").touch()
    (directories["used"] / "mine.txt").touch()
    lock = FileLock(directories["starting"] / DRAFT_FILE)
    assert lock.acquire()
    Unsettled(tree).leave()
    open_database(root.root)
    assert {path.name for path in (tree.root / "script/name").iterdir()} == {"starting", "used"}
    assert (directories["used"] / "mine.txt").exists()
    assert (directories["starting"] / "stderr.log").exists()
    lock.release()
    open_database(root.root)
    assert {path.name for path in (tree.root / "script/name").iterdir()} == {"used"}
    assert not list(tree.unsettled.iterdir())


def test_a_claim_that_has_no_name_yet_is_judged_when_it_is_old_enough(tmp_path):
    root, tree = RootPaths(tmp_path / "root"), JobTreePaths(tmp_path / "tree")
    prepare_root(root)
    prepare_tree(root, tree)
    claims = {name: tree.root / f"script/name/.{name}{TEMP_MARK}" for name in ("empty", "begun", "held")}
    for name, directory in claims.items():
        directory.mkdir(parents=True)
        if name != "empty":
            (directory / DRAFT_FILE).touch()
    lock = FileLock(claims["held"] / DRAFT_FILE)
    assert lock.acquire()
    Unsettled(tree).leave()
    open_database(root.root)
    assert all(directory.exists() for directory in claims.values())
    for directory in claims.values():
        os.utime(directory, (1, 1))
    open_database(root.root)
    assert [path for path in claims.values() if path.exists()] == [claims["held"]]
    assert not list(tree.unsettled.iterdir())
    lock.release()
