"""Measure the statistics, beside a bootstrap written by hand:  python tests/benchmarks/bootstrap.py

No file is read: curves and scores are arrays.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import numpy as np
from measure import Figure, best_cpu, report

from rla.easy_plot.statistics import bootstrap_estimate, pointwise_interval, probability_of_improvement

MILLI = 1e-3
GROUPS, RUNS, POINTS, RESAMPLES = 5, 10, 1000, 1000
ATARI = (26, 10)
"""Environments and runs, as of the Atari 100k benchmark."""


def drawn_by_hand(values: np.ndarray) -> np.ndarray:
    """What a script does: draw runs, average them, take percentiles."""
    generator = np.random.default_rng(0)
    draws = [values[generator.integers(RUNS, size=RUNS)].mean(axis=0) for _ in range(RESAMPLES)]
    return np.percentile(draws, [2.5, 97.5], axis=0)


def bench_bands() -> bool:
    """Bootstrap intervals of 5 groups of 10 runs at 1,000 points, 1,000 times drawn."""
    groups = np.random.default_rng(0).normal(size=(GROUPS, RUNS, POINTS)).cumsum(axis=2)

    def bands(estimate: str):
        return lambda: [pointwise_interval(values, estimate, resamples=RESAMPLES) for values in groups]

    figures = [Figure(f"rla {name}", best_cpu(bands(name), 3, 7), 20 * MILLI) for name in ("mean", "median", "iqm")]
    figures.append(Figure("numpy by hand, mean", best_cpu(lambda: [drawn_by_hand(each) for each in groups], 1, 3)))
    return report("bands of 5 groups of 10 runs at 1,000 points, drawn 1,000 times", figures, MILLI, "ms")


def bench_scores() -> bool:
    """Stratified intervals of 26 environments with 10 runs, 2,000 times drawn."""
    generator = np.random.default_rng(0)
    scores, others = generator.normal(size=(2, ATARI[1], ATARI[0]))
    figures = [
        Figure("rla iqm", best_cpu(lambda: bootstrap_estimate(scores, "iqm"), 1, 5), 20 * MILLI),
        Figure("rla mean", best_cpu(lambda: bootstrap_estimate(scores, "mean"), 1, 5), 20 * MILLI),
        Figure("rla P(improvement)", best_cpu(lambda: probability_of_improvement(scores, others), 1, 5), 20 * MILLI),
    ]
    return report("26 environments with 10 runs, drawn 2,000 times", figures, MILLI, "ms")


def bench_bootstrap(_base: Path) -> bool:
    """Both of them."""
    return all([bench_bands(), bench_scores()])


if __name__ == "__main__":
    sys.exit(0 if bench_bootstrap(Path()) else 1)
