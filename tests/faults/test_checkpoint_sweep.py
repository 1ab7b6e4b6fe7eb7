"""A fault at every system call of saving and rotating checkpoints that changes the disk."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.faults

SAVES = 7
SHORT_STRIDE = 3
"""The short form fails every third call; SIGKILL always strikes at each."""


def sweep(crashpoint: Path, framework: str, directory: Path, error: int, sticky: int, stride: int) -> dict:
    done = subprocess.run(
        [
            sys.executable,
            Path(__file__).with_name("checkpoint_sweep.py"),
            framework,
            directory,
            *map(str, (error, sticky, stride)),
        ],
        env={**os.environ, "LD_PRELOAD": str(crashpoint), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("framework", ["numpy", "torch"])
def test_kill_9_at_every_call_loses_no_acknowledged_checkpoint_and_leaves_no_half_one(crashpoint, tmp_path, framework):
    report = sweep(crashpoint, framework, tmp_path, 0, 0, stride=1)
    assert report["violations"] == []
    assert report["points"] > 10 * SAVES


@pytest.mark.parametrize("sticky", [0, 1], ids=["once", "lasting"])
@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO, errno.EACCES], ids=["ENOSPC", "EIO", "EACCES"])
def test_an_error_at_every_call_is_raised_and_keeps_the_old_checkpoints(crashpoint, tmp_path, error, sticky):
    stride = 1 if os.environ.get("RLA_TEST_FAULTS") == "full" else SHORT_STRIDE
    report = sweep(crashpoint, "numpy", tmp_path, error, sticky, stride)
    assert report["violations"] == []
    assert report["refused"] > 5 * SAVES // stride
