"""What several tests of the core need."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def run_python():
    """Run a script in a fresh interpreter that knows this rla; gives what it printed."""

    def run(script, *arguments):
        command = [sys.executable, "-c", script, *map(str, arguments)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        return subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout

    return run


@pytest.fixture
def open_directory():
    """A directory that every user can enter, as pytest's own cannot."""
    with tempfile.TemporaryDirectory(prefix="rla-test-") as name:
        directory = Path(name)
        directory.chmod(0o755)
        yield directory.resolve()


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write a configuration file that only its owner can read, into the current directory."""
    monkeypatch.chdir(tmp_path)

    def write_file(content, name="rla_config.yaml"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        path.chmod(0o600)
        return path

    return write_file
