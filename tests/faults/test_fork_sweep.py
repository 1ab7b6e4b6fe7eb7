"""A fault at every system call of going on from a stored run that changes the disk, then the next reader."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.faults

SHORT_STRIDE = 5
"""The short form strikes at every fifth call; SIGKILL always at each of a resume."""


def sweep(crashpoint: Path, scene: str, directory: Path, error: int, sticky: int, stride: int) -> dict:
    done = subprocess.run(
        [
            sys.executable,
            Path(__file__).with_name("fork_sweep.py"),
            scene,
            directory,
            *map(str, (error, sticky, stride)),
        ],
        env={
            **os.environ,
            "LD_PRELOAD": str(crashpoint),
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": str(Path(__file__).parents[2]),
        },
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("scene", ["resume", "auto", "loader"])
def test_kill_9_at_every_call_leaves_a_whole_run_or_none_and_the_source_as_it_was(crashpoint, tmp_path, scene):
    report = sweep(crashpoint, scene, tmp_path, 0, 0, stride=1)
    assert report["violations"] == []
    assert report["points"] > 100


@pytest.mark.parametrize("scene", ["resume", "loader"])
@pytest.mark.parametrize("sticky", [0, 1], ids=["once", "lasting"])
@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO, errno.EACCES], ids=["ENOSPC", "EIO", "EACCES"])
def test_an_error_at_every_call_refuses_the_fork_or_never_reaches_the_training(
    crashpoint, tmp_path, error, sticky, scene
):
    stride = 1 if os.environ.get("RLA_TEST_FAULTS") == "full" else SHORT_STRIDE
    report = sweep(crashpoint, scene, tmp_path, error, sticky, stride)
    assert report["violations"] == []
    assert report["points"] > 100 // stride
    assert report["refused"] > 50 // stride
