"""What every test may use: a data root, scripts run as processes, and readers of what they left."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from rla.easy_log.current import current
from rla.runs.database import Database
from rla.store.engine import open_index
from tests.indexes import open_database, postgres_server, postgres_url
from tests.on_postgres import ON_POSTGRES, ONLY_THERE

__all__ = ["postgres_server", "postgres_url"]

signal.signal(signal.SIGINT, signal.default_int_handler)
"""Where the tests run in the background, Ctrl-C is ignored, and processes would inherit that."""

settings.register_profile(
    "rla",
    deadline=None,  # how long an example takes says more of what else runs on the machine than of the code
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=os.environ.get("RLA_TEST_FAULTS") != "full",  # the same commit gives the same result
)
settings.load_profile("rla")

Script = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def data_root(tmp_path: Path) -> Path:
    """A data root that does not exist yet."""
    return tmp_path / "data root 'ü'"


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """No setting of the machine reaches a test, and no run reaches the next one."""
    for name in [name for name in os.environ if name.startswith(("RLA_", "SLURM_")) and name != "RLA_TEST_FAULTS"]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("RLA_BACKUP_CODE", "0")  # the tests of these two turn them on
    monkeypatch.setenv("RLA_CAPTURE_ENVIRONMENT", "0")
    yield
    current.end()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Let the tests that are listed run on both databases."""
    module = str(Path(metafunc.module.__file__).relative_to(Path(__file__).parent))
    name = metafunc.function.__name__
    if name in ON_POSTGRES.get(module, ()):
        both = ["sqlite", "postgresql"]
        metafunc.parametrize("_index", both[1:] if name in ONLY_THERE else both, indirect=True)


@pytest.fixture(autouse=True)
def _index(request: pytest.FixtureRequest, _own_environment: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Name the PostgreSQL server to every command and training of a test that is to run on it."""
    if getattr(request, "param", "sqlite") == "sqlite":
        yield
        return
    url = request.getfixturevalue("postgres_url")
    monkeypatch.setenv("RLA_INDEX_URL", url)
    yield
    current.end()
    open_index(url).close()


@pytest.fixture
def script(tmp_path: Path) -> Script:
    """Run Python text in a fresh process; its output comes back as text."""

    def run(text: str, *arguments: str, check: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
        file = tmp_path / "script.py"
        file.write_text(textwrap.dedent(text), encoding="utf-8")
        done = subprocess.run(
            [sys.executable, str(file), *arguments],
            capture_output=True,
            text=True,
            timeout=120,
            cwd=tmp_path,
            env={**os.environ, **environment},
            check=False,
        )
        assert not check or done.returncode == 0, done.stderr
        return done

    return run


@pytest.fixture
def database(data_root: Path) -> Callable[[], Database]:
    """Open the data root as a command does."""
    return lambda: open_database(data_root)


def csv_rows(path: Path) -> list[dict[str, str]]:
    """The rows of a progress.csv, by column."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
