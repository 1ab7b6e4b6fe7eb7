"""A fault at every system call of saving and rotating checkpoints that changes the disk."""

from __future__ import annotations

import errno

import pytest

from tests.faults.striking import stride

pytestmark = pytest.mark.faults

SAVES = 7


@pytest.mark.parametrize(("framework", "every"), [("numpy", 1), ("torch", stride(5))])
def test_kill_9_at_every_call_loses_no_acknowledged_checkpoint_and_leaves_no_half_one(sweep, place, framework, every):
    report = sweep("checkpoint_sweep.py", framework, place, 0, 0, every)
    assert report["violations"] == []
    assert report["points"] > 10 * SAVES // every


@pytest.mark.parametrize("sticky", [0, 1], ids=["once", "lasting"])
@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO, errno.EACCES], ids=["ENOSPC", "EIO", "EACCES"])
def test_an_error_at_every_call_is_raised_and_keeps_the_old_checkpoints(sweep, place, error, sticky):
    every = stride(3)
    report = sweep("checkpoint_sweep.py", "numpy", place, error, sticky, every)
    assert report["violations"] == []
    assert report["refused"] > 5 * SAVES // every
