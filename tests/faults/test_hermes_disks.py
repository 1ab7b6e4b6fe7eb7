"""hermes on disks that are full or may not be written."""

from __future__ import annotations

import pytest

from rla.runs.database import open_database
from tests.faults.test_disks import fill
from tests.hermes import conftest

pytestmark = pytest.mark.faults
repository, hermes = conftest.repository, conftest.hermes


def test_on_a_disk_that_is_read_only_nothing_starts(repository, hermes, mount):
    disk = mount("tmpfs", "ro")
    repository.hermes_file("[[python, say.py, --touch=ran],[]]", head=f"PRE\npath_to_experiments:'{disk}'\n")
    done = hermes()
    assert (done.code, "Read-only file system" in done.err) == (1, True)
    assert not (repository.path / "ran").exists()


def test_on_a_full_disk_jobs_fail_one_by_one_and_go_on_when_there_is_room(repository, hermes, mount):
    disk = mount("tmpfs", "size=12m")
    head = f"PRE\npath_to_experiments:'{disk}'\n"
    repository.hermes_file("[[python, say.py, 1],[]]", head=head)
    assert hermes().code == 0
    filler = fill(disk)
    repository.hermes_file("[[python, say.py, 1],[]]", "[[python, say.py, 2],[]]", head=head)
    full = hermes("--resume")
    assert full.code in {1, 4}
    assert "No space left" in full.err
    filler.unlink()
    assert hermes("--resume").code == 0
    runs = open_database(disk / "experiments").runs()
    assert sum(run.state == "finished" for run in runs) == 2


FILL = """
import sys
with open(sys.argv[2], "wb", buffering=0) as file:
    try:
        while True:
            file.write(b"x" * 4096)
    except OSError:
        pass
"""


def test_a_job_that_succeeded_when_the_disk_was_full_is_known_and_not_run_again(repository, hermes, mount):
    disk = mount("tmpfs", "size=12m")
    repository.script("fill.py", FILL)
    head = f"PRE\npath_to_experiments:'{disk}'\n"
    repository.hermes_file("[[python, say.py, 1],[]]", f"[[python, fill.py, {disk}/filler],[]]", head=head)
    full = hermes()
    assert "2 finished" in full.err
    (disk / "filler").unlink()
    runs = open_database(disk / "experiments").runs()
    assert sorted(run.state for run in runs) == ["finished", "lost"]  # its end is in one file, and nowhere else
    assert hermes("--resume").err.count("started") == 0
    (filled,) = (run for run in open_database(disk / "experiments").runs() if run.task == "fill")
    assert (filled.state, filled.row["exit_code"]) == ("finished", 0)
