"""The commands that list and change runs work on hermes' jobs as on any run."""

from __future__ import annotations

import json
import shutil

import pytest

import rla
from rla_scripts.main import _run, group
from tests.hermes.conftest import Done
from tests.timing import wait_for


@pytest.fixture
def jobs(repository, hermes):
    """Two jobs, one of which records values, and a run that is none."""
    repository.script(
        "train.py",
        """
        import rla
        with rla.init("other name", {"env_id": "Hopper", "lr": 0.5}) as run:
            for step in range(3):
                rla.time_step_holder.set_time(step)
                rla.logger.record_tabular("reward", step * 2)
                rla.logger.dump_tabular()
            (run.checkpoint_dir / "w.bin").write_bytes(b"w" * 5000)
        """,
    )
    repository.hermes_file("[[python, train.py, -lr 0.1],[]]", "[[python, say.py, --exit=1],[]]")
    assert hermes("-n", "b").code == 4
    with rla.init("plain", {"seed": 1}, data_root=repository.tree):
        pass
    return repository


@pytest.fixture
def command(jobs, capfd):
    def run(*arguments: object) -> Done:
        capfd.readouterr()
        code = _run(group, [str(argument) for argument in arguments])
        return Done(code, *capfd.readouterr())

    return run


def uid_of(jobs, task: str) -> str:
    return next(run.uid for run in jobs.runs() if run.task == task)


def test_a_script_that_records_joins_the_row_of_its_job(jobs):
    train, say, plain = jobs.runs()
    assert (train.task, say.task, plain.task) == ("train", "say", "plain")
    assert train.hyperparameters == {"lr": 0.5, "env_id": "Hopper"}
    assert (train.row["batch"], train.row["origin"], train.row["state"]) == ("b", "hermes", "finished")
    assert train.summary == {"reward": 4}
    assert train.time_step == 2
    assert train.checkpoint_dir == train.log_dir / "checkpoint"
    steps, values = train.curve("reward")
    assert (steps.tolist(), values.tolist()) == ([0, 1, 2], [0, 2, 4])


def test_a_second_run_of_the_same_script_is_a_child_of_its_job(repository, hermes):
    repository.script("two.py", "import rla\nfor n in range(2): rla.init('t', {'n': n}, data_root='data').close()")
    repository.hermes_file("[[python, two.py],[]]")
    assert hermes().code == 0
    (job,) = repository.runs()
    assert job.hyperparameters["n"] == 0
    (child,) = rla.query(data_root=repository.path / "data")
    assert child.row["parent_uid"] == job.uid
    assert child.hyperparameters == {"n": 1}


def test_a_killed_script_that_recorded_keeps_what_it_said(repository, hermes):
    repository.script(
        "train.py",
        """
        import os, rla
        rla.init("t", {"n": 1})
        rla.logger.record_tabular("k", 1)
        rla.logger.dump_tabular()
        os.kill(os.getpid(), 9)
        """,
    )
    repository.hermes_file("[[python, train.py],[]]")
    assert hermes().code == 4
    (run,) = repository.runs()
    assert (run.state, run.hyperparameters, run.row["exit_code"]) == ("killed", {"n": 1}, 137)


def test_jobs_are_listed_shown_and_found_from_the_repository(jobs, command):
    rows = {row["task"]: row for row in json.loads(command("ls", "--json").out)}
    assert set(rows) == {"train", "say", "plain"}
    assert {row["task"] for row in json.loads(command("ls", "--batch", "b", "--json").out)} == {"train", "say"}
    uid = uid_of(jobs, "train")
    assert "Hopper" in command("show", uid).out
    assert command("path", uid).out.strip() == str(next(jobs.tree.glob("train/b/*")))
    assert command("logs", uid).code == 0


def test_a_job_is_deleted_whole_and_restored(jobs, command):
    uid, directory = uid_of(jobs, "train"), next(jobs.tree.glob("train/b/*"))
    files = sorted(path.relative_to(directory) for path in directory.rglob("*"))
    assert command("delete", uid, "--yes").code == 0
    assert not (jobs.tree / "train").exists()
    assert [run.task for run in jobs.runs()] == ["say", "plain"]
    assert command("restore").code == 0
    assert sorted(path.relative_to(directory) for path in directory.rglob("*")) == files
    assert [run.task for run in jobs.runs()] == ["train", "say", "plain"]


def test_jobs_and_other_runs_are_deleted_and_restored_as_one_operation(jobs, command):
    done = command("delete", "--all", "--yes")
    assert "deleted 3 runs" in done.out
    assert jobs.runs() == []
    (operation,) = json.loads(command("restore", "--list", "--json").out)
    assert operation["runs"] == 3
    assert command("restore", operation["id"]).code == 0
    assert len(jobs.runs()) == 3


def test_what_a_job_keeps_in_a_kind_is_freed_alone(jobs, command):
    uid, directory = uid_of(jobs, "train"), next(jobs.tree.glob("train/b/*"))
    assert command("delete", uid, "--kinds", "checkpoint", "--yes").code == 0
    assert not (directory / "checkpoint").exists()
    assert (directory / "progress.csv").exists()
    assert command("restore").code == 0
    assert (directory / "checkpoint/w.bin").exists()


def test_a_job_is_archived_and_its_copy_survives_it(jobs, command):
    uid = uid_of(jobs, "train")
    assert command("archive", uid).code == 0
    assert command("delete", uid, "--yes").code == 0
    (run,) = [run for run in jobs.runs() if run.uid == uid]
    assert run.log_dir.is_relative_to(jobs.tree / ".rla-jobs/arc")
    assert (run.log_dir / "checkpoint/w.bin").stat().st_size == 5000
    assert command("delete", uid, "--archived", "--yes").code == 0
    assert uid not in {run.uid for run in jobs.runs()}


def test_the_trash_of_jobs_is_emptied_too(jobs, command):
    command("delete", uid_of(jobs, "train"), "--yes")
    assert command("gc", "--older-than", "0s", "--yes").code == 0
    assert command("restore", "--list").code == 3
    assert not list(jobs.tree.glob(".rla-jobs/trash/*"))


def test_jobs_are_tagged_and_measured(jobs, command):
    uid = uid_of(jobs, "train")
    assert command("tag", uid, "--add", "good").code == 0
    assert next(run for run in jobs.runs() if run.uid == uid).tags == ["good"]
    sizes = {line["key"]: line["bytes"] for line in json.loads(command("du", "--json").out)}
    assert sizes["train"] > 5000
    assert json.loads(command("ls", "--tag", "good", "--json").out)[0]["uid"] == uid


def test_a_job_that_runs_is_not_deleted_and_can_be_stopped(repository, started, capfd):
    repository.hermes_file("[[python, say.py, --sleep=600],[]]")
    process = started()
    wait_for(lambda: any("said" in file.read_text() for file in repository.tree.rglob("stdout.log")))
    (run,) = wait_for(repository.runs)
    assert _run(group, ["delete", run.uid, "--yes"]) == 4
    assert "its lock is held" in capfd.readouterr().out
    assert _run(group, ["stop", run.uid, "--yes"]) == 0
    assert process.end().code == 4
    assert repository.states() == ["killed"]


def test_the_table_is_made_again_from_the_directories(jobs, command):
    before = [(run.uid, run.state, run.row["exit_code"], run.hyperparameters) for run in jobs.runs()]
    (jobs.tree / "rla.db").unlink()
    assert command("reindex").code == 0
    assert [(run.uid, run.state, run.row["exit_code"], run.hyperparameters) for run in jobs.runs()] == before


def test_a_job_is_not_moved_to_another_task(jobs, command):
    done = command("migrate", uid_of(jobs, "train"), "--to", "elsewhere", "--yes")
    assert done.code == 4
    assert "its script and its tree are its place" in done.out


def test_another_database_remembers_the_tree(repository, hermes, tmp_path, monkeypatch):
    monkeypatch.setenv("RLA_DATA_ROOT", str(tmp_path / "central"))
    repository.hermes_file("[[python, say.py],[]]")
    assert hermes().code == 0
    assert not (repository.tree / ".rla").exists()
    runs = rla.query(data_root=tmp_path / "central")
    assert [run.log_dir for run in runs] == repository.directories()
    (tmp_path / "central/rla.db").unlink()
    assert len(rla.query(data_root=tmp_path / "central")) == 1
    shutil.rmtree(repository.tree / "say")
    assert _run(group, ["reindex"]) == 0
    assert len(rla.query(data_root=tmp_path / "central")) == 0
