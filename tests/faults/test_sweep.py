"""A fault at every system call of a training that changes the disk, then the next reader."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.faults

SHORT_STRIDE = 3
"""The short form strikes at every third call, beginning with the first; SIGKILL always at each."""


def sweep(crashpoint: Path, directory: Path, error: int, sticky: int, stride: int) -> dict:
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("sweep.py"), directory, *map(str, (error, sticky, stride))],
        env={**os.environ, "LD_PRELOAD": str(crashpoint)},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_kill_9_at_every_call_leaves_nothing_half_done_and_loses_no_row(crashpoint, tmp_path):
    report = sweep(crashpoint, tmp_path, 0, 0, stride=1)
    assert report["violations"] == []
    assert report["points"] > 100


@pytest.mark.parametrize("sticky", [0, 1], ids=["once", "lasting"])
@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO, errno.EACCES], ids=["ENOSPC", "EIO", "EACCES"])
def test_an_error_at_every_call_refuses_the_start_or_never_reaches_the_training(crashpoint, tmp_path, error, sticky):
    stride = 1 if os.environ.get("RLA_TEST_FAULTS") == "full" else SHORT_STRIDE
    report = sweep(crashpoint, tmp_path, error, sticky, stride)
    assert report["violations"] == []
    assert report["points"] > 100 // stride
    assert report["refused"] > 10
