"""The scores of one training, episode by episode, with their sliding mean and the exploration.

The functions, their arguments and defaults are those of hermes. Each returns the figure, which a
notebook shows and ``savefig`` writes; no window opens and pyplot does not hear of it.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
from numpy.typing import ArrayLike

from rla.easy_plot.estimates import FloatArray
from rla.easy_plot.smoothen import smoothen
from rla.errors import ConfigError, PlotDataError

if TYPE_CHECKING:
    from rla.easy_plot.figure import Axes, Figure

_MANY: Final = 20_000
"""From so many dots on, a PDF holds them as a picture."""


class Experiment(Protocol):
    """What is asked of a hermes experiment."""

    @property
    def exec_args_dict(self) -> Mapping[str, Any]:
        """The arguments it was executed with, by name."""

    def scores(self) -> ArrayLike | None:
        """Its scores, or None when it has none."""

    def get_identifier(self) -> str:
        """Its name."""


def plot_training_progress(  # noqa: PLR0913, PLR0917 - the signature is the seed's
    scores: ArrayLike,
    eps_start: float | None = None,
    eps_end: float | None = None,
    eps_decay: float | None = None,
    epsilons: Sequence[float] | None = None,
    window_length: int = 250,
    figsize: tuple[float, float] = (12, 12),
    fontsize: float = 18,
    path: str | os.PathLike[str] | None = None,
    scores_color: str = "c",
    mean_color: str = "r",
    score_range: tuple[float, float] | None = None,
    epsilon_range: tuple[float, float] | None = None,
    axis_gap: float = 0.02,
    mark_best: bool = False,
    legend: bool = True,
    ax: Axes | None = None,
) -> Figure:
    """Draw the score of each episode, their sliding mean, and how much was explored.

    Args:
        scores: The return of each episode, shape (n,). What is not finite is not drawn.
        eps_start: Of epsilon-greedy exploration: at the first episode. Without these three, and
            without ``epsilons``, there is no axis of epsilon.
        eps_end: The smallest epsilon.
        eps_decay: What epsilon is multiplied by after each episode.
        epsilons: The epsilon of each episode, where it was another; ignored if the three are given.
        window_length: How many episodes the sliding mean is of.
        figsize: Inches, of a new figure.
        fontsize: Points.
        path: Save the figure there; its ending says the format. A file that is there is replaced.
        scores_color: Of the dots.
        mean_color: Of the sliding mean.
        score_range: The lowest and highest score that is shown.
        epsilon_range: The lowest and highest epsilon that is shown.
        axis_gap: How much more is shown above and below, as a part of the range.
        mark_best: Mark the highest score.
        legend: Tell what is what.
        ax: Axes to draw into; by default a new figure is made.

    Returns:
        The figure.

    Raises:
        ConfigError: Only some of the epsilon values are given, or they make no sense.
        PlotDataError: There is no finite score, or another number of epsilons.
        OSError: The file cannot be written.
    """
    from rla.easy_plot.progress_figure import Progress, draw_progress  # noqa: PLC0415 - matplotlib is slow to import
    from rla.easy_plot.saving import check_figure_path, save_figure  # noqa: PLC0415 - as above

    values = np.asarray(scores, dtype=np.float64).ravel()
    if not np.isfinite(values).any():
        raise PlotDataError(f"none of the {len(values)} scores is a finite number: there is nothing to draw")
    if path is not None:
        check_figure_path(Path(path), force=True)
    figure = draw_progress(
        Progress(
            scores=values,
            means=smoothen(values, window_length)[0],
            epsilons=_epsilons(len(values), (eps_start, eps_end, eps_decay), epsilons),
            window_length=window_length,
            figsize=figsize,
            fontsize=fontsize,
            colors=(scores_color, mean_color),
            score_range=score_range,
            epsilon_range=epsilon_range,
            axis_gap=axis_gap,
            mark_best=mark_best,
            legend=legend,
            many=len(values) > _MANY,
        ),
        ax,
    )
    if path is not None:
        save_figure(figure, Path(path), force=True)
    return figure


def plot_training_progress_from_file(  # noqa: PLR0913, PLR0917 - the signature is the seed's
    file: str | os.PathLike[str],
    eps_start: float | None = 1,
    eps_end: float | None = 0.001,
    eps_decay: float | None = 0.999,
    epsilons: Sequence[float] = (),
    window_length: int = 250,
    figsize: tuple[float, float] = (12, 12),
    fontsize: float = 18,
    path: str | os.PathLike[str] | None = None,
    scores_color: str = "c",
    mean_color: str = "r",
    score_range: tuple[float, float] | None = None,
    epsilon_range: tuple[float, float] | None = None,
    axis_gap: float = 0.02,
    mark_best: bool = True,
    legend: bool = True,
) -> Figure:
    """:func:`plot_training_progress` of a file with one score in each line.

    Epsilon has defaults here: ``eps_start=None, eps_end=None, eps_decay=None`` draws no axis of it.
    ``epsilons``, if there are any, come before these three.

    Args:
        file: The file. A first line that is no number is a title; empty lines do not count.
        eps_start: As there, and so are all that follow.
        eps_end: As there.
        eps_decay: As there.
        epsilons: As there.
        window_length: As there.
        figsize: As there.
        fontsize: As there.
        path: As there.
        scores_color: As there.
        mean_color: As there.
        score_range: As there.
        epsilon_range: As there.
        axis_gap: As there.
        mark_best: As there, but the best score is marked by default.
        legend: As there.

    Raises:
        PlotDataError: A line is no number, or as there.
        ConfigError: As there.
        OSError: The file cannot be read, or the figure not written.
    """
    if len(epsilons):
        eps_start = eps_end = eps_decay = None
    return plot_training_progress(
        read_score_file(Path(file)),
        eps_start,
        eps_end,
        eps_decay,
        epsilons if len(epsilons) else None,
        window_length,
        figsize,
        fontsize,
        path,
        scores_color,
        mean_color,
        score_range,
        epsilon_range,
        axis_gap,
        mark_best,
        legend,
    )


def plot_training_progress_from_experiment(  # noqa: PLR0913, PLR0917 - the signature is the seed's
    exp: Experiment,
    eps_start_key: str = "-es",
    eps_end_key: str = "-ee",
    eps_decay_key: str = "-ed",
    window_length: int = 250,
    figsize: tuple[float, float] = (12, 12),
    fontsize: float = 18,
    path: str | os.PathLike[str] | None = None,
    scores_color: str = "c",
    mean_color: str = "r",
    score_range: tuple[float, float] | None = None,
    epsilon_range: tuple[float, float] | None = None,
    axis_gap: float = 0.02,
    mark_best: bool = True,
    legend: bool = True,
) -> Figure:
    """:func:`plot_training_progress` of the scores that a hermes experiment stored.

    Args:
        exp: The experiment.
        eps_start_key: The argument of its script that set ``eps_start``. Where it was not executed
            with all three of them, there is no axis of epsilon.
        eps_end_key: The one that set ``eps_end``.
        eps_decay_key: The one that set ``eps_decay``.
        window_length: As there, and so are all that follow.
        figsize: As there.
        fontsize: As there.
        path: As there.
        scores_color: As there.
        mean_color: As there.
        score_range: As there.
        epsilon_range: As there.
        axis_gap: As there.
        mark_best: As there, but the best score is marked by default.
        legend: As there.

    Raises:
        PlotDataError: It has no scores, or an epsilon of it is no number.
        ConfigError: As there.
        OSError: The figure cannot be written.
    """
    scores = _scores_of(exp)
    eps_start, eps_end, eps_decay = _exploration(exp.exec_args_dict, (eps_start_key, eps_end_key, eps_decay_key))
    return plot_training_progress(
        scores,
        eps_start,
        eps_end,
        eps_decay,
        None,
        window_length,
        figsize,
        fontsize,
        path,
        scores_color,
        mean_color,
        score_range,
        epsilon_range,
        axis_gap,
        mark_best,
        legend,
    )


def read_score_file(path: Path) -> FloatArray:
    """The scores of a file with one in each line, shape (n,); the first line may be a title.

    Raises:
        PlotDataError: A line is no number, or there is none.
        OSError: The file cannot be read.
    """
    scores: list[float] = []
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            scores.append(float(line))
        except ValueError:
            if number > 1:
                message = f"{path}:{number}: {line.strip()[:40]!r} is no number; there is one score in each line"
                raise PlotDataError(message, name=str(path)) from None
    if not scores:
        raise PlotDataError(f"{path} holds no scores; there is one in each line", name=str(path))
    return np.array(scores)


def _epsilons(
    episodes: int, decay: tuple[float | None, float | None, float | None], given: Sequence[float] | None
) -> FloatArray | None:
    """The epsilon of each episode, shape (episodes,); None where nothing is known of it.

    Raises:
        ConfigError: Only some of start, end and decay are given, or epsilon would grow.
        PlotDataError: There is another number of epsilons than of episodes.
    """
    start, end, factor = decay
    if start is not None and end is not None and factor is not None:
        if not 0 <= factor <= 1:
            raise ConfigError(f"eps_decay is {factor!r}; give a factor between 0 and 1, as 0.999", key="eps_decay")
        return np.maximum(end, start * factor ** np.arange(episodes, dtype=np.float64))
    if any(value is not None for value in decay):
        raise ConfigError("eps_start, eps_end and eps_decay belong together; give all three, or none", key="eps_start")
    if given is None:
        return None
    epsilons = np.asarray(given, dtype=np.float64).ravel()
    if len(epsilons) != episodes:
        raise PlotDataError(f"there are {len(epsilons)} epsilons and {episodes} scores; give one for each episode")
    return epsilons


def _scores_of(exp: Experiment) -> ArrayLike:
    """The scores of an experiment.

    Raises:
        PlotDataError: It has none.
    """
    with contextlib.suppress(FileNotFoundError):
        scores = exp.scores()
        if scores is not None:
            return scores
    name = exp.get_identifier()
    raise PlotDataError(f"the experiment {name} has no scores; its script wrote no {name}.scores", name=name)


def _exploration(given: Mapping[str, Any], keys: Sequence[str]) -> list[float] | tuple[None, None, None]:
    """The values of the three arguments; None where not all of them were given."""
    if not all(key in given for key in keys):
        return None, None, None
    return [_number(key, given[key]) for key in keys]


def _number(key: str, value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise PlotDataError(
            f"the argument {key} of the experiment is {value!r}, which is no number", name=key
        ) from None
