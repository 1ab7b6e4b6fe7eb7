"""The index locked, gone or wrong while runs are recorded: training goes on, and the next reader knows all."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest

import rla
from rla import logger
from rla.errors import RlaWarning
from rla.runs.database import open_database

pytestmark = pytest.mark.faults

HOLDER = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
time.sleep(600)
"""


@contextmanager
def locked(database):
    """Another process holds the write lock of the index."""
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(database)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    try:
        yield
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()


@pytest.fixture
def root(data_root):
    rla.init("t", {"seed": 0}, data_root=data_root).close()
    return data_root


def test_a_start_waits_for_a_locked_index_at_most_2_seconds_and_then_spools(root):
    def seconds_of_a_start_and_an_end():
        with locked(root / "rla.db"):
            before = time.monotonic()
            with pytest.warns(RlaWarning, match="the run goes on in its files"):
                run = rla.init("t", {"seed": 1}, data_root=root)
            started = time.monotonic() - before
            logger.record_tabular("k", 1.0)
            logger.dump_tabular()
            before = time.monotonic()
            run.close()
            ended = time.monotonic() - before
        newest = open_database(root).runs()[0]
        assert (newest.uid, newest.state) == (run.uid, "finished")
        assert not os.listdir(root / ".rla" / "spool")
        return started, ended

    tries = (seconds_of_a_start_and_an_end() for _ in range(10))  # other programs may add to them
    assert any(started < 2.6 and ended < 1.0 for started, ended in tries)


def test_an_end_waits_at_most_half_a_second_and_the_next_reader_knows_it(root):
    def seconds_of_an_end():
        run = rla.init("t", {"seed": 1}, data_root=root)
        logger.record_tabular("k", 2.5)
        logger.dump_tabular()
        with locked(root / "rla.db"):
            before = time.monotonic()
            with pytest.warns(RlaWarning, match="the run goes on in its files"):
                run.close()
            took = time.monotonic() - before
        stored = open_database(root).find(run.uid)
        assert (stored.row["state"], stored.summary) == ("finished", {"k": 2.5})
        assert not os.listdir(root / ".rla" / "spool")
        return took

    assert any(seconds_of_an_end() < 1.0 for _ in range(10))  # other programs may add to it


def test_training_is_at_full_speed_while_the_index_is_locked(root):
    rla.init("t", {"seed": 1}, data_root=root)

    def train() -> float:
        before = time.thread_time()
        for count in range(2000):
            logger.record_tabular("k", count)
            logger.dump_tabular()
        return time.thread_time() - before

    free = min(train() for _ in range(3))
    with locked(root / "rla.db"):
        assert any(train() < 2 * free for _ in range(20))  # other programs may add to it


def test_an_index_deleted_during_the_run_comes_back_with_every_run(root):
    run = rla.init("t", {"seed": 1}, data_root=root)
    for file in root.glob("rla.db*"):
        file.unlink()
    run.beat(run._parts.reporter)
    run.close()
    assert sorted(stored.state for stored in open_database(root).runs()) == ["finished", "finished"]


def test_a_deleted_index_is_made_again_from_the_directories(root):
    first = [run.as_dict() for run in open_database(root).runs()]
    for file in root.glob("rla.db*"):
        file.unlink()
    assert [run.as_dict() for run in open_database(root).runs()] == first


def test_a_deleted_state_directory_loses_no_run(root):
    import shutil

    shutil.rmtree(root / ".rla")
    assert [run.state for run in open_database(root).runs()] == ["finished"]


def test_the_row_is_readable_by_plain_sqlite(root):
    with sqlite3.connect(root / "rla.db") as connection:
        found = connection.execute("SELECT task, state, json_extract(hyperparameters, '$.seed') FROM runs").fetchall()
    connection.close()
    assert found == [("t", "finished", 0)]


HUNDRED = """
import os, sys, time, warnings
warnings.simplefilter("error")
import rla
from rla import logger
root, go, errors = sys.argv[1:]
rla.init("warm", data_root=f"{errors}-warm", log_used=["csv"]).close()  # what is imported late, once for all
children = []
for seed in range(100):
    children.append(os.fork())
    if children[-1] == 0:
        os.dup2(os.open(f"{errors}/{seed}", os.O_WRONLY | os.O_CREAT), 2)
        while not os.path.exists(go):
            time.sleep(0.005)
        with rla.init("t", {"seed": seed}, track=["seed"], data_root=root, log_used=["csv"]):
            logger.record_tabular("k", 1)
            logger.dump_tabular()
        sys.exit()
open(go, "w").close()
sys.exit(max(os.waitpid(child, 0)[1] for child in children))
"""


def test_100_processes_may_start_at_once_on_a_new_data_root(script, data_root, tmp_path):
    errors = tmp_path / "errors"
    errors.mkdir()
    script(HUNDRED, str(data_root), str(tmp_path / "go"), str(errors))
    told = [file.read_text() for file in errors.iterdir()]
    assert [text for text in told if text and "the run goes on in its files" not in text] == []
    runs = open_database(data_root).runs()
    assert len(runs) == len(told) == 100
    assert {run.state for run in runs} == {"finished"}
    assert {run.hyperparameters["seed"] for run in runs} == set(range(100))


def test_reindex_moves_an_index_that_cannot_be_read_aside(script, data_root):
    record = "import sys, rla; rla.init('t', data_root=sys.argv[1]).close()"
    script(record, str(data_root))
    (data_root / "rla.db").write_bytes(b"this was a database once" * 1000)
    command = "import sys; from rla_scripts.main import main; main([*sys.argv[2:], '--data-root', sys.argv[1]])"
    refused = script(command, str(data_root), "ls", check=False)
    assert refused.returncode == 1
    assert "rla reindex" in refused.stderr
    done = script(command, str(data_root), "reindex")
    assert done.stdout == "1 run\n"
    (moved,) = data_root.glob("rla.db.damaged-*")
    assert moved.read_bytes().startswith(b"this was")
    assert "finished" in script(command, str(data_root), "ls").stdout
