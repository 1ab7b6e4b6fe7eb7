"""Jobs that take no time: the next one is ready before a slot is free, and nobody sees a difference."""

from __future__ import annotations

import json
import os
import re
import time

import pytest

from rla.batch import ahead, runner
from rla.batch.starting import give_up, make_ready
from rla.core.layout import JobTreePaths
from rla.hermes.workload import HermesWorkload

QUICK = "[[/bin/true],[]]"


@pytest.fixture
def all_quick(monkeypatch) -> None:
    """However slow the machine is: every job counts as one that takes no time."""
    monkeypatch.setattr(ahead, "_NO_TIME", 60.0)


@pytest.fixture
def all_seem_quick(monkeypatch) -> None:
    """However slow the machine is, jobs are made ready, and are given up after the usual time."""
    learn = ahead.Ahead.learn
    monkeypatch.setattr(ahead.Ahead, "learn", lambda self, seconds: learn(self, 0.0))


@pytest.fixture
def made(monkeypatch) -> dict[str, int]:
    """How many jobs were made ready, and how many of them given up."""
    counts = {"ready": 0, "given up": 0}

    def counted_ready(*arguments):
        counts["ready"] += 1
        return make_ready(*arguments)

    def counted_give_up(ready):
        counts["given up"] += 1
        give_up(ready)

    monkeypatch.setattr(runner, "make_ready", counted_ready)
    monkeypatch.setattr(runner, "give_up", counted_give_up)
    return counts


def names(repository) -> set[str]:
    """Every directory that a job may have got."""
    return {name for _, inner, _ in os.walk(repository.tree) for name in inner if re.match(r"\d{4}_\d\d", name)}


def test_quick_jobs_run_in_order_and_each_once(repository, hermes, made, all_quick):
    repository.hermes_file(*(f"[[/bin/true, {number}],[]]" for number in range(20)), head="PRE\nidentifier:off\n")
    assert hermes().code == 0
    runs = repository.runs()
    assert [run.hyperparameters["args"] for run in runs] == [[number] for number in range(20)]
    assert {run.state for run in runs} == {"finished"}
    assert made == {"ready": 20, "given up": 0}


def test_a_job_that_is_ready_does_not_wait_for_a_long_one(repository, hermes, made, all_seem_quick):
    repository.hermes_file(*[QUICK] * 5, "[[python, say.py, --sleep=0.6],[]]", QUICK)
    assert hermes().code == 0
    *_, long, last = repository.runs()
    assert last.row["started"] > long.row["ended"] - 0.4, "its identifier tells when it began"
    assert made["given up"] >= 1
    assert names(repository) == {path.name for path in repository.directories()}


def test_a_job_that_waited_while_hermes_was_busy_begins_under_a_later_name(
    repository, hermes, made, all_seem_quick, monkeypatch
):
    settle = HermesWorkload.settle

    def slow(self, run, outcome):
        if run.item.label == "/bin/true 4":
            time.sleep(0.6)
        return settle(self, run, outcome)

    monkeypatch.setattr(HermesWorkload, "settle", slow)
    repository.hermes_file(*(f"[[/bin/true, {number}],[]]" for number in range(7)), head="PRE\nidentifier:off\n")
    assert hermes().code == 0
    *_, fourth, fifth, _ = repository.runs()
    assert fifth.row["started"] > fourth.row["started"] + 0.6
    assert names(repository) == {path.name for path in repository.directories()}


def test_a_job_that_is_ready_when_nothing_more_starts_was_never_there(repository, hermes, made, all_quick):
    repository.hermes_file(*[QUICK] * 5, "[[/bin/false],[]]", *[QUICK] * 4)
    done = hermes("--halt", 1)
    assert done.code == 4
    assert "5 finished, 4 not started" in done.err
    assert made["given up"] == 1
    assert names(repository) == {path.name for path in repository.directories()}
    assert len(repository.runs()) == 6


def test_what_is_copied_before_a_job_is_as_the_job_before_has_left_it(repository, hermes, made, all_quick):
    repository.script("count.sh", "echo $2 > count.txt")
    (repository.path / "count.txt").write_text("0\n")
    repository.hermes_file(*(f"[[sh, count.sh, {number}],[-cb count.txt]]" for number in range(1, 9)))
    assert hermes().code == 0
    copies = [(path / "count.txt").read_text() for path in repository.directories()]
    assert copies == [f"{number}\n" for number in range(8)]
    assert made == {"ready": 8, "given up": 0}


def test_where_a_place_gives_something_to_its_job_none_is_made_ready_before(repository, hermes, made, all_quick):
    repository.script("gpu.sh", 'echo "$CUDA_VISIBLE_DEVICES"')
    repository.hermes_file("[[sh, gpu.sh],[]]", *[QUICK] * 4, "[[/bin/false],[]]", *[QUICK] * 4)
    assert hermes("--gpus", "5", "--halt", 1).code == 4
    assert (repository.directories()[0] / "stdout.log").read_text() == "5\n"
    assert made == {"ready": 6, "given up": 0}


def test_a_manifest_is_on_the_disk_before_its_row_is_in_the_index(repository, hermes, monkeypatch):
    from rla.batch import ledger

    synced, written = [], []
    monkeypatch.setattr(ledger, "sync_file", synced.append)
    write = ledger.Ledger._write

    def checked(self, budget):
        written.append([self._tree.run(place).manifest for _, place in self._waiting.values()])
        assert set(written[-1]) <= set(synced)
        write(self, budget)

    monkeypatch.setattr(ledger.Ledger, "_write", checked)
    repository.hermes_file(*[QUICK] * 3)
    assert hermes().code == 0
    assert sorted(synced) == sorted(path / "run.json" for path in repository.directories())
    assert any(written)
    assert json.loads(synced[0].read_text())["task"] == "true"
    assert JobTreePaths(repository.tree).root.exists()
