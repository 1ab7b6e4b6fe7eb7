"""The final scores of one algorithm's runs, by environment, and how they are made comparable.

Environments are the strata of the statistics: runs are only ever exchanged within one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from rla.easy_plot.estimates import FloatArray
from rla.errors import PlotDataError
from rla.runs.unknown import nearest

Scores: TypeAlias = Mapping[str, ArrayLike] | ArrayLike
"""One score per run: a mapping from environment to scores, an array (runs, environments), or one of shape
(runs,) where there is one environment. NaN stands for a run that is missing."""

ONLY = ""
"""The name of the environment where only one is given."""


@dataclass(frozen=True)
class ScoreSet:
    """Finite scores by environment.

    Attributes:
        by_environment: Of each environment the scores, shape (runs,).
        left_out: Of each environment that had some, how many scores were NaN or infinite.
    """

    by_environment: Mapping[str, FloatArray]
    left_out: Mapping[str, int]

    @property
    def runs(self) -> dict[str, int]:
        """How many scores each environment has."""
        return {name: len(values) for name, values in self.by_environment.items()}

    @property
    def arrays(self) -> list[FloatArray]:
        """The scores of each environment."""
        return list(self.by_environment.values())

    @property
    def counts(self) -> list[int]:
        """How many there are in each."""
        return [len(values) for values in self.by_environment.values()]

    def notes(self) -> tuple[str, ...]:
        """What a reader of a result must know about these scores."""
        told = [f"{count} NaN or infinite left out{_of(name)}" for name, count in self.left_out.items()]
        counts = self.counts
        if min(counts) != max(counts):
            told.append(f"the environments have {min(counts)} to {max(counts)} runs")
        return tuple(told)


def read_scores(scores: Scores) -> ScoreSet:
    """Scores as the statistics take them; what is not finite is left out and counted.

    Raises:
        PlotDataError: An environment has no finite score, or the array has another shape.
    """
    arrays = _named(scores)
    finite = {name: values[np.isfinite(values)] for name, values in arrays.items()}
    for name, values in finite.items():
        if not len(values):
            raise PlotDataError(f"there is no finite score{_of(name)}; leave it out, or record it", name=name)
    if not finite:
        raise PlotDataError("there are no scores; give those of at least one environment")
    left_out = {name: len(arrays[name]) - len(values) for name, values in finite.items()}
    return ScoreSet(finite, {name: count for name, count in left_out.items() if count})


def min_max_normalise(scores: Scores, low: float | None = None, high: float | None = None) -> dict[str, FloatArray]:
    """Scores moved so that ``low`` becomes 0 and ``high`` 1, in each environment.

    Args:
        scores: As the statistics take them; NaN stays NaN.
        low: By default the smallest finite score of each environment.
        high: By default the greatest.

    Raises:
        PlotDataError: Both are the same.
    """
    finite = read_scores(scores).by_environment
    references = {
        name: (float(values.min()) if low is None else low, float(values.max()) if high is None else high)
        for name, values in finite.items()
    }
    return reference_normalise(scores, references)


def reference_normalise(scores: Scores, references: Mapping[str, Sequence[float]]) -> dict[str, FloatArray]:
    """Scores between those of two references: 0 is as good as the first, 1 as the second.

    With the scores of a random and of a human player these are human-normalised scores.

    Source: https://doi.org/10.1038/nature14236, Mnih et al., "Human-level control through deep
    reinforcement learning", Methods: (score - random) / (human - random).

    Args:
        scores: As the statistics take them; NaN stays NaN.
        references: Of each environment the score that becomes 0, and the one that becomes 1.

    Raises:
        PlotDataError: An environment has no references, or two equal ones.
    """
    return {name: _normalised(name, values, references) for name, values in _named(scores).items()}


def _normalised(name: str, values: FloatArray, references: Mapping[str, Sequence[float]]) -> FloatArray:
    if name not in references:
        raise PlotDataError(f"there are no reference scores of {name!r}; {nearest(name, list(references))}", name=name)
    zero, one = references[name]
    if not np.isfinite(one - zero) or one == zero:
        message = f"the reference scores{_of(name)} are {zero!r} and {one!r}; give two that differ"
        raise PlotDataError(message, name=name)
    return (values - zero) / (one - zero)


def _named(scores: Scores) -> dict[str, FloatArray]:
    """The scores of each environment, shape (runs,), NaN and all."""
    if isinstance(scores, Mapping):
        return {str(name): np.asarray(values, dtype=np.float64).ravel() for name, values in scores.items()}
    array = np.asarray(scores, dtype=np.float64)
    if array.ndim == 1:
        return {ONLY: array}
    if array.ndim != 2:  # noqa: PLR2004 - runs and environments
        raise PlotDataError(f"scores have shape {array.shape}; give (runs,), (runs, environments) or a mapping")
    return {str(place): column for place, column in enumerate(array.T)}


def _of(name: str) -> str:
    return f" of {name!r}" if name != ONLY else ""
