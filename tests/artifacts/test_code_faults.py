"""A fault at every call of a backup that changes the disk; the next backup is right."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.faults
FULL = os.environ.get("RLA_TEST_FAULTS") == "full"


@pytest.fixture(scope="module")
def crashpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The injector, compiled."""
    library = tmp_path_factory.mktemp("crashpoint") / "crashpoint.so"
    source = Path(__file__).parents[1] / "faults/crashpoint.c"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
    return library


def sweep(crashpoint: Path, directory: Path, error: int, sticky: int, stride: int) -> dict:
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("sweep_code.py"), directory, *map(str, (error, sticky, stride))],
        env={**os.environ, "LD_PRELOAD": str(crashpoint)},
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_kill_9_at_every_call_never_leaves_wrong_code(crashpoint, tmp_path):
    report = sweep(crashpoint, tmp_path, 0, 0, stride=1)
    assert report["violations"] == []
    assert report["points"] > 50


@pytest.mark.parametrize("sticky", [0, 1], ids=["once", "lasting"])
@pytest.mark.parametrize("error", ["ENOSPC", "EIO", "EACCES", "EXDEV"])
def test_an_error_at_every_call_means_a_right_backup_or_an_os_error(crashpoint, tmp_path, error, sticky):
    report = sweep(crashpoint, tmp_path, getattr(errno, error), sticky, stride=1 if FULL else 3)
    assert report["violations"] == []
    assert report["points"] > (50 if FULL else 16)
    assert report["refused"] > 0
