"""exp_manager and rla.init: what a script says, and what is then on disk and in the table."""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

import rla
from rla import exp_manager, logger, time_step_holder
from rla.core.layout import KINDS
from rla.errors import ConfigError, NotConfiguredError
from tests.conftest import csv_rows


def start(data_root: Path, *track: str, **hyperparameters: object):
    return rla.init("demo_task", hyperparameters, track=track, data_root=data_root)


def test_a_run_has_its_manifest_its_files_and_its_row(data_root, database):
    with start(data_root, "env_id", "lr", env_id="Hopper-v4", lr=1e-3, seed=7) as run:
        time_step_holder.set_time(10)
        logger.record_tabular("episode_return", 1.5)
        logger.dump_tabular()

    manifest = json.loads(run.paths.manifest.read_text())
    assert manifest["hyperparameters"] == {"env_id": "Hopper-v4", "lr": 0.001, "seed": 7}
    assert manifest["tracked"] == "env_id=Hopper-v4&lr=0.001"
    assert run.name.endswith("&env_id=Hopper-v4&lr=0.001")
    assert {file.name for file in run.log_dir.iterdir()} == {
        *("run.json", "state.json", "progress.csv", "log.txt", "warn.txt", "backup.txt", "parameter.yaml", "tb"),
    }
    (stored,) = database().runs()
    assert (stored.uid, stored.state, stored.time_step, stored.row["seed"]) == (run.uid, "finished", 10, 7)
    assert stored.summary == {"episode_return": 1.5}
    assert stored.row["summary_range"] == {"episode_return": {"min": 1.5, "max": 1.5, "mean": 1.5}}


def test_the_parameters_are_written_where_upstream_writes_them(data_root):
    run = start(data_root, env={"id": "Hopper", "gravity": 9.81})
    for kind in ("log", "code", "hyperparameter"):
        assert yaml.safe_load(run.paths.parameters(kind).read_text()) == {"env": {"id": "Hopper", "gravity": 9.81}}


def test_backup_txt_has_the_hyperparameters_without_print_args(data_root):
    run = start(data_root, seed=88, lr=0.1)
    assert run.paths.backup.read_text() == "[BACKUP] 0 : key: lr, value: 0.1\n[BACKUP] 0 : key: seed, value: 88\n"


def test_print_args_shows_the_hyperparameters_once_in_the_log(data_root):
    run = start(data_root, seed=88)
    exp_manager.print_args()
    assert run.paths.text.read_text() == "key: seed, value: 88\n"
    assert run.paths.backup.read_text().count("seed") == 1


def test_the_next_run_of_a_process_starts_clean(data_root):
    start(data_root, "seed", "extra", seed=7, extra=1)
    logger.record_tabular("old_key", 1.0)
    time_step_holder.set_time(500)
    logger.ma_record_tabular("average", 100.0, record_len=2)
    second = start(data_root, "seed", seed=8)
    logger.ma_record_tabular("average", 1.0, record_len=2)
    logger.ma_record_tabular("average", 3.0, record_len=2)
    logger.record_tabular("new_key", 1.0, freq=10)
    logger.dump_tabular()
    exp_manager.close()

    (row,) = csv_rows(second.paths.csv)
    assert set(row) == {"average", "new_key", "time-step", "timestamp"}
    assert (row["average"], row["time-step"]) == ("2.0", "0")
    assert second.name.endswith(" &seed=8")
    assert exp_manager.hyper_param == {"seed": 8}


def test_one_changed_hyperparameter_makes_the_next_run_like_the_last(data_root):
    start(data_root, "seed", "lr", seed=1, lr=0.1)
    exp_manager.update_hyper_param("seed", 2)
    exp_manager.configure("demo_task", data_root=data_root)
    assert exp_manager.log_files_gen().manifest.tracked == "seed=2&lr=0.1"


def test_starting_a_run_ends_the_one_before_and_dumps_what_it_had(data_root, database):
    first = start(data_root, seed=1)
    logger.record_tabular("late", 3.0)
    start(data_root, seed=2)
    assert not first.is_recording
    assert csv_rows(first.paths.csv)[0]["late"] == "3.0"
    assert [run.state for run in database().runs()] == ["running", "finished"]


def test_the_old_and_the_new_spelling_of_configure_are_the_same(data_root, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rla_config.yaml").write_text("LOG_USED: [csv]\n")
    places = []
    for arguments in (
        {"task_name": "t", "private_config_path": "rla_config.yaml", "data_root": data_root},
        {"task_table_name": "t", "rla_config": {"LOG_USED": ["csv"]}, "code_root": ".", "data_root": data_root},
        {"task_name": "t", "rla_config": {"LOG_USED": ["csv"]}, "log_root": data_root},
    ):
        exp_manager.set_hyper_param(seed=1)
        exp_manager.configure(**arguments)
        places.append(exp_manager.log_files_gen().log_dir)
    for place in places:
        assert place.is_relative_to(data_root / "log" / "t")
        assert (place / "progress.csv").exists()
        assert not (place / "log.txt").exists()


def test_a_relative_data_root_stays_where_it_was_named(tmp_path, monkeypatch):
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    monkeypatch.chdir(tmp_path / "one")
    exp_manager.configure("t", data_root="../data")
    monkeypatch.chdir(tmp_path / "two")
    run = exp_manager.log_files_gen()
    monkeypatch.chdir(tmp_path)
    logger.record_tabular("x", 1)
    logger.dump_tabular()
    assert run.paths.csv == tmp_path / "data" / "log" / run.paths.place / "progress.csv"
    assert len(csv_rows(run.paths.csv)) == 1


def test_init_without_a_database_makes_one_here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = rla.init("t")
    assert run.paths.root == tmp_path / "rla_data"
    monkeypatch.chdir(run.log_dir)
    assert rla.init("t").paths.root == tmp_path / "rla_data"


@dataclass
class Settings:
    lr: float = 0.1
    layers: tuple[int, ...] = (64, 64)


@pytest.mark.parametrize(
    "given",
    [{"lr": 0.1, "layers": [64, 64]}, argparse.Namespace(lr=0.1, layers=(64, 64)), Settings()],
    ids=["dict", "namespace", "dataclass"],
)
def test_hyperparameters_may_be_given_in_any_usual_form(data_root, given):
    run = rla.init("t", given, track=["lr"], data_root=data_root)
    assert run.manifest.hyperparameters == {"lr": 0.1, "layers": [64, 64]}


def test_omegaconf_is_taken_as_it_resolves(data_root):
    omegaconf = pytest.importorskip("omegaconf")
    given = omegaconf.OmegaConf.create({"lr": 0.1, "copy": "${lr}"})
    assert rla.init("t", given, data_root=data_root).manifest.hyperparameters == {"lr": 0.1, "copy": 0.1}


def test_an_integer_of_five_thousand_digits_starts_a_run(data_root):
    run = start(data_root, huge=10**5000)
    assert run.manifest.hyperparameters == {"huge": hex(10**5000)}


def test_a_dotted_key_is_tracked_from_inside(data_root):
    run = start(data_root, "run_params.seed", run_params={"seed": 3})
    assert run.name.endswith("&run_params.seed=3")


def test_a_tracked_key_that_was_not_given_names_the_nearest(data_root):
    with pytest.raises(ConfigError, match=r"'sed' was not given; did you mean 'seed'\?"):
        start(data_root, "sed", seed=3)
    assert not (data_root / "log").exists()


@pytest.mark.parametrize(
    "value", ["../../x", "/", "a\0b", "two\nlines", "🤖" * 80, "x" * 300, "dot.", "CON", 'q"<>|?*:\\', "\ud800", ""]
)
def test_any_tracked_value_gives_a_legal_name_and_stays_exact(data_root, database, value):
    run = start(data_root, "info", info=value)
    assert run.log_dir.parent == data_root / "log" / "demo_task" / run.manifest.created.rpartition("/")[0]
    assert len(os.fsencode(run.name)) <= 120
    assert not set(run.name) & set('<>:"/\\|?*\0\n')
    assert not run.name.endswith((".", " "))
    (stored,) = database().runs()
    assert stored.hyperparameters == {"info": value}
    assert stored.tracked == f"info={value}"


def test_the_underscore_form_of_the_name_is_written_when_asked_for(data_root):
    run = rla.init("t", {"seed": 1}, ["seed"], data_root=data_root, config={"INDEX_NAME_FORMAT": "underscore"})
    assert " " not in run.name
    assert run.name.endswith("_&seed=1")


@pytest.mark.parametrize("kind", ["log", "code", "checkpoint", "results", "hyperparameter", "tmp_data"])
def test_a_directory_is_made_when_it_is_first_read(data_root, kind):
    run = start(data_root)
    path = getattr(exp_manager, f"{kind}_dir")
    assert path == f"{run.paths.directory(kind)}{os.sep}"
    assert Path(path).is_dir()
    if kind != "log":
        assert run.paths.marker(kind).read_text() == f"{run.uid}\n"


def test_directories_that_nobody_reads_are_not_made(data_root):
    run = start(data_root)
    made = {kind for kind in KINDS if run.paths.directory(kind).exists()}
    assert made == {"log", "code", "hyperparameter"}


def test_the_misspelled_directory_of_upstream_is_the_same(data_root):
    start(data_root)
    assert exp_manager.hyparameter_dir == exp_manager.hyperparameter_dir


def test_log_files_gen_before_configure_names_the_call_to_make():
    manager = type(exp_manager)()
    with pytest.raises(NotConfiguredError, match=r"exp_manager\.configure"):
        manager.log_files_gen()


def test_configure_without_a_task_is_refused():
    with pytest.raises(ConfigError, match="needs a task"):
        exp_manager.configure()


def test_configure_twice_before_a_run_means_the_second(data_root):
    exp_manager.configure("first", data_root=data_root)
    exp_manager.configure("second", data_root=data_root)
    assert exp_manager.log_files_gen().task == "second"
    assert not (data_root / "log" / "first").exists()


def test_recording_before_any_run_names_the_call_to_make(script):
    done = script("from rla import logger; logger.record_tabular('k', 1)", check=False)
    assert "NotConfiguredError: no run is being recorded: call exp_manager.configure" in done.stderr


def test_recording_after_the_end_does_nothing(data_root):
    with start(data_root) as run:
        logger.record_tabular("k", 1)
    logger.record_tabular("k", 2)
    assert logger.dump_tabular() == {}
    assert len(csv_rows(run.paths.csv)) == 1


def test_sync_log_file_does_nothing_while_sending_is_off(data_root, recwarn):
    run = start(data_root)
    before = sorted(run.log_dir.rglob("*"))
    exp_manager.sync_log_file()
    assert sorted(run.log_dir.rglob("*")) == before
    assert not recwarn


def test_the_callback_gets_each_row_and_cannot_harm_the_training(data_root):
    rows = []

    def callback(row):
        rows.append(row)
        raise RuntimeError("mine")

    run = rla.init("t", data_root=data_root, callback=callback)
    time_step_holder.set_time(4)
    logger.record_tabular("x", 1.0)
    with pytest.warns(rla.errors.RlaWarning, match="log_callback_fn"):
        logger.dump_tabular()
    logger.record_tabular("x", 2.0)
    logger.dump_tabular()
    run.close()
    assert [(row["x"], row["time-step"]) for row in rows] == [(1.0, 4), (2.0, 4)]
    assert json.loads(run.paths.state.read_text())["lost"] == {"log_callback_fn": 2}


def test_two_runs_at_the_same_microsecond_are_two_runs(data_root, monkeypatch, database):
    from datetime import datetime

    from rla.runs import create

    class FrozenClock(datetime):
        @classmethod
        def now(cls, tz=None):
            return cls(2026, 3, 1, 21, 13, 3, 230208)

    monkeypatch.setattr(create, "datetime", FrozenClock)
    names = {start(data_root, seed=1).name for _ in range(3)}
    assert {name[:15] for name in names} == {"21-13-03-230208", "21-13-03-230209", "21-13-03-230210"}
    assert len(database().runs()) == 3
