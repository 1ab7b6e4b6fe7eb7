"""A job that is started again goes on from its own last run, and of many only one does."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import rla
from rla import exp_manager, logger, time_step_holder
from rla.errors import ResumeError, RlaWarning, RunNotFoundError
from tests.conftest import csv_rows
from tests.indexes import open_database

CONFIG = {"DL_FRAMEWORK": "numpy", "LOG_USED": ["csv"]}
ROOT = Path(__file__).parents[2]


def start(data_root, *, task="task", resume="auto", **hyperparameters):
    given = {"seed": 1, **hyperparameters}
    return rla.init(task, given, ["seed"], data_root=data_root, config=CONFIG, resume=resume)


def save(step):
    time_step_holder.set_time(step)
    logger.record_tabular("value", step)
    logger.dump_tabular()
    exp_manager.save_checkpoint({"w": np.full(2, step)})


def broken_off(data_root, *, saves=True, error=KeyboardInterrupt, **options):
    """A run that ended before it was finished."""

    def train():
        if saves:
            save(5)
        raise error

    try:
        with start(data_root, resume=None, **options) as run:
            train()
    except error:
        return run


def test_the_first_start_of_a_job_begins_anew(data_root):
    with start(data_root) as run:
        assert run.resumed is None
        assert exp_manager.resumed is None


def test_a_job_goes_on_from_its_own_last_run(data_root):
    old = broken_off(data_root)
    with start(data_root) as run:
        assert (run.resumed.source.uid, run.resumed.step, run.parent_uid) == (old.uid, 5, old.uid)
        assert exp_manager.resumed is run.resumed
        assert time_step_holder.get_time() == 5
        save(6)
    assert [row["time-step"] for row in csv_rows(run.paths.csv)] == ["5", "6"]


def test_the_variable_says_the_same_as_the_argument(data_root, monkeypatch):
    old = broken_off(data_root)
    monkeypatch.setenv("RLA_RESUME", "auto")
    exp_manager.set_hyper_param(seed=1)
    exp_manager.configure("task", CONFIG, data_root)
    run = exp_manager.log_files_gen()
    assert run.resumed.source.uid == old.uid


def test_the_argument_never_is_stronger_than_the_variable(data_root, monkeypatch):
    broken_off(data_root)
    monkeypatch.setenv("RLA_RESUME", "auto")
    assert start(data_root, resume="never").resumed is None


def test_a_run_can_be_named_instead(data_root):
    old = broken_off(data_root)
    assert start(data_root, resume=old.uid, lr=0.5).resumed.source.uid == old.uid
    with pytest.raises(RunNotFoundError):
        start(data_root, resume="0123456789")


@pytest.mark.parametrize("other", [{"seed": 2}, {"lr": 0.1}, {"task": "other"}], ids=["value", "key", "task"])
def test_a_run_with_another_task_or_other_hyperparameters_is_not_its_own(data_root, other):
    broken_off(data_root, **other)
    assert start(data_root).resumed is None


def test_what_is_loaded_is_no_part_of_what_a_job_is(data_root):
    old = broken_off(data_root, loaded_date="2026")
    assert start(data_root, loaded_date="", loaded_task_name="x").resumed.source.uid == old.uid


def test_hyperparameters_are_compared_as_they_are_stored(data_root):
    odd = {"big": 2**70, "nan": float("nan"), "deep": {"b": [1, (2, 3)], "a": None}}
    old = broken_off(data_root, **odd)
    assert start(data_root, **odd).resumed.source.uid == old.uid


def test_a_finished_run_is_not_continued(data_root):
    with start(data_root):
        save(5)
    assert start(data_root).resumed is None


def test_a_failed_run_is_continued(data_root):
    old = broken_off(data_root, error=ZeroDivisionError)
    assert start(data_root).resumed.source.uid == old.uid


def test_a_run_that_is_recorded_is_not_continued(data_root):
    child = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("auto_job.py")), str(data_root), "wait"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    told = json.loads(child.stdout.readline())
    words = f"begins anew, though resume is 'auto': run {told['uid']} is being recorded by process {child.pid}"
    with pytest.warns(RlaWarning, match=words) as warned:
        assert start(data_root).resumed is None
    assert warned[0].filename == __file__
    exp_manager.close()
    child.send_signal(signal.SIGKILL)
    child.communicate()
    assert start(data_root).resumed.source.uid == told["uid"]


def test_a_run_is_continued_once(data_root):
    broken_off(data_root)
    start(data_root)
    exp_manager.close()
    assert start(data_root).resumed is None


def test_the_newest_of_a_chain_of_kills_is_continued(data_root):
    broken_off(data_root)
    interrupted = broken_off_again(data_root)
    third = start(data_root)
    assert (third.parent_uid, third.resumed.step) == (interrupted.uid, 8)


def broken_off_again(data_root):
    def train():
        save(8)
        raise KeyboardInterrupt

    try:
        with start(data_root) as run:
            train()
    except KeyboardInterrupt:
        return run


def test_a_run_that_saved_nothing_is_passed_over_for_the_one_before(data_root):
    old = broken_off(data_root)
    useless = broken_off(data_root, saves=False)
    with pytest.warns(RlaWarning, match=f"run {useless.uid} did not finish and cannot be continued"):
        run = start(data_root)
    assert run.resumed.source.uid == old.uid


def test_a_branch_with_other_hyperparameters_does_not_take_the_run_away(data_root):
    old = broken_off(data_root)
    rla.resume(old.uid, data_root=data_root, config=CONFIG, hyperparameters={"lr": 0.3})
    exp_manager.close()
    assert start(data_root).resumed.source.uid == old.uid


@pytest.mark.parametrize(("count", "goes_on"), [("1", True), ("0", False)])
def test_a_job_that_slurm_started_again_elsewhere_goes_on_at_once(data_root, monkeypatch, count, goes_on):
    old = broken_off(data_root)
    record = json.loads(old.paths.manifest.read_text())
    slurm = {"slurm": {"SLURM_JOB_ID": "77"}}
    old.paths.manifest.write_text(json.dumps({**record, "host": "a node that went down", "environment": slurm}))
    state = json.loads(old.paths.state.read_text())
    old.paths.state.write_text(json.dumps({**state, "state": "running", "ended": None}))
    open_database(data_root).reindex()
    monkeypatch.setenv("SLURM_JOB_ID", "77")
    monkeypatch.setenv("SLURM_RESTART_COUNT", count)
    monkeypatch.setenv("RLA_RANK", "0")
    assert (start(data_root).resumed is not None) == goes_on


def believed(data_root, run, spoke=60.0):
    """Let a run be one of another machine that spoke so many seconds ago and has not ended; when its time is over."""
    record = json.loads(run.paths.manifest.read_text())
    run.paths.manifest.write_text(json.dumps({**record, "host": "a-machine-that-went-down"}))
    state = json.loads(run.paths.state.read_text())
    heartbeat = time.time() - spoke
    state = {**state, "state": "running", "ended": None, "heartbeat": heartbeat}
    run.paths.state.write_text(json.dumps(state))
    columns = {"host": "a-machine-that-went-down", "state": "running", "ended": None, "heartbeat": heartbeat}
    open_database(data_root).table.update(run.uid, **columns)
    return time.strftime("%H:%M:%S", time.localtime(heartbeat + 600))


def test_a_run_of_another_machine_is_waited_for_and_how_to_go_on_at_once_is_told(data_root, monkeypatch):
    old = broken_off(data_root)
    until = believed(data_root, old)
    with pytest.warns(RlaWarning, match=f"counts as going on until {until}") as told:
        assert start(data_root).resumed is None
    exp_manager.close()
    assert str(told[0].message).endswith(f"go on from it at once: RLA_RESUME={old.uid}")
    monkeypatch.setenv("RLA_RESUME", old.uid)
    with pytest.warns(RlaWarning, match=f"run {old.uid} was recorded by process .* counts as over because you name it"):
        assert start(data_root, resume=None).resumed.source.uid == old.uid


def test_ten_minutes_after_its_last_word_a_run_of_another_machine_is_continued_by_itself(data_root):
    old = broken_off(data_root)
    believed(data_root, old, spoke=601)
    assert start(data_root).resumed.source.uid == old.uid


def test_a_run_of_another_machine_is_continued_when_its_uid_is_named_and_not_by_last(data_root):
    old = broken_off(data_root)
    believed(data_root, old)
    with pytest.raises(
        ResumeError, match=f"may still be recorded by .*; if it is over, name it by its uid, {old.uid[:8]}"
    ):
        rla.resume("last", data_root=data_root, config=CONFIG)
    with pytest.warns(RlaWarning, match="counts as over because you name it"):
        assert rla.resume(old.uid[:8], data_root=data_root, config=CONFIG).source.uid == old.uid


def test_other_ranks_are_told_that_only_the_first_goes_on(data_root, monkeypatch):
    broken_off(data_root)
    monkeypatch.setenv("RLA_RANK", "1")
    with pytest.warns(RlaWarning, match="only the first rank"):
        assert start(data_root).resumed is None


def test_a_killed_run_is_never_lost_by_a_start_that_cannot_be_made(data_root, monkeypatch):
    old = broken_off(data_root)

    def full(*_arguments):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr("rla.runs.fork.cut_csv", full)
        with pytest.raises(OSError, match="No space"):
            start(data_root)
    assert [run.uid for run in open_database(data_root).runs()] == [old.uid]
    assert start(data_root).resumed.source.uid == old.uid


@pytest.mark.faults
def test_of_twenty_processes_exactly_one_goes_on_and_the_others_begin_anew(data_root, tmp_path):
    old = broken_off(data_root)
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(Path(__file__).with_name("auto_job.py")), str(data_root), "go", str(gate)]
    jobs = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) for _ in range(20)]
    for job in jobs:
        assert job.stdout.readline() == "ready\n"
    with gate.open("w"):  # all of them wait for a writer
        told = [json.loads(job.communicate(timeout=120)[0]) for job in jobs]
    assert {job.returncode for job in jobs} == {0}
    assert sorted(each["parent"] or "" for each in told) == [""] * 19 + [old.uid]
    runs = open_database(data_root).runs()
    assert len(runs) == len({each["uid"] for each in told} | {old.uid}) == 21
    assert [run.row["parent_uid"] for run in runs if run.row["parent_uid"]] == [old.uid]
