"""A stored run is gone on from: in the same process, and after kills, to the very same end."""

# ruff: noqa: NPY002 - the global generator is one of those that are put back

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import rla
from rla import exp_manager, logger, time_step_holder
from rla.errors import (
    AmbiguousRunError,
    CheckpointError,
    CheckpointNotFoundError,
    ResumeError,
    RlaWarning,
    RunNotFoundError,
)
from tests.conftest import csv_rows
from tests.indexes import open_database

ROOT = Path(__file__).parents[2]
EVERY = {"DL_FRAMEWORK": "numpy", "LOG_USED": ["csv", "tensorboard", "json"]}
NUMPY = {"DL_FRAMEWORK": "numpy", "LOG_USED": ["csv", "tensorboard"]}


def train(first, last, *, save_every=2, dump_every=1):
    """Steps with values of every kind, saving as it goes."""
    for step in range(first, last):
        time_step_holder.set_time(step)
        logger.record_tabular("value", step)
        logger.logkv_mean("mean", float(step))
        logger.ma_record_tabular("window", float(step), 4)
        if step % dump_every == 0:
            logger.dump_tabular()
        if step % save_every == 0:
            exp_manager.save_checkpoint({"w": np.full(3, step)}, {"epoch": step // 2}, random_states=True)


def interrupted(train_it, *arguments, error=KeyboardInterrupt, **options):
    """A run that broke off when it had trained."""

    def broken() -> None:
        train_it()
        raise error

    try:
        with rla.init(*arguments, **options) as run:
            broken()
    except error:
        return run


@pytest.fixture
def source(data_root):
    """A run of 8 steps that saved at 0, 2, 4 and 6, and ended with an error."""

    def train_it():
        exp_manager.new_saver(None)
        exp_manager.add_custom_data("returns", 1.5)
        train(0, 8)

    hyperparameters = {"lr": 0.1, "net": {"width": 8}, "seed": 1}
    names = ["lr", "net.width"]
    return interrupted(
        train_it, "task", hyperparameters, names, error=ZeroDivisionError, data_root=data_root, config=NUMPY
    )


def resume(which, data_root, **options):
    return rla.resume(which, data_root=data_root, config=NUMPY, **options)


# --- what comes back


def test_the_loop_goes_on_after_the_checkpoint_with_one_row_per_step(source, data_root):
    with resume(source.uid, data_root) as resumed:
        assert (resumed.step, resumed.related) == (6, {"epoch": 3})
        np.testing.assert_array_equal(resumed.model["w"], [6, 6, 6])
        assert time_step_holder.get_time() == 6
        train(resumed.step + 1, 10)
    assert [row["time-step"] for row in csv_rows(resumed.run.paths.csv)] == [str(step) for step in range(10)]


def test_the_new_run_is_a_child_of_the_old_one_with_its_names_and_hyperparameters(source, data_root, database):
    with resume(source.uid, data_root) as resumed:
        assert resumed.hyperparameters == {"lr": 0.1, "net": {"width": 8}, "seed": 1}
        assert resumed.run.manifest.tracked == "lr=0.1&net.width=8"
        assert resumed.source.uid == source.uid
    child, parent = database().runs()
    assert (child.row["parent_uid"], child.task, child.state) == (source.uid, "task", "finished")
    assert (parent.uid, parent.state) == (source.uid, "failed")


def test_averages_go_on_as_if_nothing_had_happened(source, data_root):
    with resume(source.uid, data_root) as resumed:
        train(7, 9)
    rows = csv_rows(resumed.run.paths.csv)
    assert [row["window"] for row in rows[6:]] == ["4.5", "5.5", "6.5"]
    assert [row["mean"] for row in rows[6:]] == ["6.0", "7.0", "8.0"]


def test_a_mean_that_was_under_way_at_the_checkpoint_is_completed(data_root):
    with rla.init("task", {"seed": 2}, data_root=data_root, config=NUMPY) as whole:
        train(1, 11, dump_every=5, save_every=3)
    # the checkpoint of step 3 is in the midst of the first mean
    interrupted(lambda: train(1, 5, dump_every=5, save_every=3), "task", data_root=data_root, config=NUMPY)
    with resume("last", data_root) as resumed:
        assert resumed.step == 3
        train(4, 11, dump_every=5, save_every=3)
    columns = ("mean", "value", "window", "time-step")
    rows = [[row.get(name) for name in columns] for row in csv_rows(resumed.run.paths.csv)]
    assert rows == [[row.get(name) for name in columns] for row in csv_rows(whole.paths.csv)]


@pytest.mark.parametrize("last", [3, 4])
def test_a_row_that_only_the_end_of_the_run_wrote_is_no_row_of_the_curve(data_root, last):
    run = interrupted(lambda: train(1, last + 1, dump_every=5, save_every=3), "task", data_root=data_root, config=EVERY)
    assert [row["time-step"] for row in csv_rows(run.paths.csv)] == [str(last)]
    with rla.resume("last", data_root=data_root, config=EVERY) as resumed:
        train(4, 11, dump_every=5, save_every=3)
    rows = csv_rows(resumed.run.paths.csv)
    assert [(row["time-step"], row["mean"], row["value"]) for row in rows] == [("5", "3.0", "5"), ("10", "8.0", "10")]
    assert [json.loads(line)["time-step"] for line in resumed.run.paths.json.read_text().splitlines()] == [5, 10]
    found = EventAccumulator(str(resumed.run.paths.events))
    found.Reload()
    assert [event.step for event in found.Scalars("value")] == [5, 10]


def test_a_row_that_the_loop_wrote_after_the_checkpoint_of_its_step_stays(data_root):
    with rla.init("task", data_root=data_root, config=NUMPY):
        for step in range(4):
            time_step_holder.set_time(step)
            logger.logkv_mean("mean", float(step))
            exp_manager.save_checkpoint({"w": np.zeros(1)})
            logger.dump_tabular()
    with resume("last", data_root) as resumed:
        time_step_holder.set_time(4)
        logger.logkv_mean("mean", 4.0)
        logger.dump_tabular()
    assert [row["mean"] for row in csv_rows(resumed.run.paths.csv)] == ["0.0", "1.0", "2.0", "3.0", "4.0"]


def test_the_summary_covers_what_came_before(source, data_root, database):
    with resume(source.uid, data_root):
        time_step_holder.set_time(7)
        logger.record_tabular("new", 1.0)
        logger.dump_tabular()
    run = database().runs()[0]
    assert run.summary == {"value": 6, "mean": 6.0, "window": 4.5, "new": 1.0}
    assert run.row["summary_range"]["value"] == {"min": 0.0, "max": 6.0, "mean": 3.0}
    assert run.time_step == 7


def test_custom_data_come_back(source, data_root):
    with resume(source.uid, data_root):
        assert exp_manager.get_custom_data("returns") == [1.5]


def test_random_numbers_go_on_where_they_were_saved(data_root):
    random.seed(1), np.random.seed(1), torch.manual_seed(1)
    with rla.init("task", data_root=data_root, config=NUMPY):
        exp_manager.save_checkpoint({"w": np.zeros(1)}, random_states=True)
        expected = random.random(), np.random.rand(), torch.rand(1).item()
    random.seed(7), np.random.seed(7), torch.manual_seed(7)
    with resume("last", data_root) as resumed:
        assert (random.random(), np.random.rand(), torch.rand(1).item()) == expected
        torch.nn.Linear(2, 2)
        resumed.restore_random_states()
        assert torch.rand(1).item() == expected[2]


def test_numpy_s_numbers_go_on_also_where_nobody_has_imported_it_yet(data_root, script):
    settings = {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"}
    begin = f"""
        import rla
        settings = {{"data_root": {str(data_root)!r}, "config": {NUMPY!r}}}
    """
    saved = script(
        f"""{begin}
        import numpy as np
        np.random.seed(1)
        with rla.init("task", **settings):
            rla.exp_manager.save_checkpoint({{"w": np.zeros(1)}}, random_states=True)
            print(np.random.rand())
        """,
        **settings,
    )
    again = script(
        f"""{begin}
        with rla.resume("last", **settings):
            import numpy as np
            print(np.random.rand())
        """,
        **settings,
    )
    assert again.stdout == saved.stdout


def test_random_numbers_are_left_alone_when_that_is_asked_for(data_root):
    with rla.init("task", data_root=data_root, config=NUMPY):
        random.seed(1)
        exp_manager.save_checkpoint({"w": np.zeros(1)}, random_states=True)
    random.seed(7)
    expected = random.Random(7).random()
    with resume("last", data_root, random_states=False):
        assert random.random() == expected


def test_hyperparameters_can_be_changed_also_inside_others(source, data_root):
    with resume(source.uid, data_root, hyperparameters={"lr": 0.5, "net.width": 16, "extra": True}) as resumed:
        assert resumed.hyperparameters == {"lr": 0.5, "net": {"width": 16}, "seed": 1, "extra": True}
        assert resumed.run.manifest.tracked == "lr=0.5&net.width=16"


def test_an_earlier_step_can_be_chosen_and_is_then_the_newest(source, data_root):
    with resume(source.uid, data_root, step=2) as resumed:
        assert exp_manager.load_checkpoint()[0] == resumed.step == 2
    assert [row["time-step"] for row in csv_rows(resumed.run.paths.csv)] == ["0", "1", "2"]


def test_a_resumed_run_can_be_resumed_again(source, data_root):
    with resume(source.uid, data_root) as first:
        train(7, 9)
    with resume(first.run.uid, data_root) as second:
        train(second.step + 1, 11)
    assert [row["time-step"] for row in csv_rows(second.run.paths.csv)] == [str(step) for step in range(11)]


# --- which run


@pytest.mark.parametrize("name", ["uid", "beginning", "stamp", "last", "where", "run", "list"])
def test_a_run_is_named_in_every_way(source, data_root, name):
    names = {
        "uid": source.uid,
        "beginning": source.uid[:9],
        "stamp": source.manifest.created,
        "last": "last",
        "where": "lr == 0.1 and state == 'failed'",
        "run": open_database(data_root).runs()[0],
        "list": rla.query(data_root, task="task"),
    }
    with resume(names[name], data_root) as resumed:
        assert resumed.source.uid == source.uid


def test_a_selection_of_several_lists_them(source, data_root):
    with resume(source.uid, data_root) as second:
        pass
    with pytest.raises(AmbiguousRunError) as caught:
        resume("lr == 0.1", data_root)
    assert set(caught.value.candidates) == {source.uid, second.run.uid}
    assert source.uid in str(caught.value)


@pytest.mark.parametrize("name", ["nosuch", "lr == 7", " "])
def test_a_name_of_no_run_is_an_error(source, data_root, name):
    with pytest.raises(RunNotFoundError):
        resume(name, data_root)


def test_a_run_is_continued_in_its_own_database(source, data_root, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = rla.query(data_root).one()
    with rla.resume(run, config=NUMPY) as resumed:
        assert resumed.run.paths.root == data_root


def test_an_archived_run_of_which_the_live_copy_is_gone_is_continued_in_its_database(source, data_root):
    from rla.manage.plan import execute, plan_archive, plan_delete

    database = open_database(data_root)
    execute(database, plan_archive(database, [source.uid]))
    execute(database, plan_delete(database, [source.uid]))
    with resume(source.uid, data_root) as resumed:
        assert resumed.step == 6
        assert resumed.run.paths.root == data_root
    with rla.resume(rla.query(data_root, archived=True, uids=[source.uid]).one(), config=NUMPY) as again:
        assert again.run.paths.root == data_root


def test_a_run_that_moved_to_another_root_is_told_or_continued_there(source, data_root, tmp_path):
    from rla.manage.plan import execute, plan_migrate

    database = open_database(data_root)
    execute(database, plan_migrate(database, [source.uid], data_root=tmp_path / "other"))
    with pytest.raises(RunNotFoundError):
        resume(source.uid, data_root)
    with resume(source.uid, tmp_path / "other") as resumed:
        assert resumed.run.paths.root == tmp_path / "other"


def test_other_ranks_get_the_model_and_make_no_run(source, data_root, monkeypatch):
    monkeypatch.setenv("RLA_RANK", "1")
    with resume(source.uid, data_root) as resumed:
        assert (resumed.step, resumed.model["w"].tolist()) == (6, [6, 6, 6])
        assert time_step_holder.get_time() == 6
        train(7, 9)
    assert [run.uid for run in open_database(data_root).runs()] == [source.uid]


def test_a_run_that_this_process_still_records_ends_before_it_is_continued(data_root):
    first = rla.init("task", data_root=data_root, config=NUMPY)
    train(0, 3)
    with resume(first.uid, data_root) as resumed:
        assert resumed.source.state == "finished"
    assert not first.is_recording


# --- what cannot be continued


def test_a_run_that_is_still_recorded_is_refused_with_the_way_out(data_root, script):
    child = subprocess.Popen(
        [sys.executable, "-c", RUNNING, str(data_root)], stdout=subprocess.PIPE, text=True, env={**os.environ}
    )
    try:
        uid = child.stdout.readline().strip()
        with pytest.raises(ResumeError, match=rf"process {child.pid} on .*rla stop {uid[:8]}") as caught:
            resume(uid, data_root)
        assert caught.value.uid == uid
    finally:
        child.kill()
        child.communicate()
    with resume(uid, data_root) as resumed:
        assert resumed.step == 3


RUNNING = """
import sys, time, numpy, rla
run = rla.init("task", data_root=sys.argv[1], config={"DL_FRAMEWORK": "numpy"})
rla.time_step_holder.set_time(3)
rla.exp_manager.save_checkpoint({"w": numpy.zeros(1)})
print(run.uid, flush=True)
time.sleep(60)
"""


def test_a_run_without_a_checkpoint_is_refused_and_nothing_new_is_left(data_root):
    with rla.init("task", data_root=data_root, config=NUMPY) as run:
        pass
    with pytest.raises(CheckpointNotFoundError):
        resume(run.uid, data_root)
    assert len(open_database(data_root).runs()) == 1


@pytest.mark.parametrize("damage", ["cut", "flip", "gone"])
def test_a_damaged_checkpoint_is_told_and_the_one_before_is_taken(source, data_root, damage):
    newest = source.checkpoint_dir / "checkpoint_6.npz"
    content = bytearray(newest.read_bytes())
    if damage == "gone":
        newest.unlink()
    else:
        content[len(content) // 2] ^= 1
        newest.write_bytes(content[:-5] if damage == "cut" else content)
    if damage == "gone":
        resumed = resume(source.uid, data_root)
    else:
        with pytest.warns(RlaWarning, match="checkpoint_6.npz is damaged.*taking the checkpoint before it"):
            resumed = resume(source.uid, data_root)
    with resumed:
        assert resumed.step == 4
    assert [row["time-step"] for row in csv_rows(resumed.run.paths.csv)] == ["0", "1", "2", "3", "4"]
    assert sorted(file.name for file in resumed.run.checkpoint_dir.glob("*.npz")) == [
        f"checkpoint_{step}.npz" for step in (0, 2, 4)
    ]


def test_checkpoints_of_another_framework_are_told_with_the_setting(source, data_root):
    with pytest.raises(CheckpointError, match="DL_FRAMEWORK: numpy, and torch is configured"):
        rla.resume(source.uid, data_root=data_root, config={"DL_FRAMEWORK": "torch"})


def test_a_checkpoint_that_would_run_code_is_loaded_by_trust_only(data_root, tmp_path):
    with rla.init("task", data_root=data_root, config={"DL_FRAMEWORK": "torch"}) as run:
        torch.save({"step": Unsafe()}, run.checkpoint_dir / "checkpoint_5.pt")
    with pytest.raises(CheckpointError, match="trust=True"):
        rla.resume("last", data_root=data_root, step=5)
    assert len(open_database(data_root).runs()) == 1
    with pytest.warns(RlaWarning, match="not saved by this rla"):
        resumed = rla.resume("last", data_root=data_root, step=5, trust=True)
    with resumed:
        assert isinstance(resumed.model["step"], Unsafe)


class Unsafe:
    """An object that only a pickle can hold."""


# --- kills


@pytest.fixture
def training():
    """Train in a process of its own, which is killed after some steps and some seconds; gives its exit code."""
    server = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("killed_training.py"))],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    def train_in_process(data_root: Path, result: Path, steps: int | None = None, seconds: float = 0.0) -> int:
        server.stdin.write(json.dumps([str(data_root), str(result), steps, seconds]) + "\n")
        server.stdin.flush()
        word, number = server.stdout.readline().split()
        assert word == "ended"
        return int(number)

    yield train_in_process
    server.communicate()


@pytest.mark.faults
def test_twenty_kills_at_random_steps_end_in_the_same_weights_and_curve(data_root, tmp_path, training):
    assert training(tmp_path / "whole", tmp_path / "whole.json") == 0
    chance = random.Random(3)
    for _ in range(20):
        code = training(data_root, tmp_path / "killed.json", chance.randrange(3, 18), chance.uniform(0.0001, 0.003))
        assert code == -signal.SIGALRM
    assert training(data_root, tmp_path / "killed.json") == 0
    assert json.loads((tmp_path / "killed.json").read_text()) == json.loads((tmp_path / "whole.json").read_text())
    runs = open_database(data_root).runs()
    assert [run.state for run in runs].count("finished") == 1
    assert len([run for run in runs if run.row["parent_uid"]]) >= 10
