"""A fault at every call of a backup that changes the disk; the next backup is right."""

from __future__ import annotations

import errno

import pytest

from tests.faults.striking import stride

pytestmark = pytest.mark.faults


def test_kill_9_at_every_call_never_leaves_wrong_code(sweep, place):
    report = sweep("code_sweep.py", place, 0, 0, 1)
    assert report["violations"] == []
    assert report["points"] > 50


@pytest.mark.parametrize("sticky", [0, 1], ids=["once", "lasting"])
@pytest.mark.parametrize("error", ["ENOSPC", "EIO", "EACCES", "EXDEV"])
def test_an_error_at_every_call_means_a_right_backup_or_an_os_error(sweep, place, error, sticky):
    report = sweep("code_sweep.py", place, getattr(errno, error), sticky, stride(3))
    assert report["violations"] == []
    assert report["points"] > 50 // stride(3)
    assert report["refused"] > 0
