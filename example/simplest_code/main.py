"""Every phase of a run on the smallest task there is: fit a line with torch, record, save, draw."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from rla.easy_log import logger
from rla.easy_log.complex_data_recorder import MatplotlibRecorder as mpr  # noqa: N813 - its usual short name
from rla.easy_log.tester import exp_manager
from rla.easy_log.time_step import time_step_holder

HERE = Path(__file__).parent


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--learning_rate", type=float, default=0.05)
    parser.add_argument("--seed", type=int, default=88)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--data_root", default=str(HERE / "demo_data"), help="the database's directory")
    return parser.parse_args()


def start(arguments: argparse.Namespace) -> None:
    """Say what the run is, and start it."""
    exp_manager.set_hyper_param(**vars(arguments))
    exp_manager.add_record_param(["learning_rate", "seed"])
    exp_manager.configure("demo_task", private_config_path=str(HERE / "rla_config.yaml"), data_root=arguments.data_root)
    exp_manager.log_files_gen()
    exp_manager.print_args()


def train(arguments: argparse.Namespace) -> torch.nn.Module:
    """Fit y = 2 x - 1, with a row of values every 10 steps and a checkpoint every 50."""
    torch.manual_seed(arguments.seed)
    model = torch.nn.Linear(1, 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=arguments.learning_rate)
    exp_manager.new_saver(max_to_keep=2)
    for step in range(1, arguments.steps + 1):
        time_step_holder.set_time(step)
        x = torch.rand(64, 1)
        loss = torch.nn.functional.mse_loss(model(x), 2 * x - 1)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        logger.ma_record_tabular("perf/mse_average", loss.item(), record_len=10)
        if step % 10 == 0:
            logger.record_tabular("perf/mse", loss.item())
            logger.dump_tabular()
        if step % 50 == 0:
            exp_manager.save_checkpoint({"model": model.state_dict(), "optimizer": optimizer.state_dict()})
    return model


def draw(model: torch.nn.Module) -> None:
    """Save a figure of what was learned in the results directory."""

    def plot() -> None:
        import matplotlib.pyplot as plt  # noqa: PLC0415 - only a script that draws needs it

        x = torch.linspace(0, 1, 50)[:, None]
        plt.plot(x[:, 0], 2 * x[:, 0] - 1, label="target")
        plt.plot(x[:, 0], model(x).detach()[:, 0], label="learned")

    mpr.pretty_plot_wrapper("react_func", plot, xlabel="x", ylabel="y", title="what was learned", pretty_plot=True)


def check_loading(model: torch.nn.Module) -> None:
    """The newest checkpoint holds the very weights."""
    step, saved = exp_manager.load_checkpoint()
    same = all(torch.equal(saved["model"][name], weight) for name, weight in model.state_dict().items())
    logger.info(f"the checkpoint of step {step} {'holds' if same else 'does not hold'} the trained weights")


def main() -> None:
    arguments = parse()
    start(arguments)
    model = train(arguments)
    draw(model)
    check_loading(model)
    exp_manager.close()


if __name__ == "__main__":
    main()
