"""The package as users get it: a built wheel in an empty environment, core dependencies only."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
SCRIPT = """
import sys, rla
with rla.init("t", {"lr": 0.1}, track=["lr"], data_root=sys.argv[1]):
    rla.logger.record_tabular("k", 1.0)
    rla.logger.dump_tabular()
import importlib.util
assert importlib.util.find_spec("torch") is None
assert importlib.util.find_spec("gymnasium") is None
"""


def run(*command: object, cwd: Path) -> str:
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, cwd=cwd, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin directory of an environment that holds the wheel and what it depends on."""
    base = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--outdir", base, PROJECT, cwd=base)
    (wheel,) = base.glob("rla-*.whl")
    venv.create(base / "venv", with_pip=True)
    binaries = base / "venv" / "bin"
    run(binaries / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel, cwd=base)
    return binaries


def test_the_wheel_alone_records_a_run_and_lists_it(installed, tmp_path):
    run(installed / "python", "-c", SCRIPT, tmp_path / "data", cwd=tmp_path)
    listed = run(installed / "rla", "ls", "--data-root", tmp_path / "data", cwd=tmp_path)
    assert "finished" in listed
    assert "lr=0.1" in listed


def test_the_wheel_holds_the_packages_and_nothing_else(installed):
    (wheel,) = installed.parents[1].glob("*.whl")
    names = run(sys.executable, "-m", "zipfile", "-l", wheel, cwd=installed).splitlines()[1:]
    tops = {name.split()[0].split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"rla", "rla_scripts"}


def test_setup_works_from_the_wheel(installed, tmp_path):
    run(installed / "rla", "setup", cwd=tmp_path)
    assert (tmp_path / "rla_config.yaml").exists()
    assert (tmp_path / ".gitignore").exists()
