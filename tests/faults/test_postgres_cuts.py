"""A PostgreSQL server that cuts connections, stays away, or has many clients that die: nothing is lost."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine, event

import rla
from rla import logger
from rla.errors import RlaError, RlaWarning
from rla.runs.database import open_database
from tests.conftest import csv_rows
from tests.faults.manage_scenes import ACTIONS, Scene, act, make_scene, violations
from tests.faults.striking import FULL
from tests.timing import least_seconds

pytestmark = pytest.mark.faults
ROOT = Path(__file__).parents[2]


@pytest.fixture
def url(postgres_url, monkeypatch):
    monkeypatch.setenv("RLA_INDEX_URL", postgres_url)
    return postgres_url


class Cutter:
    """Lets the server cut this process's connection before its nth statement or commit, and maybe before all later."""

    def __init__(self, admin: psycopg.Connection, nth: int, *, lasting: bool) -> None:
        self._admin, self._nth, self._lasting = admin, nth, lasting
        self.calls = 0

    def statement(self, connection, *_arguments) -> None:
        self.commit(connection)

    def commit(self, connection) -> None:
        self.calls += 1
        if self.calls == self._nth or (self._lasting and 0 < self._nth < self.calls):
            self._admin.execute(
                "SELECT pg_terminate_backend(%s, 5000)", [connection.connection.driver_connection.info.backend_pid]
            )


@contextmanager
def cutting(url: str, nth: int, *, lasting: bool = False) -> Iterator[Cutter]:
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as admin:
        cutter = Cutter(admin, nth, lasting=lasting)
        event.listen(Engine, "before_cursor_execute", cutter.statement)
        event.listen(Engine, "commit", cutter.commit)
        try:
            yield cutter
        finally:
            event.remove(Engine, "before_cursor_execute", cutter.statement)
            event.remove(Engine, "commit", cutter.commit)


def struck(scene: Scene, url: str, nth: int, *, lasting: bool) -> tuple[int, str]:
    """Run the command of a scene; how many calls it made, and what it told."""
    with cutting(url, nth, lasting=lasting) as cutter:
        try:
            told = "" if act(scene).failed else "a"
        except RlaError:
            told = ""
    return cutter.calls, told + ("n" if cutter.calls < nth or nth == 0 else "")


@pytest.mark.parametrize("action", ACTIONS)
def test_a_connection_cut_at_any_statement_leaves_whole_runs_which_the_next_command_finishes_or_drops(
    url, tmp_path, action
):
    calls, told = struck(make_scene(action, tmp_path / "count"), url, 0, lasting=False)
    assert told == "an"
    refused = 0
    for nth, lasting in points(calls):
        scene = make_scene(action, tmp_path / f"point-{nth}-{lasting}")
        _, told = struck(scene, url, nth, lasting=lasting)
        assert violations(scene, told, killed=False, number=nth) == [], f"cut at call {nth} of {calls}, {lasting=}"
        refused += told == ""
    assert refused > 0


def points(calls: int) -> list[tuple[int, bool]]:
    """Which calls are struck, and whether the server stays away from then on."""
    if FULL:
        return [(nth, lasting) for nth in range(1, calls + 1) for lasting in (False, True)]
    return [(1 + calls * number // 4, number % 2 == 1) for number in range(1, 4)]


TRAIN = """
import sys, time, rla
for seed in range(int(sys.argv[2])):
    with rla.init("t", {"seed": seed}, data_root=sys.argv[1], log_used=["csv"]) as run:
        for step in range(5):
            rla.time_step_holder.set_time(step)
            rla.logger.record_tabular("k", seed + step)
            rla.logger.dump_tabular()
            run.beat(run._parts.reporter)
"""


def test_trainings_whose_connections_are_cut_all_the_time_lose_nothing(url, data_root):
    cuts = 0
    command = [sys.executable, "-c", TRAIN, str(data_root), "10"]
    trainings = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as admin:
        others = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'rla'"
        while any(training.poll() is None for training in trainings):
            cuts += admin.execute(others).fetchone()[0]
            time.sleep(0.005)
    told = [training.communicate()[1] for training in trainings]
    assert [training.returncode for training in trainings] == [0, 0], told
    assert all("Traceback" not in text for text in told), told
    assert cuts > 20
    runs = open_database(data_root, url).runs()
    assert sorted(run.hyperparameters["seed"] for run in runs) == sorted([*range(10)] * 2)
    for run in runs:
        assert (run.state, run.row["time_step"]) == ("finished", 4)
        assert run.summary == {"k": run.hyperparameters["seed"] + 4}
        assert len(csv_rows(run.paths.csv)) == 5
    assert not os.listdir(data_root / ".rla" / "spool")


def test_a_server_that_is_away_costs_a_training_its_budget_and_the_next_reader_knows_the_run(
    url, data_root, tmp_path, monkeypatch
):
    monkeypatch.setenv("RLA_INDEX_URL", f"postgresql+psycopg:///db?host={tmp_path}")
    recorded = []

    def record():
        with pytest.warns(RlaWarning, match="the run goes on in its files"):
            run = rla.init("t", {"seed": 1}, data_root=data_root)
        logger.record_tabular("k", 1.5)
        logger.dump_tabular()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RlaWarning)
            run.close()
        recorded.append((run.uid, "finished", {"k": 1.5}))

    assert least_seconds(record, enough=3.5) < 3.5
    assert [(run.uid, run.state, run.summary) for run in open_database(data_root, url).runs()] == recorded[::-1]


def dumps_while_it_beats(run) -> int:
    """How many of a hundred dumps are written before a beat has given the locked table up."""
    beat, written = threading.Thread(target=run.beat, args=(run._parts.reporter,)), 0
    beat.start()
    for number in range(100):
        logger.record_tabular("k", number)
        logger.dump_tabular()
        written += beat.is_alive()
    beat.join()
    return written


def test_a_table_that_is_locked_holds_no_dump_up(url, data_root):
    run = rla.init("t", {"seed": 1}, data_root=data_root)
    with psycopg.connect(url.replace("+psycopg", "")) as other:
        other.execute("LOCK TABLE runs IN ACCESS EXCLUSIVE MODE")
        with pytest.warns(RlaWarning, match="did not answer within 0.5 s"):
            assert any(dumps_while_it_beats(run) == 100 for _ in range(10))  # other programs may hold us up
    run.close()
    (stored,) = open_database(data_root, url).runs()
    assert (stored.state, stored.summary) == ("finished", {"k": 99})


def test_four_workers_that_are_killed_at_random_lose_nothing(url, sweep, tmp_path):
    report = sweep("manage_storm.py", tmp_path, 300 if FULL else 20, 7)
    assert report["violations"] == []
    assert min(report[word] for word in ("created", "deleted", "archived", "restored")) > 0
