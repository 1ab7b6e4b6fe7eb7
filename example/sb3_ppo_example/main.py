"""PPO of Stable-Baselines3 on CartPole: values, checkpoints, a video and a figure in one run.

Started again with `RLA_RESUME=auto`, it goes on from its own last run if that did not finish.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import gymnasium
from stable_baselines3 import PPO

from rla.easy_log.complex_data_recorder import MatplotlibRecorder as mpr  # noqa: N813 - its usual short name
from rla.easy_log.rla_argparser import arg_parser_postprocess
from rla.easy_log.tester import exp_manager
from rla.integrations.gymnasium import EpisodeRecorder
from rla.integrations.sb3 import RLACallback, restore_model, sb3_logger

HERE = Path(__file__).parent


def parse() -> argparse.Namespace:
    parser = arg_parser_postprocess(argparse.ArgumentParser(description=__doc__))
    parser.add_argument("--env_id", default="CartPole-v1")
    parser.add_argument("--learning_rate", type=float, default=1e-3)
    parser.add_argument("--n_steps", type=int, default=512)
    parser.add_argument("--total_timesteps", type=int, default=40_000)
    parser.add_argument("--seed", type=int, default=88)
    parser.add_argument("--data_root", default=str(HERE / "demo_data"), help="the database's directory")
    return parser.parse_args()


def start(arguments: argparse.Namespace) -> None:
    """Say what the run is, and start it."""
    exp_manager.set_hyper_param(**{key: value for key, value in vars(arguments).items() if key != "data_root"})
    exp_manager.add_record_param(["info", "env_id", "learning_rate", "seed"])
    exp_manager.configure("demo_task", str(HERE / "rla_config.yaml"), arguments.data_root)
    exp_manager.log_files_gen()
    exp_manager.print_args()


def train(arguments: argparse.Namespace) -> PPO:
    """Learn for the steps that are not done yet."""
    exp_manager.new_saver(max_to_keep=3)
    model = PPO(
        "MlpPolicy",
        arguments.env_id,
        learning_rate=arguments.learning_rate,
        n_steps=arguments.n_steps,
        batch_size=128,
        seed=arguments.seed,
        device="cpu",
    )
    model.set_logger(sb3_logger())
    done = restore_model(model, exp_manager.resumed)
    callback = RLACallback(save_freq=2 * arguments.n_steps)
    model.learn(arguments.total_timesteps - done, callback=callback, reset_num_timesteps=done == 0)
    return model


def show(model: PPO, arguments: argparse.Namespace) -> None:
    """Film one episode, and draw how the pole stood."""
    env = EpisodeRecorder(gymnasium.make(arguments.env_id, render_mode="rgb_array"), video_every=1, video_name="play")
    observation, _ = env.reset(seed=arguments.seed)
    angles, ended = [], False
    while not ended:
        action, _ = model.predict(observation, deterministic=True)
        observation, _, terminated, truncated, _ = env.step(action)
        angles.append(float(observation[2]))
        ended = terminated or truncated
    env.close()

    def plot() -> None:
        import matplotlib.pyplot as plt  # noqa: PLC0415 - only a script that draws needs it

        plt.plot(angles, label="pole")

    mpr.pretty_plot_wrapper("angles", plot, xlabel="step", ylabel="angle in rad", title="one episode", pretty_plot=True)


def main() -> None:
    arguments = parse()
    start(arguments)
    show(train(arguments), arguments)
    exp_manager.close()


if __name__ == "__main__":
    main()
