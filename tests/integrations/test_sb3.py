"""Stable-Baselines3 records into a run, is saved on schedule, and goes on from what was saved."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import gymnasium
import matplotlib.figure
import numpy as np
import pytest
import torch
from stable_baselines3 import DQN, PPO, SAC
from stable_baselines3.common import logger as sb3
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import rla
from rla import exp_manager, logger
from rla.errors import ConfigError
from rla.integrations.sb3 import RLACallback, RLAWriter, model_hyperparameters, restore_model, sb3_logger
from rla.runs.database import open_database
from tests.conftest import csv_rows

CONFIG = {"LOG_USED": ["csv", "tensorboard"]}
ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.filterwarnings("ignore:You are trying to run PPO on the GPU", "ignore::DeprecationWarning")


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


def ppo(env="CartPole-v1", **settings):
    return PPO("MlpPolicy", env, n_steps=64, batch_size=32, n_epochs=2, seed=3, device="cpu", **settings)


def start(data_root, **options):
    return rla.init("ppo", {"seed": 3}, data_root=data_root, config=CONFIG, **options)


def board(run):
    found = EventAccumulator(str(run.paths.events), size_guidance={"images": 0, "histograms": 0, "tensors": 0})
    found.Reload()
    return found


# --- the writer


def test_a_training_is_recorded_a_row_per_rollout(data_root):
    with start(data_root) as run:
        model = ppo()
        model.set_logger(sb3_logger())
        model.learn(256)
    rows = csv_rows(run.paths.csv)
    assert [row["time-step"] for row in rows] == ["64", "128", "192", "256"]
    assert float(rows[-1]["rollout/ep_rew_mean"]) > 5
    assert rows[-1]["train/loss"] not in {"", "NaN"}
    assert [event.step for event in board(run).Scalars("train/loss")] == [128, 192, 256]


def test_the_loggers_of_sb3_stand_beside_it(data_root, tmp_path):
    with start(data_root) as run:
        model = ppo()
        model.set_logger(sb3.Logger(str(tmp_path), [sb3.CSVOutputFormat(str(tmp_path / "sb3.csv")), RLAWriter()]))
        model.learn(128)
        model.logger.close()
    theirs, ours = csv_rows(tmp_path / "sb3.csv"), csv_rows(run.paths.csv)
    assert [float(row["rollout/ep_len_mean"]) for row in theirs] == [float(row["rollout/ep_len_mean"]) for row in ours]


@pytest.mark.parametrize("way", ["module", "upstream"])
def test_the_way_of_upstream_works_too(data_root, way, monkeypatch):
    with start(data_root) as run:
        model = ppo()
        if way == "upstream":
            monkeypatch.setattr(logger, "record", logger.record_tabular)
            monkeypatch.setattr(logger, "dump", logger.dump_tabular)
            model._logger, model._custom_logger = logger, True
        else:
            model.set_logger(logger)
        model.learn(128)
    rows = csv_rows(run.paths.csv)
    assert [row["time-step"] for row in rows] == ["64", "128", "128"]
    assert rows[-1]["train/loss"]  # of the last update, which the end of the run wrote


def test_everything_that_sb3_can_record_is_kept(data_root):
    with start(data_root) as run:
        writer = sb3_logger()
        figure = matplotlib.figure.Figure()
        figure.subplots().plot([1, 2])
        writer.record("a/b/c/d", 1.5)
        writer.record("text", "words")
        writer.record("figure", sb3.Figure(figure, close=False))
        writer.record("image", sb3.Image(np.zeros((3, 8, 9), np.uint8), "CHW"))
        writer.record("video", sb3.Video(torch.zeros(1, 4, 3, 8, 8, dtype=torch.uint8), 5))
        writer.record("weights", torch.arange(10.0))
        writer.record("hparams", sb3.HParam({"lr": 0.1}, {"a/b/c/d": 0.0}))
        writer.record("hidden", 2.0, exclude="csv")
        writer.record("only csv", 3.0, exclude=("tensorboard", "stdout"))
        writer.record_mean("mean", 1.0)
        writer.record_mean("mean", 2.0)
        writer.dump(step=7)
        writer.info("a line")
    (row,) = csv_rows(run.paths.csv)
    assert (row["a/b/c/d"], row["text"], row["only csv"], row["mean"], row["time-step"]) == (
        *("1.5", "words", "3.0", "1.5", "7"),
    )
    assert "hidden" not in row
    found = board(run).Tags()
    assert {"figure", "image", "video"} <= set(found["images"])
    assert "weights" in found["histograms"]
    assert {"a/b/c/d", "hidden"} <= set(found["scalars"])
    assert "only csv" not in found["scalars"]
    (image,) = board(run).Images("image")
    assert (image.width, image.height) == (9, 8)
    assert run.losses.counts == {}


# --- hyperparameters


def test_the_hyperparameters_of_a_model_are_what_it_was_made_with():
    found = model_hyperparameters(ppo(policy_kwargs={"activation_fn": torch.nn.ReLU, "net_arch": [8]}))
    assert (found["algorithm"], found["policy"], found["n_steps"], found["gamma"]) == (
        *("PPO", "ActorCriticPolicy", 64, 0.99),
    )
    assert (found["learning_rate"], found["clip_range"]) == (0.0003, 0.2)
    assert found["policy_kwargs"]["net_arch"] == [8]


# --- checkpoints


def weights(model):
    return {name: tensor.clone() for name, tensor in model.policy.state_dict().items()}


def same(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


def test_checkpoints_are_saved_on_schedule_and_at_the_end(data_root):
    with start(data_root) as run:
        exp_manager.new_saver(None)
        model = ppo()
        model.set_logger(sb3_logger())
        model.learn(320, callback=RLACallback(save_freq=128))
    steps = sorted(int(file.stem.split("_")[1]) for file in run.checkpoint_dir.glob("*.pt"))
    assert steps == [128, 256, 320]


def test_a_training_goes_on_with_its_weights_counters_and_values(data_root):
    with start(data_root) as first:
        model = ppo()
        model.set_logger(sb3_logger())
        model.learn(192, callback=RLACallback(save_freq=64))
    with rla.resume(first.uid, data_root=data_root, config=CONFIG) as resumed:
        again = ppo()
        again.set_logger(sb3_logger())
        assert restore_model(again, resumed) == 192
        assert same(weights(again), weights(model))
        assert again._n_updates == model._n_updates
        assert list(again.ep_info_buffer) == list(model.ep_info_buffer)
        again.learn(128, callback=RLACallback(save_freq=64), reset_num_timesteps=False)
        assert again.num_timesteps == 320
    rows = csv_rows(resumed.run.paths.csv)
    assert [row["time-step"] for row in rows] == ["64", "128", "192", "256", "320"]
    assert "" not in [row["train/loss"] for row in rows[1:]]


def test_the_progress_of_schedules_goes_on(data_root):
    def made():
        model = ppo(learning_rate=lambda left: left)
        model.set_logger(sb3_logger())
        return model

    with start(data_root) as first:
        model = made()
        model.learn(256, callback=[RLACallback(save_freq=64), Stop(128)])
    with rla.resume(first.uid, data_root=data_root, config=CONFIG, step=128) as resumed:
        again = made()
        done = restore_model(again, resumed)
        again.learn(256 - done, reset_num_timesteps=False)
    rates = [row["train/learning_rate"] for row in csv_rows(resumed.run.paths.csv)]
    assert [float(rate) for rate in rates if rate] == [0.75, 0.5, 0.25]


class Stop(BaseCallback):
    """Ends the training after a number of steps."""

    def __init__(self, after):
        super().__init__()
        self.after = after

    def _on_step(self):
        return self.num_timesteps <= self.after


def test_a_new_start_restores_nothing(data_root):
    with start(data_root, resume="auto") as run:
        assert restore_model(ppo(), run.resumed) == 0


def test_a_checkpoint_of_something_else_is_refused(data_root):
    with start(data_root) as run:
        exp_manager.save_checkpoint({"w": torch.zeros(2)})
    with (
        rla.resume(run.uid, data_root=data_root, config=CONFIG) as resumed,
        pytest.raises(ConfigError, match="not saved by RLACallback"),
    ):
        restore_model(ppo(), resumed)


def test_a_checkpoint_of_another_kind_of_model_is_refused(data_root):
    with start(data_root) as run:
        model = ppo()
        model.set_logger(sb3_logger())
        model.learn(64, callback=RLACallback(save_freq=64))
    with (
        rla.resume(run.uid, data_root=data_root, config=CONFIG) as resumed,
        pytest.raises(ConfigError, match="another kind of model"),
    ):
        restore_model(ppo(policy_kwargs={"net_arch": [4]}), resumed)


def test_normalisation_goes_on(data_root):
    def made():
        env = VecNormalize(DummyVecEnv([lambda: gymnasium.make("CartPole-v1")]))
        model = ppo(env)
        model.set_logger(sb3_logger())
        return model, env

    with start(data_root) as first:
        model, env = made()
        model.learn(128, callback=RLACallback(save_freq=64))
    with rla.resume(first.uid, data_root=data_root, config=CONFIG) as resumed:
        again, normalised = made()
        restore_model(again, resumed)
    np.testing.assert_array_equal(normalised.obs_rms.mean, env.obs_rms.mean)
    assert (normalised.ret_rms.var, normalised.ret_rms.count) == (env.ret_rms.var, env.ret_rms.count)


@pytest.mark.parametrize("algorithm", ["DQN", "SAC"])
def test_replay_buffers_and_single_tensors_go_on(data_root, algorithm):
    def made():
        if algorithm == "DQN":
            model = DQN("MlpPolicy", "CartPole-v1", buffer_size=500, learning_starts=50, seed=1, device="cpu")
        else:
            model = SAC("MlpPolicy", "Pendulum-v1", buffer_size=500, learning_starts=50, seed=1, device="cpu")
        model.set_logger(sb3_logger())
        return model

    with start(data_root) as first:
        model = made()
        model.learn(120, callback=RLACallback(save_freq=60, save_replay_buffer=True))
    with rla.resume(first.uid, data_root=data_root, config=CONFIG) as resumed:
        again = made()
        assert restore_model(again, resumed) == 120
        np.testing.assert_array_equal(again.replay_buffer.observations[:120], model.replay_buffer.observations[:120])
        assert again.replay_buffer.pos == 120
        if algorithm == "SAC":
            assert torch.equal(again.log_ent_coef, model.log_ent_coef)
        again.learn(20, reset_num_timesteps=False)


def test_evaluations_are_recorded_and_the_best_model_is_kept(data_root):
    with start(data_root) as run:
        model = ppo()
        model.set_logger(sb3_logger())
        callback = RLACallback(eval_env=gymnasium.make("CartPole-v1"), eval_freq=64, n_eval_episodes=2)
        model.learn(256, callback=callback)
        assert exp_manager.load_checkpoint(checkpoint_name="best")[0] in {64, 128, 192}
    values = [float(row["eval/mean_return"]) for row in csv_rows(run.paths.csv) if row["eval/mean_return"]]
    assert len(values) == 3
    assert min(values) > 5


# --- the example


def example(data_root, *arguments, environment=None):
    command = [sys.executable, str(ROOT / "example/sb3_ppo_example/main.py"), "--data_root", str(data_root)]
    return subprocess.Popen(
        [*command, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **(environment or {})},
    )


def test_the_example_learns_cartpole_and_leaves_values_checkpoints_figures_and_videos(data_root):
    job = example(data_root, "--total_timesteps", "20000")
    told = job.communicate(timeout=250)[0]
    assert job.returncode == 0, told
    (run,) = open_database(data_root).runs()
    assert (run.state, run.task, run.hyperparameters["env_id"]) == ("finished", "demo_task", "CartPole-v1")
    returns = run.curve("rollout/ep_rew_mean")[1]
    assert returns[-1] > 3 * returns[0]
    assert returns[-1] > 100
    assert len(run.checkpoints()) >= 2
    assert [file for file in run.results_dir.iterdir() if file.suffix in {".mp4", ".gif"}]
    assert [file for file in run.results_dir.iterdir() if file.suffix == ".png"]


def test_an_example_that_was_killed_goes_on_when_it_is_started_again(data_root):
    job = example(data_root, "--total_timesteps", "8192")
    try:
        wait_for_checkpoint(data_root)
    finally:
        job.send_signal(signal.SIGKILL)
        job.communicate()
    again = example(data_root, "--total_timesteps", "8192", environment={"RLA_RESUME": "auto"})
    told = again.communicate(timeout=250)[0]
    assert again.returncode == 0, told
    child, parent = open_database(data_root).runs()
    assert (child.state, parent.state, child.row["parent_uid"]) == ("finished", "lost", parent.uid)
    steps = child.curve("rollout/ep_rew_mean")[0]
    assert steps[-1] == 8192
    trained = [row["time-step"] for row in csv_rows(child.paths.csv) if row["rollout/ep_rew_mean"]]
    assert trained == [str(int(step)) for step in steps]  # each of them once


def wait_for_checkpoint(data_root):
    for _ in range(1200):
        if list(data_root.glob("checkpoint/*/*/*/*/*/*.pt")):
            return
        time.sleep(0.1)
    raise TimeoutError


def test_a_ppo_training_is_reproduced_bit_by_bit(data_root, tmp_path, monkeypatch):
    monkeypatch.setenv("RLA_BACKUP_CODE", "1")
    job = example(data_root, "--total_timesteps", "2048")
    assert job.communicate(timeout=250)[0] is not None
    assert job.returncode == 0
    done = subprocess.run(
        [sys.executable, "-m", "rla", "reproduce", "last", "--check", "--data-root", str(data_root)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    assert "\nequal: " in done.stdout
