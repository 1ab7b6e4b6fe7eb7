"""Episodes of real environments are recorded, single and in vectors, and some are filmed."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv

import rla
from rla import logger
from rla.errors import ConfigError, RlaWarning
from rla.integrations.gymnasium import EpisodeRecorder, VectorEpisodeRecorder
from tests.conftest import csv_rows


class Countdown(gymnasium.Env):
    """An episode of a fixed length, with a reward of 1, 2, 3, ...; its picture shows the step."""

    observation_space = gymnasium.spaces.Box(0, 100, (1,))
    action_space = gymnasium.spaces.Discrete(2)
    metadata = {"render_modes": ["rgb_array"], "render_fps": 5}

    def __init__(self, length=3, render_mode=None):
        self.length, self.render_mode = length, render_mode

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.count = 0
        return np.array([0.0], np.float32), {}

    def step(self, action):
        self.count += 1
        observation = np.array([self.count], np.float32)
        return observation, float(self.count), self.count == self.length, False, {}

    def render(self):
        return np.full((32, 32, 3), self.count * 20, np.uint8)


@pytest.fixture
def run(data_root):
    with rla.init("task", data_root=data_root, config={"LOG_USED": ["csv"]}) as started:
        yield started


def play(env, steps):
    env.reset(seed=1)
    for _ in range(steps):
        *_, terminated, truncated, _ = env.step(0)
        if terminated or truncated:
            env.reset()


def test_the_means_of_the_episodes_since_the_last_dump_are_recorded(run):
    env = EpisodeRecorder(Countdown(4))
    play(env, 9)
    row = logger.dump_tabular()
    assert (row["episode/return"], row["episode/length"]) == (10.0, 4.0)
    assert row["episode/time"] >= 0.0
    play(env, 3)  # none of them ends
    assert logger.dump_tabular() == {}


def test_a_real_environment_is_recorded_as_it_plays(run):
    env = EpisodeRecorder(gymnasium.make("CartPole-v1"), prefix="cartpole/")
    env.reset(seed=3)
    length = 1
    while not env.step(0)[2]:
        length += 1
    env.close()
    row = logger.dump_tabular()
    assert (row["cartpole/return"], row["cartpole/length"]) == (float(length), float(length))


SHORT, LONG, BOTH = (3.0, 2.0), (15.0, 5.0), (9.0, 3.5)
SEEN = {
    AutoresetMode.NEXT_STEP: [SHORT, BOTH, SHORT, BOTH],  # a step goes by before each episode
    AutoresetMode.SAME_STEP: [SHORT, SHORT, LONG, SHORT, SHORT, BOTH, SHORT],
}


@pytest.mark.parametrize("mode", SEEN)
def test_every_environment_of_a_vector_is_recorded_whenever_it_is_reset(run, mode):
    env = VectorEpisodeRecorder(SyncVectorEnv([lambda: Countdown(2), lambda: Countdown(5)], autoreset_mode=mode))
    env.reset(seed=1)
    seen = []
    for _ in range(12):
        env.step(np.zeros(2, int))
        if row := logger.dump_tabular():
            seen.append((row["episode/return"], row["episode/length"]))
    assert seen == SEEN[mode]
    env.close()


@pytest.mark.parametrize("vector", [SyncVectorEnv, AsyncVectorEnv])
def test_environments_that_are_reset_by_a_mask_keep_the_episodes_of_the_others(run, vector):
    environments = [lambda length=length: Countdown(length, "rgb_array") for length in (3, 5)]
    env = VectorEpisodeRecorder(vector(environments, autoreset_mode=AutoresetMode.DISABLED), video_every=2)
    env.reset(seed=[1, 2])
    for _ in range(15):
        *_, terminated, truncated, _ = env.step(np.zeros(2, int))
        if (ended := terminated | truncated).any():
            env.reset(options={"reset_mask": ended})
    env.close()
    row = logger.dump_tabular()
    assert row["episode/length"] == pytest.approx((5 * 3 + 3 * 5) / 8)
    assert row["episode/return"] == pytest.approx((5 * 6 + 3 * 15) / 8)
    assert {path.name.split(".")[0] for path in run.results_dir.iterdir() if not path.name.startswith(".")} == {
        f"0-episode-{number}" for number in (0, 2, 4)
    }


def test_chosen_episodes_become_videos_in_results(run):
    env = EpisodeRecorder(Countdown(3, "rgb_array"), video_every=2, video_name="play")
    for _ in range(4):
        play(env, 3)
    env.close()
    videos = [file for file in run.results_dir.iterdir() if "play" in file.name]
    assert sorted(file.name.partition("-")[2].partition(".")[0] for file in videos)[:2] == ["play-0", "play-2"]
    assert all(file.stat().st_size > 200 for file in videos)


def test_the_first_environment_of_a_vector_is_filmed(run):
    env = VectorEpisodeRecorder(
        SyncVectorEnv([lambda: Countdown(3, "rgb_array")] * 2), video_every=1, video_name="vector"
    )
    env.reset(seed=1)
    for _ in range(4):
        env.step(np.zeros(2, int))
    env.close()
    assert len([file for file in run.results_dir.iterdir() if "vector" in file.name]) == 2


def test_videos_of_an_environment_without_pictures_are_refused_with_the_way_to_make_it():
    with pytest.raises(ConfigError, match="render_mode='rgb_array'"):
        EpisodeRecorder(Countdown(3), video_every=1)


class Blind(Countdown):
    """Its pictures need a library that is not there."""

    def render(self):
        raise RuntimeError("no screen")


def test_an_environment_that_cannot_be_drawn_is_told_once_and_trained_on(run):
    env = EpisodeRecorder(Blind(3, "rgb_array"), video_every=1)
    with pytest.warns(RlaWarning, match="episode is not filmed: RuntimeError: no screen") as told:
        play(env, 7)
    assert len(told) == 1
    assert logger.dump_tabular()["episode/length"] == 3.0
    assert run.losses.counts == {}


def test_the_recorder_is_a_wrapper_like_any_other(run):
    env = EpisodeRecorder(Countdown(3))
    assert env.observation_space == env.unwrapped.observation_space
    assert env.get_wrapper_attr("length") == 3
    logger.dump_tabular()
    assert csv_rows(run.paths.csv) == []
