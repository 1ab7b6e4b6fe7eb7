"""The kernel itself kills a job that takes more memory than there is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

LIMIT = 64 << 20
GREEDY = """
import sys
with open(sys.argv[2], "w") as members:
    members.write("0")
kept = [bytes(range(256)) * 4096 for _ in range(1000)]
"""


@pytest.fixture
def confined() -> Path:
    """The membership file of a control group whose processes together have 64 MiB."""
    version_1 = Path("/sys/fs/cgroup/memory")
    above, limits = (
        (version_1, ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes"))
        if version_1.is_dir()
        else (Path("/sys/fs/cgroup"), ("memory.max", "memory.swap.max"))
    )
    group = above / f"rla-test-{os.getpid()}"
    try:
        group.mkdir()
        (group / limits[0]).write_text(str(LIMIT))
    except OSError as error:
        pytest.skip(f"no group of processes with a limit on memory can be made here: {error}")
    if (group / limits[1]).exists():
        (group / limits[1]).write_text(str(LIMIT if above == version_1 else 0))
    yield group / "cgroup.procs"
    group.rmdir()


def test_a_job_that_the_kernel_ends_for_its_memory_is_known_as_killed_and_loses_no_other(repository, hermes, confined):
    repository.script("greedy.py", GREEDY)
    repository.hermes_file(f"[[python, greedy.py, {confined}],[]]", "[[python, say.py],[]]")
    done = hermes()
    assert done.code == 4
    killed, other = repository.runs()
    assert (killed.state, killed.row["exit_code"]) == ("killed", 137)
    assert "no memory left" in killed.row["error"]
    assert other.state == "finished"
    assert "greedy.py" in done.err.splitlines()[-2]
