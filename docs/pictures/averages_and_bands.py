"""Draw the pictures of the page "Which average and which band".

    python docs/pictures/averages_and_bands.py [directory]

The scores and curves are made up, always the same ones; averages and intervals are those of
``rla.easy_plot.statistics``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rla.easy_plot.bands import Band
from rla.easy_plot.pointwise import pointwise_interval
from rla.easy_plot.statistics import iqm, mean, median, performance_profile

HERE = Path(__file__).parent
COUNTS = [2, 3, 4, 5, 7, 10, 15, 20, 30]
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "0.6"


def averages() -> Figure:
    """Two algorithms: one steady, one with a lucky run and two that failed."""
    scores = {
        "steady": [0.52, 0.55, 0.57, 0.60, 0.61, 0.63, 0.64, 0.66, 0.69, 0.71],
        "one lucky run": [0.38, 0.40, 0.43, 0.44, 0.46, 0.47, 0.50, 0.52, 0.55, 2.30],
        "two failed runs": [0.02, 0.05, 0.64, 0.66, 0.68, 0.70, 0.71, 0.73, 0.75, 0.78],
    }
    figure = Figure(figsize=(7, 2.6), layout="constrained")
    axes = figure.subplots()
    for place, values in enumerate(scores.values()):
        axes.plot(values, np.full(len(values), -place), "o", color=GREY, markersize=5, zorder=2)
        for name, function, height, marker, color in (
            ("mean", mean, 0.46, "D", ORANGE),
            ("median", median, 0.32, "s", GREEN),
            ("IQM", iqm, 0.18, "^", BLUE),
        ):
            label = name if place == 0 else None
            axes.plot(function(values), height - place, marker, color=color, markersize=6, linestyle="", label=label)
    axes.set(yticks=[0, -1, -2], yticklabels=list(scores), ylim=(-2.4, 0.7), xlabel="score of a run")
    axes.legend(loc="upper right", frameon=False)
    tidy(axes)
    return figure


def curves(generator: np.random.Generator, runs: int = 5, points: int = 200) -> np.ndarray:
    """Learning curves, (runs, points): each run has a height and a speed of its own."""
    x = np.linspace(0, 1, points)
    heights = generator.normal(1.0, 0.16, size=(runs, 1))
    speeds = generator.uniform(3, 8, size=(runs, 1))
    noise = generator.normal(0, 0.02, size=(runs, points)).cumsum(axis=1) * 0.25
    return heights * (1 - np.exp(-speeds * x)) + noise


def bands() -> Figure:
    """The same five runs with each band."""
    values = curves(np.random.default_rng(4))
    x = np.linspace(0, 1, values.shape[1])
    figure = Figure(figsize=(9, 2.7), layout="constrained")
    panels = figure.subplots(1, 4, sharey=True)
    titles = {
        "ci95": "95 % interval",
        "stderr": "standard error",
        "std": "standard deviation",
        "minmax": "lowest to highest",
    }
    for axes, (band, title) in zip(panels, titles.items(), strict=True):
        summary = Band("mean", band).summary(values)
        axes.plot(x, values.T, color=GREY, linewidth=0.6)
        axes.plot(x, summary.estimate, color=BLUE)
        axes.fill_between(x, summary.low, summary.high, color=BLUE, alpha=0.25, linewidth=0)
        axes.set_title(title, fontsize=10)
        axes.set(xlabel="training", xticks=[], ylim=(0, 1.5))
        tidy(axes)
    panels[0].set_ylabel("return")
    return figure


def coverage_of(sample: Callable[[tuple[int, int]], np.ndarray], truth: float) -> list[float]:
    """For each number of runs how often the 95 % bootstrap interval of the mean holds the true mean."""
    parts = []
    for count in COUNTS:
        low, high = pointwise_interval(sample((count, 4000)), resamples=500)
        parts.append(float(np.mean((low <= truth) & (truth <= high))))
    return parts


def coverages() -> dict[str, list[float]]:
    """The same for scores that are normally distributed, and for scores with a long tail."""
    generator = np.random.default_rng(0)
    return {
        "normal scores": coverage_of(lambda size: generator.normal(0.0, 1.0, size), 0.0),
        "skewed scores": coverage_of(lambda size: generator.lognormal(0.0, 1.0, size), float(np.exp(0.5))),
    }


def coverage() -> Figure:
    """How often an interval holds the true mean, by the number of runs."""
    figure = Figure(figsize=(6, 3), layout="constrained")
    axes = figure.subplots()
    for (name, parts), color, style in zip(coverages().items(), (BLUE, ORANGE), ("-", "--"), strict=True):
        axes.plot(COUNTS, parts, marker="o", color=color, linestyle=style, label=name)
    axes.axhline(0.95, color="0.3", linewidth=0.8, linestyle=":")
    axes.set(xlabel="number of runs", ylabel="holds the true mean", ylim=(0.3, 1.0), xticks=COUNTS)
    axes.legend(frameon=False, loc="lower right")
    tidy(axes)
    return figure


def profiles() -> Figure:
    """Two algorithms with the same mean: one is better in most runs, the other in a few by far."""
    generator = np.random.default_rng(1)
    environments = [f"env{number}" for number in range(8)]
    algorithms = {
        "even": {name: generator.normal(0.85, 0.12, 5) for name in environments},
        "uneven": {
            name: generator.normal(0.35 if number < 5 else 1.7, 0.15, 5) for number, name in enumerate(environments)
        },
    }
    thresholds = np.linspace(0, 2.2, 150)
    figure = Figure(figsize=(6, 3), layout="constrained")
    axes = figure.subplots()
    for (name, scores), color, style in zip(algorithms.items(), (BLUE, ORANGE), ("-", "--"), strict=True):
        profile = performance_profile(scores, thresholds, resamples=1000)
        label = f"{name}: mean {np.mean([values.mean() for values in scores.values()]):.2f}"
        axes.plot(thresholds, profile.values, color=color, linestyle=style, label=label)
        axes.fill_between(thresholds, profile.low, profile.high, color=color, alpha=0.2, linewidth=0)
    axes.set(xlabel="normalised score t", ylabel="part of the runs above t", ylim=(0, 1.02), xlim=(0, 2.2))
    axes.legend(frameon=False)
    tidy(axes)
    return figure


def tidy(axes: Axes) -> None:
    """No frame where nothing is."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(visible=True, alpha=0.3, linewidth=0.6)


PICTURES = {"averages": averages, "bands": bands, "coverage": coverage, "profiles": profiles}


def main(directory: Path = HERE) -> None:
    """Draw all of them."""
    for name, draw in PICTURES.items():
        draw().savefig(directory / f"{name}.png", dpi=110, metadata={"Software": None})


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
