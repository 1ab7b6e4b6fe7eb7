"""Rows reach the index, together, and none is lost when it cannot be reached."""

from __future__ import annotations

import sqlite3
from datetime import datetime

import pytest

from rla.batch import ledger as ledger_module
from rla.batch.job_run import JobRun
from rla.batch.ledger import Ledger
from rla.batch.workload import Item
from rla.core import manifest
from rla.core.layout import JobRunPaths, JobTreePaths, RootPaths
from rla.core.manifest import Manifest, State
from rla.runs.database import open_database


@pytest.fixture
def place(tmp_path):
    return RootPaths(tmp_path / "root"), JobTreePaths(tmp_path / "tree")


def record(tree: JobTreePaths, number: int) -> JobRun:
    """A run with its manifest on disk."""
    paths = JobRunPaths(tree.root, f"task/2021_07_25_16000832697{number}_00000")
    paths.log.mkdir(parents=True)
    uid = f"{number:016x}"
    created = f"2021/07/25/16-00-08-32697{number}"
    made = Manifest(uid=uid, task="t", created=created, ip="", tracked="", name=paths.log.name, started=1.0, batch="b")
    paths.manifest.write_bytes(manifest.encode(made))
    return JobRun(Item("k", "t", "l"), paths, datetime(2021, 7, 25), uid, record=made)


def put(ledger: Ledger, run: JobRun, state: str = "running", **more) -> None:
    ledger.put(run.manifest(), State(state=state, heartbeat=2.0, **more), run.paths.place, new=state == "running")


def test_rows_come_together_and_the_last_word_counts(place):
    root, tree = place
    ledger = Ledger(root, tree, None, pytest.fail)
    runs = [record(tree, number) for number in range(3)]
    for run in runs:
        put(ledger, run)
    put(ledger, runs[0], "finished", exit_code=0)
    ledger.close()
    assert sorted(run.row["state"] for run in open_database(root.root).runs()) == ["finished", "running", "running"]
    assert not list(tree.unsettled.iterdir())


def test_an_index_that_is_locked_is_told_once_and_the_rows_come_later(place, monkeypatch):
    root, tree = place
    open_first = Ledger(root, tree, None, pytest.fail)
    put(open_first, record(tree, 0))
    open_first.close()
    monkeypatch.setattr(ledger_module, "_BUDGET", 0.1)
    monkeypatch.setattr(ledger_module, "_EVERY", 0.0)
    monkeypatch.setattr(ledger_module, "_AGAIN", 0.0)
    told: list[str] = []
    ledger = Ledger(root, tree, None, told.append)
    connection = sqlite3.connect(root.database, isolation_level=None)
    connection.execute("BEGIN EXCLUSIVE")
    put(ledger, record(tree, 1))
    for _ in range(3):
        ledger.flush()
    assert len(told) == 1
    connection.execute("ROLLBACK")
    connection.close()
    ledger.close()
    assert len(open_database(root.root).runs()) == 2


def test_rows_that_never_came_are_taken_in_by_the_next_reader(place, monkeypatch):
    root, tree = place
    first = Ledger(root, tree, None, pytest.fail)
    put(first, record(tree, 0))
    first.close()
    assert len(open_database(root.root).runs()) == 1
    monkeypatch.setattr(ledger_module, "_PATIENCE", 0.1)
    monkeypatch.setattr(ledger_module, "_BUDGET", 0.1)
    connection = sqlite3.connect(root.database, isolation_level=None)
    connection.execute("BEGIN EXCLUSIVE")
    ledger = Ledger(root, tree, None, lambda _text: None)
    put(ledger, record(tree, 1))
    ledger.close()
    assert len(list(tree.unsettled.iterdir())) == 1
    connection.execute("ROLLBACK")
    connection.close()
    assert len(open_database(root.root).runs()) == 2
    assert not list(tree.unsettled.iterdir())


def test_what_people_said_of_a_run_meanwhile_stays(place):
    root, tree = place
    ledger = Ledger(root, tree, None, pytest.fail)
    run = record(tree, 0)
    put(ledger, run)
    ledger.flush(last=True)
    open_database(root.root).table.update(run.uid, tags=["good"])
    put(ledger, run, "finished")
    ledger.close()
    (row,) = open_database(root.root).runs()
    assert (row.tags, row.state) == (["good"], "finished")
