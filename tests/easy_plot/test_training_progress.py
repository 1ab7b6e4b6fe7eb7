"""The pictures of one training, with the arguments of hermes."""

from __future__ import annotations

import inspect
import io
import os
import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from rla.easy_plot.smoothen import smoothen
from rla.easy_plot.training_progress import (
    plot_training_progress,
    plot_training_progress_from_experiment,
    plot_training_progress_from_file,
    read_score_file,
)
from rla.errors import ConfigError, PlotDataError
from rla.hermes import Experiment

SCORES = np.linspace(0, 90, 40) + np.random.default_rng(0).normal(0, 5, 40)


class StoredExperiment:
    """As much of a hermes experiment as the plot asks for."""

    def __init__(self, scores, arguments):
        self._scores = scores
        self.exec_args_dict = arguments

    def scores(self):
        return self._scores

    def get_identifier(self):
        return "train_0001"


def shown(figure):
    """Labels to the drawn y values, of all axes."""
    lines = {line.get_label(): line.get_ydata() for axes in figure.axes for line in axes.lines}
    dots = {each.get_label(): each.get_offsets()[:, 1] for axes in figure.axes for each in axes.collections}
    return {**dots, **lines}


def labels(figure):
    legend = figure.axes[0].get_legend()
    return [] if legend is None else [text.get_text() for text in legend.get_texts()]


# --- what is drawn


def test_scores_are_dots_and_their_sliding_mean_is_a_line():
    drawn = shown(plot_training_progress(SCORES, window_length=7))
    np.testing.assert_array_equal(drawn["score"], SCORES)
    np.testing.assert_array_equal(drawn["mean of 7 episodes"], smoothen(SCORES, 7)[0])


def test_without_epsilon_there_is_no_axis_of_it():
    assert len(plot_training_progress(SCORES).axes) == 1


def test_epsilon_decays_to_its_end():
    figure = plot_training_progress(SCORES, eps_start=1, eps_end=0.2, eps_decay=0.9)
    expected = [max(0.2, 0.9**episode) for episode in range(40)]
    np.testing.assert_allclose(shown(figure)["epsilon"], expected)
    assert figure.axes[1].get_ylabel() == "epsilon"


def test_given_epsilons_are_drawn_unless_the_decay_is_given():
    epsilons = np.linspace(1, 0, 40)
    np.testing.assert_array_equal(shown(plot_training_progress(SCORES, epsilons=epsilons))["epsilon"], epsilons)
    both = plot_training_progress(SCORES, 0.5, 0.1, 0.9, epsilons)
    assert shown(both)["epsilon"][0] == 0.5


def test_the_best_score_is_marked_if_asked():
    scores = np.array([1.0, 5.0, np.nan, 3.0])
    assert labels(plot_training_progress(scores, mark_best=True))[-1] == "best: 5 in episode 2"
    assert not any("best" in label for label in labels(plot_training_progress(scores)))


def test_the_legend_can_be_left_out():
    assert labels(plot_training_progress(SCORES, legend=False)) == []


def test_ranges_are_shown_with_a_gap():
    figure = plot_training_progress(
        SCORES, 1, 0.1, 0.9, score_range=(-100, 100), epsilon_range=(0, 1), axis_gap=0.1, fontsize=7
    )
    assert figure.axes[0].get_ylim() == pytest.approx((-120, 120))
    assert figure.axes[1].get_ylim() == pytest.approx((-0.1, 1.1))
    assert figure.axes[0].xaxis.label.get_size() == 7


def test_without_a_range_all_scores_are_shown():
    low, high = plot_training_progress([3.0, 3.0]).axes[0].get_ylim()
    assert low < 3 < high
    low, high = plot_training_progress(SCORES).axes[0].get_ylim()
    assert low < SCORES.min() < SCORES.max() < high


def test_colours_and_size_are_those_asked_for():
    figure = plot_training_progress(SCORES, scores_color="blue", mean_color="green", figsize=(5, 3))
    axes = figure.axes[0]
    assert axes.lines[0].get_color() == "green"
    assert mpl.colors.to_hex(axes.collections[0].get_facecolor()[0]) == mpl.colors.to_hex("blue")
    assert tuple(figure.get_size_inches()) == (5, 3)


def test_it_draws_into_given_axes():
    figure = Figure()
    left, right = figure.subplots(1, 2)
    assert plot_training_progress(SCORES, ax=right) is figure
    assert len(left.lines) == 0
    assert len(right.lines) == 1


def test_scores_that_are_not_finite_are_not_drawn_and_do_not_spread():
    figure = plot_training_progress([1.0, np.nan, np.inf, 3.0], window_length=2)
    assert np.isfinite(figure.axes[0].get_ylim()).all()
    np.testing.assert_array_equal(shown(figure)["mean of 2 episodes"], [1.0, 1.0, np.nan, 3.0])


# --- files


@pytest.mark.parametrize("ending", ["png", "pdf", "svg"])
def test_the_figure_is_saved_and_a_file_that_is_there_replaced(tmp_path, ending):
    path = tmp_path / f"progress.{ending}"
    path.write_text("old")
    plot_training_progress(SCORES, path=path, figsize=(4, 3))
    content = path.read_bytes()
    assert content.startswith({"png": b"\x89PNG", "pdf": b"%PDF", "svg": b"<?xml"}[ending])
    assert list(tmp_path.iterdir()) == [path]


def test_a_saved_picture_is_not_empty(tmp_path):
    plot_training_progress(SCORES, path=str(tmp_path / "progress.png"), figsize=(4, 3))
    with Image.open(tmp_path / "progress.png") as image:
        assert len(np.unique(np.asarray(image.convert("L")))) > 50


def test_an_ending_that_is_no_format_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"progress\.docx"):
        plot_training_progress(SCORES, path=tmp_path / "progress.docx")


def test_a_file_of_scores_is_read_with_or_without_a_title(tmp_path):
    file = tmp_path / "run.scores"
    file.write_text("score\n1.5\n\n2.5\nnan\n1e3\n")
    np.testing.assert_array_equal(read_score_file(file), [1.5, 2.5, np.nan, 1000.0])
    file.write_text("1.5\n2.5")
    assert read_score_file(file).tolist() == [1.5, 2.5]


def test_a_line_that_is_no_number_is_named(tmp_path):
    file = tmp_path / "run.scores"
    file.write_text("1\n2\nthree\n")
    with pytest.raises(PlotDataError, match=r"run\.scores:3: 'three' is no number"):
        plot_training_progress_from_file(file)


def test_a_file_without_scores_is_refused(tmp_path):
    (tmp_path / "run.scores").write_text("score\n")
    with pytest.raises(PlotDataError, match="holds no scores"):
        plot_training_progress_from_file(tmp_path / "run.scores")
    with pytest.raises(FileNotFoundError):
        plot_training_progress_from_file(tmp_path / "no.scores")


def test_from_a_file_epsilon_and_the_best_score_are_drawn_by_default(tmp_path):
    file = tmp_path / "run.scores"
    np.savetxt(file, SCORES)
    figure = plot_training_progress_from_file(file)
    np.testing.assert_allclose(shown(figure)["epsilon"], 0.999 ** np.arange(40))
    assert any(label.startswith("best") for label in labels(figure))
    assert len(plot_training_progress_from_file(file, None, None, None).axes) == 1
    own = plot_training_progress_from_file(file, epsilons=[0.25] * 40)
    assert set(shown(own)["epsilon"]) == {0.25}


# --- hermes experiments


def test_from_an_experiment_epsilon_is_that_of_its_arguments():
    arguments = {"-es": "0.8", "-ee": 0.1, "-ed": "0.5", "-lr": "0.001"}
    figure = plot_training_progress_from_experiment(StoredExperiment(SCORES, arguments))
    np.testing.assert_allclose(shown(figure)["epsilon"][:4], [0.8, 0.4, 0.2, 0.1])
    assert any(label.startswith("best") for label in labels(figure))
    renamed = StoredExperiment(SCORES, {"--start": "1", "--end": "0.5", "--decay": "0.9"})
    figure = plot_training_progress_from_experiment(renamed, "--start", "--end", "--decay")
    assert shown(figure)["epsilon"][0] == 1


def test_from_an_experiment_without_all_three_there_is_no_epsilon():
    assert len(plot_training_progress_from_experiment(StoredExperiment(SCORES, {"-es": "1"})).axes) == 1


def test_an_experiment_without_scores_or_with_odd_arguments_is_refused():
    with pytest.raises(PlotDataError, match=r"train_0001 has no scores"):
        plot_training_progress_from_experiment(StoredExperiment(None, {}))
    odd = StoredExperiment(SCORES, {"-es": "much", "-ee": "0", "-ed": "1"})
    with pytest.raises(PlotDataError, match=r"-es of the experiment is 'much'"):
        plot_training_progress_from_experiment(odd)


@pytest.fixture
def stored(tmp_path):
    """An experiment as hermes leaves it on disk."""
    directory = tmp_path / "experiments/train/first/2021_07_25_160008326971_0_1930e"
    directory.mkdir(parents=True)
    (directory / "hermes.info").write_text("commit_hash:0f3c\nstart_time:2021_07_25_160008326971\n")
    (directory / "exec_arguments").write_text("-es 0.9\n-ee 0.1\n-ed 0.5\n--double\n")
    return Experiment.load(directory)


def test_a_stored_experiment_of_hermes_is_drawn(stored):
    np.savetxt(stored.scores_file, SCORES)
    figure = plot_training_progress_from_experiment(stored)
    np.testing.assert_allclose(shown(figure)["score"], SCORES)
    np.testing.assert_allclose(shown(figure)["epsilon"][:3], [0.9, 0.45, 0.225])


def test_a_stored_experiment_without_a_file_of_scores_is_refused(stored):
    with pytest.raises(PlotDataError, match=r"2021_07_25_160008326971_0_1930e has no scores"):
        plot_training_progress_from_experiment(stored)


# --- mistakes


@pytest.mark.parametrize("scores", [[], [np.nan, np.inf]])
def test_scores_of_which_none_is_finite_are_refused(scores):
    with pytest.raises(PlotDataError, match="nothing to draw"):
        plot_training_progress(scores)


def test_another_number_of_epsilons_is_refused():
    with pytest.raises(PlotDataError, match="2 epsilons and 40 scores"):
        plot_training_progress(SCORES, epsilons=[1.0, 0.5])


@pytest.mark.parametrize("wrong", [{"eps_start": 1}, {"eps_start": 1, "eps_end": 0.1, "eps_decay": 1.5}])
def test_an_exploration_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(ConfigError, match="eps_"):
        plot_training_progress(SCORES, **wrong)


# --- the seed's signatures


def test_the_defaults_are_those_of_hermes():
    defaults = {
        name: parameter.default for name, parameter in inspect.signature(plot_training_progress).parameters.items()
    }
    assert list(defaults) == [
        *("scores", "eps_start", "eps_end", "eps_decay", "epsilons", "window_length", "figsize", "fontsize", "path"),
        *("scores_color", "mean_color", "score_range", "epsilon_range", "axis_gap", "mark_best", "legend", "ax"),
    ]
    assert list(defaults.values())[1:] == [
        *(None, None, None, None, 250, (12, 12), 18, None, "c", "r", None, None, 0.02, False, True, None)
    ]
    file = {name: each.default for name, each in inspect.signature(plot_training_progress_from_file).parameters.items()}
    assert list(file.values())[1:5] == [1, 0.001, 0.999, ()]
    assert list(file)[5:] == list(defaults)[5:-1]
    assert (file["mark_best"], file["legend"]) == (True, True)
    experiment = {
        name: each.default
        for name, each in inspect.signature(plot_training_progress_from_experiment).parameters.items()
    }
    assert list(experiment.values())[1:4] == ["-es", "-ee", "-ed"]
    assert list(experiment)[4:] == list(defaults)[5:-1]
    assert experiment["mark_best"] is True


# --- no trace


def test_it_needs_no_display_and_leaves_settings_and_pyplot_alone(tmp_path):
    text = f"""
import sys, matplotlib
before = matplotlib.rcParams.copy()
from rla.easy_plot.training_progress import plot_training_progress
plot_training_progress([1.0, 2.0, 3.0], path={str(tmp_path / "a.png")!r}, figsize=(3, 2), fontsize=6)
assert matplotlib.rcParams.copy() == before
assert "matplotlib.pyplot" not in sys.modules
"""
    environment = {name: value for name, value in os.environ.items() if name not in {"DISPLAY", "MPLBACKEND"}}
    subprocess.run([sys.executable, "-W", "error", "-c", text], env=environment, check=True, timeout=90)


def test_a_notebook_shows_it():
    figure = plot_training_progress(SCORES, figsize=(4, 3))
    with Image.open(io.BytesIO(figure._repr_png_())) as image:
        assert image.format == "PNG"
