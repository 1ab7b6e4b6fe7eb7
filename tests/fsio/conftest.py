"""Real disks and real processes."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def tiny_disk(tmp_path):
    """A file system of 16 KiB; skipped where mounting is refused."""
    mount = tmp_path / "tiny"
    mount.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16k", "rla-test", mount], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"mounting is refused: {done.stderr.strip()}")
    yield mount
    subprocess.run(["umount", mount], check=True)


@pytest.fixture
def start_python():
    """Start a script in its own interpreter, with pipes; what still runs is killed at the end."""
    started = []

    def start(script, *arguments):
        command = [sys.executable, "-c", script, *map(str, arguments)]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, start_new_session=True
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()
