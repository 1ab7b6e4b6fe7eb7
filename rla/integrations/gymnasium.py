"""Gymnasium: wrappers that record each episode's return, length and time, and film some of them.

Values are means over the episodes that ended since the last dump, under ``episode/``. Whoever trains dumps.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final, Generic, SupportsFloat

import numpy as np

from rla.easy_log import logger
from rla.easy_log.complex_data_recorder import VideoRecorder, VideoRecording
from rla.easy_log.losses import warn
from rla.errors import ConfigError, MissingDependencyError

try:
    import gymnasium
    from gymnasium.core import ActType, ObsType
    from gymnasium.vector import AutoresetMode
except ModuleNotFoundError as error:
    if error.name != "gymnasium":
        raise
    raise MissingDependencyError("gymnasium", "gym", "rla.integrations.gymnasium") from error

DEFAULT_FPS: Final = 30


class EpisodeRecorder(gymnasium.Wrapper[ObsType, ActType, ObsType, ActType], Generic[ObsType, ActType]):
    """Records the episodes of one environment."""

    def __init__(
        self,
        env: gymnasium.Env[ObsType, ActType],
        *,
        prefix: str = "episode/",
        video_every: int | None = None,
        video_name: str = "episode",
    ) -> None:
        """Wrap an environment.

        Args:
            env: It; to be filmed it was made with ``render_mode="rgb_array"``.
            prefix: What the keys begin with.
            video_every: Film the first episode and then each that is so many later; None films none.
            video_name: What the videos in ``results`` are called.

        Raises:
            ConfigError: Videos are asked for and the environment gives no pictures.
        """
        super().__init__(env)
        self._episode = _Episode(prefix)
        self._film = _Film(env.render_mode, env.metadata, video_every, video_name)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[ObsType, dict[str, Any]]:
        """Begin an episode; one that was not ended is not recorded."""
        observation, info = self.env.reset(seed=seed, options=options)
        self._episode.begin()
        self._film.begin()
        self._film.add(self.env.render)
        return observation, info

    def step(self, action: ActType) -> tuple[ObsType, SupportsFloat, bool, bool, dict[str, Any]]:
        """Step, and record the episode when this ends it."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        self._episode.add(float(reward))
        self._film.add(self.env.render)
        if terminated or truncated:
            self._episode.end()
            self._film.end()
        return observation, reward, terminated, truncated, info

    def close(self) -> None:
        """Close the environment and the video that is being made."""
        self._film.end()
        super().close()


class VectorEpisodeRecorder(gymnasium.vector.VectorWrapper):
    """Records the episodes of all environments of a vector; the first of them is filmed."""

    def __init__(
        self,
        env: gymnasium.vector.VectorEnv[Any, Any, Any],
        *,
        prefix: str = "episode/",
        video_every: int | None = None,
        video_name: str = "episode",
    ) -> None:
        """Wrap a vector of environments; the arguments are those of :class:`EpisodeRecorder`."""
        super().__init__(env)
        self._episodes = [_Episode(prefix) for _ in range(env.num_envs)]
        self._film = _Film(env.render_mode, env.metadata, video_every, video_name)
        mode = env.metadata.get("autoreset_mode")
        self._resets_at_next_step = mode is AutoresetMode.NEXT_STEP
        self._resets_at_once = mode not in {AutoresetMode.NEXT_STEP, AutoresetMode.DISABLED}
        self._ended = np.zeros(env.num_envs, dtype=np.bool_)

    def reset(self, *, seed: Any = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin the episodes of all of them, or of those that ``reset_mask`` in the options names."""
        begun = np.ones_like(self._ended)
        if options is not None and "reset_mask" in options:
            begun = np.array(options["reset_mask"])  # the environments take it out of the options
        observations, infos = self.env.reset(seed=seed, options=options)
        for place in np.flatnonzero(begun):
            self._episodes[place].begin()
        self._ended = self._ended & ~begun
        if begun[0]:
            self._film.begin()
            self._film.add(self._first_picture)
        return observations, infos

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Step all of them, and record the episodes that this ends."""
        observations, rewards, terminated, truncated, infos = self.env.step(actions)
        only_reset = self._ended if self._resets_at_next_step else np.zeros_like(self._ended)
        ended = np.logical_or(terminated, truncated)
        for place, episode in enumerate(self._episodes):
            if only_reset[place]:
                episode.begin()
                continue
            episode.add(float(rewards[place]))
            if ended[place]:
                episode.end()
                episode.begin()
        self._film_step(ended=bool(ended[0]), only_reset=bool(only_reset[0]))
        self._ended = ended
        return observations, rewards, terminated, truncated, infos

    def close(self, **options: Any) -> None:
        """Close the environments and the video that is being made."""
        self._film.end()
        super().close(**options)

    def _film_step(self, *, ended: bool, only_reset: bool) -> None:
        if only_reset:
            self._film.begin()
        if not (ended and self._resets_at_once):  # then the picture is of the next episode already
            self._film.add(self._first_picture)
        if ended:
            self._film.end()
            if self._resets_at_once:
                self._film.begin()

    def _first_picture(self) -> Any:
        pictures = self.env.render()
        return None if pictures is None else pictures[0]


class _Episode:
    """The sums of one episode that is going on."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self.begin()

    def begin(self) -> None:
        self._return, self._length, self._started = 0.0, 0, time.perf_counter()

    def add(self, reward: float) -> None:
        self._return += reward
        self._length += 1

    def end(self) -> None:
        logger.logkv_mean(f"{self._prefix}return", self._return)
        logger.logkv_mean(f"{self._prefix}length", self._length)
        logger.logkv_mean(f"{self._prefix}time", time.perf_counter() - self._started)


class _Film:
    """Films some of the episodes, each into a video of its own."""

    def __init__(self, render_mode: str | None, metadata: dict[str, Any], every: int | None, name: str) -> None:
        if every is not None and (every < 1 or render_mode != "rgb_array"):
            raise ConfigError(
                f"video_every={every} needs a number above 0 and an environment that was made with "
                f"render_mode='rgb_array', not {render_mode!r}",
                key="video_every",
            )
        self._every = every
        self._name = name
        self._fps = float(metadata.get("render_fps") or DEFAULT_FPS)
        self._count = 0
        self._is_filming = False
        self._recording: VideoRecording | None = None

    def begin(self) -> None:
        self.end()
        self._is_filming = self._every is not None and self._count % self._every == 0
        self._count += 1

    def add(self, render: Callable[[], Any]) -> None:
        if not self._is_filming:
            return
        try:
            picture = render()
        except Exception as error:  # noqa: BLE001 - a picture is only for looking at: the training goes on without
            warn(f"{self._name} is not filmed: {type(error).__name__}: {error}")
            self._every = None
            self.end()
            return
        if self._recording is None:
            self._recording = VideoRecorder.open(f"{self._name}-{self._count - 1}", self._fps)
        if picture is not None:
            self._recording.add(picture)

    def end(self) -> None:
        self._is_filming = False
        if self._recording is not None:
            self._recording.close()
            self._recording = None
