"""How probably a run of one algorithm beats a run of another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rla.easy_plot.bootstrap import Estimated, interval
from rla.easy_plot.estimates import FloatArray
from rla.easy_plot.resampling import Draws, times_drawn
from rla.easy_plot.scores import Scores, read_scores
from rla.errors import PlotDataError


def probability_of_improvement(
    scores: Scores, baseline: Scores, *, level: float = 0.95, resamples: int = 2000, seed: int = 0
) -> Estimated:
    """The probability that a random run is better than a random run of a baseline in the same environment.

    It is the part of all pairs in which the first one has the higher score, a tie counting half, as in the
    U statistic of Mann and Whitney; averaged over the environments.

    Source: https://proceedings.neurips.cc/paper/2021/hash/f514cec81cb148559cf475e7426eed5e-Abstract.html,
    Agarwal et al., "Deep Reinforcement Learning at the Edge of the Statistical Precipice", section 4.3.

    Args:
        scores: As the statistics take them.
        baseline: Those of the baseline, in the same environments.
        level: The part of the drawn probabilities that lies within the interval.
        resamples: How often the runs of both are drawn.
        seed: The same seed gives the same interval.

    Returns:
        1 where every run is better, 0.5 where it is a toss of a coin. ``runs`` counts those of both.

    Raises:
        ConfigError: The level or the number of resamples makes no sense.
        PlotDataError: The environments are not the same, or one has no finite score.
    """
    ours, theirs = read_scores(scores), read_scores(baseline)
    if set(ours.by_environment) != set(theirs.by_environment):
        lonely = sorted(set(ours.by_environment) ^ set(theirs.by_environment))
        raise PlotDataError(f"only one of the two has scores of {', '.join(lonely)}; compare what both have")
    pairs = [_outcomes(values, theirs.by_environment[name]) for name, values in ours.by_environment.items()]
    value = float(np.mean([each.mean() for each in pairs]))
    counts = [count for each in pairs for count in each.shape]
    low, high, notes = interval(counts, lambda draws: _probability(pairs, draws), level, resamples, seed)
    if low == high:
        notes = (*notes, "all pairs agree: the interval has no width, which does not make it sure")
    runs = {name: count + theirs.runs[name] for name, count in ours.runs.items()}
    return Estimated(value, low, high, runs, (*ours.notes(), *theirs.notes(), *notes))


def _outcomes(ours: FloatArray, theirs: FloatArray) -> FloatArray:
    """1 for each pair that ours wins, 0.5 for a tie, 0 for a loss: shape (n, m)."""
    return np.asarray((np.sign(ours[:, None] - theirs) + 1) / 2, dtype=np.float64)


def _probability(pairs: Sequence[FloatArray], draws: Draws) -> FloatArray:
    """The probability of each draw, shape (resamples,); ours and theirs of each environment follow each other."""
    drawn = [
        ((times_drawn(ours, len(each)) @ each) * times_drawn(theirs, each.shape[1])).sum(axis=1)
        for each, ours, theirs in zip(pairs, draws[::2], draws[1::2], strict=True)
    ]
    return np.asarray(np.mean(drawn, axis=0), dtype=np.float64)
