"""Draw what the jobs of sweep.hermes have learned:  python plot.py [curves.png]"""

from __future__ import annotations

import sys

import matplotlib.pyplot as plt
import numpy as np

from rla.hermes import Experiment, ExperimentList

WINDOW = 50


def mean_curve(experiments: ExperimentList) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Trailing mean return by episode over several seeds: mean, lowest, highest."""
    scores = [experiment.scores() for experiment in experiments]
    shortest = min(map(len, scores))
    kernel = np.ones(WINDOW) / WINDOW
    smooth = np.array([np.convolve(each[:shortest], kernel, mode="valid") for each in scores])
    return smooth.mean(0), smooth.min(0), smooth.max(0)


def main() -> None:
    target = sys.argv[1] if len(sys.argv) > 1 else "curves.png"
    experiments = Experiment.load_all("experiments")
    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    for lr in sorted({experiment.exec_args_dict["--lr"] for experiment in experiments}, reverse=True):
        chosen = experiments.filter_by_exec_args(f"--lr {lr}")
        mean, low, high = mean_curve(chosen)
        episodes = np.arange(WINDOW, WINDOW + len(mean))
        (line,) = axes.plot(episodes, mean, label=f"lr {lr}, {len(chosen)} seeds")
        axes.fill_between(episodes, low, high, color=line.get_color(), alpha=0.2, linewidth=0)
    axes.set(xlabel="episode", ylabel=f"mean return over {WINDOW} episodes", title="CartPole-v1", ylim=(0, 510))
    axes.grid(visible=True, alpha=0.3)
    axes.legend()
    figure.savefig(target, dpi=150)


if __name__ == "__main__":
    main()
