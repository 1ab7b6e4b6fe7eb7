"""A fault at every system call of going on from a stored run that changes the disk, then the next reader."""

from __future__ import annotations

import errno

import pytest

from tests.faults.striking import stride

pytestmark = pytest.mark.faults


@pytest.mark.parametrize(("scene", "every"), [("resume", stride(3)), ("auto", stride(5)), ("loader", stride(5))])
def test_kill_9_at_every_call_leaves_a_whole_run_or_none_and_the_source_as_it_was(sweep, place, scene, every):
    report = sweep("fork_sweep.py", scene, place, 0, 0, every)
    assert report["violations"] == []
    assert report["points"] > 100 // every


@pytest.mark.parametrize("scene", ["resume", "loader"])
@pytest.mark.parametrize("sticky", [0, 1], ids=["once", "lasting"])
@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO, errno.EACCES], ids=["ENOSPC", "EIO", "EACCES"])
def test_an_error_at_every_call_refuses_the_fork_or_never_reaches_the_training(sweep, place, error, sticky, scene):
    every = stride(10)
    report = sweep("fork_sweep.py", scene, place, error, sticky, every)
    assert report["violations"] == []
    assert report["points"] > 100 // every
    assert report["refused"] > 50 // every
