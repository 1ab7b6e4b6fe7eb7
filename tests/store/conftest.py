"""A real index on each database, and runs to put into it."""

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
from contextlib import closing
from pathlib import Path

import pytest

from rla.core import manifest as files
from rla.core.layout import RootPaths
from rla.store.engine import open_index
from rla.store.run_table import Place, RunTable, row_of


@pytest.fixture
def database(tmp_path):
    return tmp_path / "rla.db"


@pytest.fixture
def new_table():
    """Open a table; it is closed after the test."""
    indexes = []

    def make(address, **options):
        indexes.append(open_index(address, **{"budget": 5.0, **options}))
        return RunTable(indexes[-1])

    yield make
    for index in indexes:
        index.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request):
    if request.param == "sqlite":
        return f"sqlite:///{request.getfixturevalue('database')}"
    return request.getfixturevalue("postgres_url")


@pytest.fixture
def table(url, new_table):
    return new_table(url)


@pytest.fixture
def sqlite_table(database, new_table):
    return new_table(database)


@pytest.fixture
def manifest():
    """Make a manifest; runs with higher numbers are newer."""

    def make(number=1, **fields):
        stamp = f"2026/03/01/21-13-{number // 1000:02d}-{number % 1000:06d}"
        default = {
            "uid": f"{number:016x}",
            "task": "cartpole",
            "created": stamp,
            "ip": "192.0.2.7",
            "tracked": "lr=0.1",
            "name": f"{stamp.rpartition('/')[2]} 192.0.2.7 &lr=0.1",
            "started": 1_772_399_583.0 + number,
            "hyperparameters": {"lr": 0.1, "env": {"id": "CartPole-v1"}},
            "git": {"commit": "abc", "dirty": True},
            "argv": ["train.py", "--lr", "0.1"],
        }
        return files.Manifest(**{**default, **fields})

    return make


@pytest.fixture
def run(manifest):
    """Make a row and its place."""

    def make(number=1, state=None, notes=None, *, root_id="root", **fields):
        made = manifest(number, **fields)
        place = Place(made.uid, root_id, f"{made.task}/{made.created[:10]}/{made.name}")
        return row_of(made, state or files.State(), notes or files.Notes()), place

    return make


@pytest.fixture
def root(tmp_path):
    paths = RootPaths(tmp_path / "data")
    paths.root.mkdir()
    return paths


@pytest.fixture
def write_run(manifest):
    """Write the files of a run below a root and give back its paths."""

    def write(root, number=1, state=None, notes=None, **fields):
        made = manifest(number, **fields)
        paths = root.run(f"{made.task}/{made.created[:10]}/{made.name}")
        paths.log.mkdir(parents=True)
        paths.manifest.write_bytes(files.encode(made))
        if state is not None:
            paths.state.write_bytes(files.encode(state))
        if notes is not None:
            paths.notes.write_bytes(files.encode(notes))
        return paths

    return write


@pytest.fixture
def script():
    """Start a Python program that speaks with the test through its standard streams."""
    processes = []

    def start(source, *arguments):
        command = [sys.executable, "-c", textwrap.dedent(source), *map(str, arguments)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


@pytest.fixture
def locked(script):
    """Let another process hold the write lock of an SQLite file."""

    def lock(path):
        process = script(
            """
            import sqlite3, sys
            connection = sqlite3.connect(sys.argv[1], isolation_level=None)
            connection.execute("BEGIN IMMEDIATE")
            print("locked", flush=True)
            sys.stdin.read()
            """,
            path,
        )
        assert process.stdout.readline() == "locked\n"
        return process

    return lock


@pytest.fixture
def in_child():
    """Run a function in a forked child, as another user when asked, and give back the text it returns."""

    def call(function, *, uid=None):
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                if uid is not None and os.geteuid() == 0:
                    os.seteuid(uid)
                text = str(function())
            except BaseException as error:
                text = f"{type(error).__name__}: {error}"
            os.write(writer, text.encode())
            os._exit(0)
        os.close(writer)
        with open(reader) as stream:
            text = stream.read()
        os.waitpid(pid, 0)
        return text

    return call


@pytest.fixture
def integrity():
    """SQLite's own verdict on a file."""

    def check(path: Path):
        with closing(sqlite3.connect(path)) as connection:
            return connection.execute("PRAGMA integrity_check").fetchone()[0]

    return check


@pytest.fixture
def open_directory():
    """A directory that other users may enter and read, but not write."""
    directory = Path(tempfile.mkdtemp(prefix="rla-shared-"))
    directory.chmod(0o755)
    yield directory
    directory.chmod(0o755)
    shutil.rmtree(directory)
