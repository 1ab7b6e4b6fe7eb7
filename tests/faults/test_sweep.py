"""A fault at every system call of a training that changes the disk, then the next reader."""

from __future__ import annotations

import errno

import pytest

from tests.faults.striking import stride

pytestmark = pytest.mark.faults


def test_kill_9_at_every_call_leaves_nothing_half_done_and_loses_no_row(sweep, place):
    report = sweep("sweep.py", place, 0, 0, 1)
    assert report["violations"] == []
    assert report["points"] > 100


@pytest.mark.parametrize("sticky", [0, 1], ids=["once", "lasting"])
@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO, errno.EACCES], ids=["ENOSPC", "EIO", "EACCES"])
def test_an_error_at_every_call_refuses_the_start_or_never_reaches_the_training(sweep, place, error, sticky):
    every = stride(5)
    report = sweep("sweep.py", place, error, sticky, every)
    assert report["violations"] == []
    assert report["points"] > 100 // every
    assert report["refused"] > 10
