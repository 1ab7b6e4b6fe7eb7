"""A fault at every system call of hermes that changes the disk; then its batch is gone on with."""

from __future__ import annotations

import errno

import pytest

from tests.faults.striking import stride

pytestmark = pytest.mark.faults


def test_kill_9_at_every_call_loses_no_job_doubles_none_and_leaves_no_empty_directory(sweep, place):
    every = stride(17)
    report = sweep("hermes_sweep.py", place, 0, 0, every)
    assert report["violations"] == []
    assert report["points"] > 150 // every


@pytest.mark.parametrize("sticky", [0, 1], ids=["once", "lasting"])
@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO], ids=["ENOSPC", "EIO"])
def test_an_error_at_every_call_fails_jobs_that_did_not_begin_and_says_so(sweep, place, error, sticky):
    every = stride(61)
    report = sweep("hermes_sweep.py", place, error, sticky, every)
    assert report["violations"] == []
    assert report["points"] > 100 // every
