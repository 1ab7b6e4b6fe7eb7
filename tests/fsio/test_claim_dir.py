"""One directory, one owner."""

import pytest

from rla.fsio.claim_dir import claim_dir, claim_with_lock, make_dirs
from rla.fsio.file_lock import is_locked


def race(processes):
    """Let all go at once that wait for a line."""
    for process in processes:
        process.stdout.readline()
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()


def test_of_twenty_processes_exactly_one_gets_the_name(tmp_path, start_python):
    script = (
        "import sys; from pathlib import Path; from rla.fsio.claim_dir import claim_dir\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        "try: claim_dir(Path(sys.argv[1])); print('won')\n"
        "except FileExistsError: print('lost')\n"
    )
    processes = [start_python(script, tmp_path / "log/demo/2026/01/02/name") for _ in range(20)]
    race(processes)
    said = [process.communicate()[0].strip() for process in processes]
    assert sorted(said) == ["lost"] * 19 + ["won"]


def test_of_many_that_claim_a_name_with_a_lock_one_gets_it_and_nothing_is_left_of_the_others(tmp_path, start_python):
    script = (
        "import sys; from pathlib import Path; from rla.fsio.claim_dir import claim_with_lock\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        "try: lock = claim_with_lock(Path(sys.argv[1]), 'draft'); print('won', flush=True); sys.stdin.readline()\n"
        "except FileExistsError: print('lost', flush=True)\n"
    )
    processes = [start_python(script, tmp_path / "tree/script/name") for _ in range(10)]
    race(processes)
    said = [process.stdout.readline().strip() for process in processes]
    assert sorted(said) == ["lost"] * 9 + ["won"]
    assert [path.name for path in (tmp_path / "tree/script").iterdir()] == ["name"]
    assert is_locked(tmp_path / "tree/script/name/draft")
    for process in processes:
        process.communicate("end\n")
    assert not is_locked(tmp_path / "tree/script/name/draft")


@pytest.mark.parametrize("kind", ["directory", "file", "link"])
def test_a_name_that_is_taken_is_not_claimed_with_a_lock(tmp_path, kind):
    path = tmp_path / "taken"
    {"directory": (path / "in it").mkdir, "file": path.touch, "link": lambda: path.symlink_to("gone")}[kind](
        **({"parents": True} if kind == "directory" else {})
    )
    with pytest.raises(FileExistsError):
        claim_with_lock(path, "draft")
    assert [found.name for found in tmp_path.iterdir()] == ["taken"]


def test_missing_parents_are_made(tmp_path):
    claim_dir(tmp_path / "a/b/c")
    assert (tmp_path / "a/b/c").is_dir()


@pytest.mark.parametrize("kind", ["directory", "file", "link"])
def test_a_name_that_is_taken_is_refused_whatever_it_is(tmp_path, kind):
    path = tmp_path / "taken"
    {"directory": path.mkdir, "file": path.touch, "link": lambda: path.symlink_to("gone")}[kind]()
    with pytest.raises(FileExistsError):
        claim_dir(path)


def test_a_parent_that_is_a_file_is_an_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="Not a directory"):
        claim_dir(tmp_path / "file/name")


def test_a_parent_that_another_process_removes_a_few_times_is_made_again(tmp_path, start_python):
    script = (
        "import os, sys\nprint('go', flush=True); removed = 0\n"
        "while removed < 5:\n"
        "    try: os.rmdir(sys.argv[1]); removed += 1\n"
        "    except OSError: pass\n"
    )
    start_python(script, tmp_path / "day").stdout.readline()
    claim_dir(tmp_path / "day/name")
    assert (tmp_path / "day/name").is_dir()


def test_making_directories_twice_is_no_error(tmp_path):
    make_dirs(tmp_path / "a/b")
    make_dirs(tmp_path / "a/b")
    assert (tmp_path / "a/b").is_dir()


@pytest.mark.parametrize("make", [claim_dir, make_dirs])
def test_a_link_to_nowhere_on_the_way_is_no_directory(tmp_path, make):
    (tmp_path / "log").symlink_to("/nonexistent/disk")
    with pytest.raises(NotADirectoryError, match="link to nowhere"):
        make(tmp_path / "log" / "task" / "name")
