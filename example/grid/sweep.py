"""Train CartPole-v1 with two learning rates and three seeds, several runs at a time, and draw the curves.

    python sweep.py --jobs 2

Run it again, and it does only what is left. The trainer is that of ``example/cartpole``: the processes
of a grid find whatever this script finds.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "cartpole"))

from train import train

import rla
from rla.sweep import ExperimentGrid


def declare(steps: int) -> ExperimentGrid:
    grid = ExperimentGrid("cartpole-grid")
    grid.add("lr", [0.01, 0.001])
    grid.add("seed", [0, 1, 2])
    grid.add("steps", steps)
    return grid


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-root", default="rla_data", help="the database")
    parser.add_argument("--steps", type=int, default=150_000, help="environment steps of each run")
    parser.add_argument("--jobs", type=int, default=2, help="how many run at once")
    arguments = parser.parse_args()
    grid = declare(arguments.steps)
    grid.run(train, jobs=arguments.jobs, resume=True, data_root=arguments.data_root).check()
    frame = grid.frame()
    print(frame.groupby("lr")["summary.mean_return"].agg(["mean", "min", "max"]).round(1))
    runs = rla.query(arguments.data_root, batch="cartpole-grid", where="state == 'finished'")
    figure, _ = rla.plot(runs, "mean_return", group_by="lr", title="CartPole-v1")
    figure.savefig(Path(arguments.data_root) / "cartpole-grid.png", dpi=200)


if __name__ == "__main__":
    main()
