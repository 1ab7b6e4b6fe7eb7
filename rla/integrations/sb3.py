"""Stable-Baselines3: its values into the current run, checkpoints on schedule, and going on from them.

::

    with rla.init("ppo", {"env_id": "CartPole-v1", **model_hyperparameters(model)}, resume="auto") as run:
        model.set_logger(sb3_logger())
        done = restore_model(model, run.resumed)
        model.learn(100_000 - done, callback=RLACallback(save_freq=10_000), reset_num_timesteps=done == 0)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from rla.core.hyperparams import value_text
from rla.easy_log import logger
from rla.easy_log.continuing import Resumed
from rla.easy_log.time_step import time_step_holder
from rla.errors import MissingDependencyError
from rla.integrations.sb3_state import model_state, restore_state

try:
    from stable_baselines3.common import logger as sb3
    from stable_baselines3.common.base_class import BaseAlgorithm
    from stable_baselines3.common.callbacks import BaseCallback
    from stable_baselines3.common.evaluation import evaluate_policy
    from stable_baselines3.common.type_aliases import GymEnv
except ModuleNotFoundError as error:
    if error.name != "stable_baselines3":
        raise
    raise MissingDependencyError("stable-baselines3", "sb3", "rla.integrations.sb3") from error

_NOT_GIVEN: Final = frozenset({"self", "env", "policy", "kwargs", "_init_setup_model", "tensorboard_log", "verbose"})
"""Arguments of an algorithm that are no hyperparameters of it."""


class RLAWriter(sb3.KVWriter, sb3.SeqWriter):
    """Writes what Stable-Baselines3 records as rows of the current run, at its time steps.

    Figures, images, videos and arrays go where TensorBoard shows them. ``exclude`` means the formats of
    LOG_USED, whose names are the same. It never raises and has nothing to close: the run does that.
    """

    def write(self, key_values: dict[str, Any], key_excluded: dict[str, tuple[str, ...]], step: int = 0) -> None:
        """Write one row."""
        time_step_holder.set_time(step)
        for key, value in key_values.items():
            _record(key, value, tuple(filter(None, key_excluded.get(key) or ())))
        logger.dump_tabular()

    def write_sequence(self, sequence: list[str]) -> None:
        """Write a line."""
        logger.info(*sequence)

    def close(self) -> None:
        """Nothing is open here."""


def sb3_logger() -> sb3.Logger:
    """A logger for ``model.set_logger`` that records into the current run, and nowhere else."""
    return sb3.Logger(folder=None, output_formats=[RLAWriter()])


def model_hyperparameters(model: BaseAlgorithm) -> dict[str, Any]:
    """What an algorithm was made with, for ``rla.init``: its scalar settings by the names of its arguments."""
    import inspect  # noqa: PLC0415 - once per training

    names = [name for name in inspect.signature(type(model).__init__).parameters if name not in _NOT_GIVEN]
    values = {name: _setting(getattr(model, name, None)) for name in names}
    kept = {name: value for name, value in values.items() if value is not None}
    return {"algorithm": type(model).__name__, "policy": type(model.policy).__name__, **kept}


class RLACallback(BaseCallback):
    """Keeps the time step, saves checkpoints and evaluates while a model learns.

    It acts between rollouts, where the model is in order. Values are recorded by :class:`RLAWriter`.
    """

    def __init__(
        self,
        save_freq: int | None = None,
        *,
        save_replay_buffer: bool = False,
        eval_env: GymEnv | None = None,
        eval_freq: int = 10_000,
        n_eval_episodes: int = 5,
        checkpoint_name: str = "checkpoint",
        verbose: int = 0,
    ) -> None:
        """Say what to do and how often; all steps are time steps of the model.

        Args:
            save_freq: Save a checkpoint each time so many steps have gone by, and at the end; None saves none.
            save_replay_buffer: With each checkpoint, write the replay buffer into the run's ``tmp_data``.
            eval_env: Evaluate on this environment; None does not. The best model so far is kept as the
                checkpoint ``best``.
            eval_freq: How often to evaluate.
            n_eval_episodes: On how many episodes.
            checkpoint_name: What the checkpoints are called.
            verbose: As in every callback of Stable-Baselines3.
        """
        super().__init__(verbose)
        self._save_freq = save_freq
        self._save_replay_buffer = save_replay_buffer
        self._eval_env = eval_env
        self._eval_freq = eval_freq
        self._n_eval_episodes = n_eval_episodes
        self._checkpoint_name = checkpoint_name
        self._saved_at = 0
        self._evaluated_at = 0
        self._best = float("-inf")

    def _on_training_start(self) -> None:
        self._saved_at = self._evaluated_at = self.num_timesteps
        time_step_holder.set_time(self.num_timesteps)
        rows = [f"| {key} | {value_text(value)} |" for key, value in model_hyperparameters(self.model).items()]
        logger.record_text("sb3/model", "\n".join(["| key | value |", "|---|---|", *rows]))

    def _on_step(self) -> bool:
        time_step_holder.set_time(self.num_timesteps)
        return True

    def _on_rollout_start(self) -> None:
        if self._eval_env is not None and self.num_timesteps - self._evaluated_at >= self._eval_freq:
            self._evaluate(self._eval_env)
        if self._save_freq is not None and self.num_timesteps - self._saved_at >= self._save_freq:
            self.save()

    def _on_training_end(self) -> None:
        time_step_holder.set_time(self.model.num_timesteps)
        if self._save_freq is not None and self.model.num_timesteps > self._saved_at:
            self.save()

    def save(self) -> None:
        """Save a checkpoint now.

        Raises:
            OSError: The disk refused; older checkpoints are as they were.
        """
        self._save(self._checkpoint_name)
        self._saved_at = self.model.num_timesteps

    def _save(self, name: str) -> None:
        from rla.easy_log.tester import exp_manager  # noqa: PLC0415 - the manager is needed here only

        model, related = model_state(self.model)
        if self._save_replay_buffer:
            from rla.integrations.sb3_buffer import save_buffer  # noqa: PLC0415 - few algorithms have one

            save_buffer(self.model, exp_manager.tmp_data_dir)
        exp_manager.save_checkpoint(model, related, name, random_states=True)

    def _evaluate(self, env: GymEnv) -> None:
        self._evaluated_at = self.num_timesteps
        returns, lengths = evaluate_policy(
            self.model, env, self._n_eval_episodes, return_episode_rewards=True, warn=False
        )
        assert isinstance(returns, list)
        assert isinstance(lengths, list)
        mean = sum(returns) / len(returns)
        spread = (sum((each - mean) ** 2 for each in returns) / len(returns)) ** 0.5
        values = {"mean_return": mean, "std_return": spread, "mean_length": sum(lengths) / len(lengths)}
        logger.logkvs(values, "eval/")
        logger.dump_tabular()
        if mean > self._best:
            self._best = mean
            self._save("best")


def restore_model(model: BaseAlgorithm, resumed: Resumed | None) -> int:
    """Bring a new model to where a checkpoint of :class:`RLACallback` was saved.

    The environment begins a new episode: what state it had is not known. Then train for the rest, with
    ``model.learn(total - done, reset_num_timesteps=done == 0)``.

    Args:
        model: Made as the old one was.
        resumed: From ``rla.resume``, or ``run.resumed`` of a run that was started with ``resume="auto"``;
            with None nothing is done.

    Returns:
        How many time steps are done: 0 for a run that begins anew.

    Raises:
        ConfigError: The checkpoint was not saved by :class:`RLACallback`, or from another kind of model.
    """
    if resumed is None:
        return 0
    restore_state(model, resumed.model, resumed.related)
    buffer = resumed.run.paths.directory("tmp_data") / "replay_buffer.npz"
    if buffer.exists():
        from rla.integrations.sb3_buffer import load_buffer  # noqa: PLC0415 - as in RLACallback

        load_buffer(model, buffer)
    resumed.restore_random_states()
    return int(model.num_timesteps)


def _record(key: str, value: Any, exclude: tuple[str, ...]) -> None:
    shows = "tensorboard" not in exclude
    if isinstance(value, sb3.HParam):
        rows = [f"| {name} | {value_text(each)} |" for name, each in value.hparam_dict.items()]
        logger.record_text(key, "\n".join(["| key | value |", "|---|---|", *rows]))
    elif isinstance(value, sb3.Figure):
        if shows:
            logger.record_figure(key, value.figure, close=value.close)
    elif isinstance(value, sb3.Image):
        if shows:
            logger.record_image(key, _pixels(value))
    elif isinstance(value, sb3.Video):
        if shows:
            logger.record_video(key, value.frames[0], value.fps)
    elif getattr(value, "ndim", 0) > 0:
        if shows:
            logger.record_histogram(key, value)
    else:
        logger.record_tabular(key, value, exclude or None)


def _pixels(image: sb3.Image) -> Any:
    """An image in the order that everything else has: height, width, channels."""
    order, pixels = image.dataformats.upper(), _array(image.image)
    return pixels if order in {"HW", "HWC"} else pixels.transpose(*(order.index(axis) for axis in "HWC"))


def _array(image: Any) -> Any:
    return image.detach().cpu().numpy() if hasattr(image, "detach") else image


def _setting(value: Any) -> Any:
    """A scalar or a small mapping as it is; a schedule by its value at the beginning; anything else is left out."""
    if isinstance(value, bool | int | float | str):
        return value
    if callable(value) and not isinstance(value, type):
        try:
            return float(value(1.0))
        except (TypeError, ValueError):
            return None
    if isinstance(value, Mapping):
        return {str(key): str(each) if callable(each) else each for key, each in value.items()} or None
    return None
