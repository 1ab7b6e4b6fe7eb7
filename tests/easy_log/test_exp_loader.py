"""The four modes of the experiment loader, its arguments, and what RLA stored itself."""

from __future__ import annotations

import argparse
import pickle
from collections import deque

import numpy as np
import pytest

import rla
from rla import exp_manager, logger, time_step_holder
from rla.easy_log.exp_loader import ExperimentLoader, exp_loader, fork_log_file_fn, update_hyper_parameters_fn
from rla.easy_log.rla_argparser import arg_parser_postprocess, boolean_flag
from rla.errors import CheckpointError, ConfigError, NotConfiguredError, ResumeError, RlaWarning, RunNotFoundError
from tests.conftest import csv_rows
from tests.faults.conftest import mount
from tests.indexes import open_database

__all__ = ["mount"]

CONFIG = {"DL_FRAMEWORK": "numpy", "LOG_USED": ["csv", "tensorboard"]}
OLD = {"lr": 0.1, "net": {"width": 8, "depth": 2}, "seed": 1}


@pytest.fixture
def source(data_root):
    """A pretraining of 6 steps with checkpoints at 2 and 4."""
    with rla.init("pretrain", OLD, ["lr"], data_root=data_root, config=CONFIG) as run:
        exp_manager.add_custom_data("returns", 1.0, dtype=deque, max_len=5)
        for step in range(6):
            time_step_holder.set_time(step)
            logger.record_tabular("mse", 1.0 / (step + 1))
            logger.dump_tabular()
            if step in {2, 4}:
                exp_manager.save_checkpoint({"w": np.full(2, step)}, {"epoch": step})
    return run


def start(data_root, task="policy", **hyperparameters):
    """A script as it begins, up to its start."""
    exp_manager.set_hyper_param(**{"lr": 0.5, "net": {"width": 64, "depth": 2}, "seed": 9, **hyperparameters})
    exp_manager.clear_record_param()
    exp_manager.add_record_param(["seed"])
    exp_manager.configure(task, CONFIG, data_root)


def loader_of(run, data_root=None):
    loader = ExperimentLoader()
    loader.config("pretrain", run.manifest.created, data_root)
    return loader


# --- the four modes


def test_a_new_task_loads_nothing(data_root):
    start(data_root)
    exp_manager.log_files_gen()
    loader = ExperimentLoader()
    assert not loader.is_valid_config
    assert loader.load_from_record_date() == (0, {}, {})
    loader.fork_log_files()
    assert vars(loader.import_hyper_parameters()) == exp_manager.hyper_param
    assert exp_manager.resumed is None


def test_a_pretrained_model_is_loaded_for_another_task(source, data_root):
    start(data_root)
    run = exp_manager.log_files_gen()
    step, model, variables = loader_of(source).load_from_record_date()
    assert step == 4
    np.testing.assert_array_equal(model["w"], [4, 4])
    assert variables == {"epoch": 4, "returns": deque([1.0], 5), "time-step": 4}
    assert time_step_holder.get_time() == 0
    assert (csv_rows(run.paths.csv), run.parent_uid) == ([], None)


def test_chosen_variables_of_a_chosen_checkpoint_are_loaded(source, data_root):
    start(data_root)
    step, model, variables = loader_of(source).load_from_record_date(variable_list=["epoch"], ckp_index=2)
    assert (step, model["w"].tolist(), variables) == (2, [2, 2], {"epoch": 2})
    with pytest.raises(ConfigError, match="no variable 'nosuch'; it has 'returns', 'epoch', 'time-step'"):
        loader_of(source).load_from_record_date(variable_list=["nosuch"])


def test_a_run_is_resumed_after_its_start(source, data_root):
    start(data_root, task="pretrain")
    run = exp_manager.log_files_gen()
    loader = loader_of(source)
    loader.fork_log_files(sync_timestep=True)
    step, _, _ = loader.load_from_record_date()
    assert time_step_holder.get_time() == step == 4
    assert exp_manager.load_checkpoint()[0] == 4
    assert list(exp_manager.get_custom_data("returns")) == [1.0]
    for later in range(5, 8):
        time_step_holder.set_time(later)
        logger.record_tabular("mse", 0.0)
        logger.dump_tabular()
    exp_manager.close()
    assert [row["time-step"] for row in csv_rows(run.paths.csv)] == [str(each) for each in range(8)]
    assert [row["mse"] for row in csv_rows(run.paths.csv)][4:] == ["0.2", "0.0", "0.0", "0.0"]
    assert len(list(run.paths.events.iterdir())) == 1
    child, parent = open_database(data_root).runs()
    assert (child.row["parent_uid"], child.hyperparameters["seed"]) == (source.uid, 9)
    assert parent.uid == source.uid


def test_the_parent_is_known_while_the_run_goes_on_and_after_a_rebuild(source, data_root):
    start(data_root, task="pretrain")
    exp_manager.log_files_gen()
    loader_of(source).fork_log_files()
    assert open_database(data_root).runs()[0].row["parent_uid"] == source.uid
    exp_manager.close()
    (data_root / "rla.db").unlink()
    assert open_database(data_root).runs()[0].row["parent_uid"] == source.uid


def test_without_syncing_the_time_step_stays_where_it_was(source, data_root):
    start(data_root, task="pretrain")
    exp_manager.log_files_gen()
    loader_of(source).fork_log_files()
    assert time_step_holder.get_time() == 0


def test_a_run_is_resumed_with_other_settings(source, data_root):
    start(data_root)
    imported = loader_of(source).import_hyper_parameters(["lr", "net.width"])
    assert vars(imported) == {"lr": 0.5, "net": {"width": 64, "depth": 2}, "seed": 1}
    assert exp_manager.hyper_param["seed"] == 9
    exp_manager.set_hyper_param(imported)
    run = exp_manager.log_files_gen()
    loader_of(source).fork_log_files()
    assert run.manifest.hyperparameters == vars(imported)


def test_hyperparameters_and_a_model_are_loaded_before_anything_is_configured(source, data_root, script):
    source.close()
    script(
        f"""
        from rla.easy_log.exp_loader import ExperimentLoader
        loader = ExperimentLoader()
        loader.config("pretrain", {source.manifest.created!r}, {str(data_root)!r})
        assert loader.import_hyper_parameters(sync_timestep=True).lr == 0.1
        assert loader.load_from_record_date()[0] == 4
        """,
        RLA_DL_FRAMEWORK="numpy",
    )


def test_the_time_step_of_the_run_can_be_taken_with_its_hyperparameters(source, data_root):
    start(data_root)
    loader_of(source).import_hyper_parameters(sync_timestep=True)
    assert time_step_holder.get_time() == 4


def test_a_hyperparameter_that_only_the_old_run_knows_is_kept_and_told(data_root):
    with rla.init("pretrain", {**OLD, "momentum": 0.9}, data_root=data_root, config=CONFIG) as run:
        pass
    start(data_root)
    with pytest.warns(RlaWarning, match="does not have: momentum"):
        assert loader_of(run).import_hyper_parameters().momentum == 0.9


def test_a_name_to_overwrite_that_is_none_is_an_error_that_names_the_nearest(source, data_root):
    start(data_root)
    with pytest.raises(ConfigError, match=r"net\.wdth.*net\.width"):
        loader_of(source).import_hyper_parameters(["net.wdth"])


# --- which run


def parsed(*arguments):
    parser = argparse.ArgumentParser()
    parser.add_argument("--lr", type=float, default=0.5)
    boolean_flag(parser, "use-gpu")
    return arg_parser_postprocess(parser).parse_args(arguments)


def test_the_run_is_named_on_the_command_line(source, data_root):
    arguments = parsed("--loaded_task_name", "pretrain", "--loaded_date", source.manifest.created)
    start(data_root, **vars(arguments))
    exp_manager.log_files_gen()
    assert exp_loader.is_valid_config  # made when it was imported, before there were hyperparameters
    assert exp_loader.load_from_record_date()[0] == 4
    assert (arguments.info, arguments.use_gpu) == ("default exp info", False)


def test_without_arguments_nothing_is_named(data_root):
    start(data_root, **vars(parsed()))
    assert not ExperimentLoader().is_valid_config


def test_what_the_loaded_run_had_loaded_itself_is_not_imported(source, data_root):
    start(data_root, loaded_task_name="pretrain", loaded_date=source.uid)
    exp_manager.log_files_gen()
    second = exp_manager.log_files_gen()
    exp_manager.close()
    start(data_root, loaded_task_name="policy", loaded_date=second.uid)
    assert ExperimentLoader().import_hyper_parameters().loaded_date == second.uid


@pytest.mark.parametrize("cut", [26, 19, 10])
def test_the_beginning_of_a_time_stamp_is_enough(source, data_root, cut):
    start(data_root)
    loader = ExperimentLoader()
    loader.config("pretrain", source.manifest.created[:cut], str(data_root))
    assert loader.load_from_record_date()[0] == 4


def test_a_run_of_another_task_is_not_meant(source, data_root):
    start(data_root)
    loader = ExperimentLoader()
    loader.config("other", source.manifest.created)
    with pytest.raises(RunNotFoundError):
        loader.load_from_record_date()


def test_another_data_root_is_loaded_from(source, data_root, tmp_path):
    start(tmp_path / "other")
    exp_manager.log_files_gen()
    fork_log_file_fn(data_root, "pretrain", source.manifest.created, sync_timestep=True)
    assert time_step_holder.get_time() == 4
    assert exp_manager.load_checkpoint()[0] == 4


def test_hyperparameters_are_given_to_the_manager(source, data_root):
    start(data_root)
    update_hyper_parameters_fn("pretrain", source.manifest.created, data_root, hp_to_overwrite=["seed"])
    assert exp_manager.hyper_param == {**OLD, "seed": 9}


# --- what cannot be forked


def test_a_fork_before_the_start_is_an_error():
    from rla.easy_log.current import CurrentRun

    assert CurrentRun().get() is None
    loader = ExperimentLoader()
    loader.config("pretrain", "2026/01/01", ".")
    with pytest.raises((NotConfiguredError, ResumeError, RunNotFoundError, ConfigError)):
        loader.fork_log_files()


@pytest.mark.parametrize("begun", ["value", "checkpoint"])
def test_a_run_that_has_recorded_or_kept_something_is_not_forked_into(source, data_root, begun):
    start(data_root)
    run = exp_manager.log_files_gen()
    if begun == "value":
        logger.record_tabular("mse", 0.5)
        logger.dump_tabular()
    else:
        exp_manager.save_checkpoint({"w": np.zeros(1)})
    before = {path: path.read_bytes() for path in data_root.glob("[lc]*/policy/**/*") if path.is_file()}
    with pytest.raises(ResumeError, match="fork before"):
        loader_of(source).fork_log_files()
    assert {path: path.read_bytes() for path in before} == before
    assert run.parent_uid is None


def test_a_disk_that_is_full_leaves_the_run_as_it_was_and_it_goes_on(source, data_root, mount):
    disk = mount("tmpfs", "size=2m")
    (source.tmp_data_dir / "buffer").write_bytes(b"x" * 4_000_000)
    start(disk / "root")
    run = exp_manager.log_files_gen()
    with pytest.raises(OSError, match="No space left"):
        loader_of(source, data_root).fork_log_files()
    assert run.parent_uid is None
    kept = [path for kind in ("checkpoint", "tmp_data") for path in (disk / "root" / kind).rglob("*")]
    assert [path.name for path in kept if path.is_file()] == [".rla-run", ".rla-run"]
    time_step_holder.set_time(1)
    logger.record_tabular("mse", 0.5)
    logger.dump_tabular()
    exp_manager.close()
    assert [row["time-step"] for row in csv_rows(run.paths.csv)] == ["1"]
    (stored,) = open_database(disk / "root").runs()
    assert (stored.state, stored.row["parent_uid"], stored.row["lost"]) == ("finished", None, {})


# --- runs of RLA


class Bomb:
    """A pickle that would run code."""

    def __reduce__(self):
        return (open, ("/exploded", "w"))


@pytest.fixture
def old_root(tmp_path):
    """What RLA left of one run: a pickle, a parameter file, a checkpoint."""
    day = "task/2022/03/01"
    name = "21-13-03-230208_192.0.2.1_&lr=0.1"
    for kind in ("log", "checkpoint", "archive_tester"):
        (tmp_path / kind / day).mkdir(parents=True)
    (tmp_path / "log" / day / name).mkdir()
    (tmp_path / "checkpoint" / day / name).mkdir()
    (tmp_path / "checkpoint" / day / name / "checkpoint_5.pt").write_bytes(b"old")
    (tmp_path / "archive_tester" / day / f"{name}.pkl").write_bytes(pickle.dumps(Bomb()))
    return tmp_path


FILES = {
    "parameter.yaml": "lr: 0.1\nnet:\n  width: 8\n",
    "parameter.json": '{"lr": 0.1, "net": {"width": 8}}',
    "backup.txt": '[BACKUP] 0 : key: lr, value: 0.1\n[BACKUP] 0 : key: net, value: {"width": 8}\n',
}


@pytest.mark.parametrize("file", FILES)
def test_hyperparameters_of_an_old_run_are_read_from_its_text_files(old_root, file):
    (log,) = (old_root / "log/task/2022/03/01").iterdir()
    (log / file).write_text(FILES[file])
    exp_manager.set_hyper_param(lr=0.5, net={"width": 1})
    exp_manager.configure("task", CONFIG, old_root)
    loader = ExperimentLoader()
    loader.config("task", "2022/03/01/21-13-03-230208")
    assert vars(loader.import_hyper_parameters()) == {"lr": 0.1, "net": {"width": 8}}


def test_the_pickle_of_an_old_run_is_refused_with_the_reason(old_root):
    exp_manager.set_hyper_param(lr=0.5)
    exp_manager.configure("task", CONFIG, old_root)
    loader = ExperimentLoader()
    loader.config("task", "2022/03/01/21-13-03-230208")
    with pytest.raises(CheckpointError, match=r"(?s)\.pkl was stored by RLA.*run code.*checkpoint_5\.pt"):
        loader.load_from_record_date()
    exp_manager.log_files_gen()
    with pytest.raises(CheckpointError, match="stored by RLA"):
        loader.fork_log_files()
