"""plot_saved_images on recorded runs."""

from __future__ import annotations

import logging

import numpy as np
import pytest

import rla
from rla import time_step_holder
from rla.easy_log.complex_data_recorder import ImgRecorder
from rla.easy_plot.image_grid import Tile, draw_grid
from rla.easy_plot.saved_images import plot_saved_images
from rla.errors import ConfigError, PlotDataError, RlaWarning


@pytest.fixture
def record_images(data_root):
    """Record a run with an image of one brightness for each step and name; its results directory."""

    def run(steps, names=("view",), **given):
        with rla.init("demo", given, data_root=data_root, log_used=["csv"]) as made:
            for step in steps:
                time_step_holder.set_time(step)
                for name in names:
                    ImgRecorder.save(name, np.full((8, 8), step, np.uint8))
        return made.results_dir

    return run


def titles(figure):
    return [axes.get_title() for axes in figure.axes if axes.images]


def test_each_run_shows_its_newest_image_with_what_tells_it_from_the_others(data_root, record_images):
    record_images([100, 20], lr=0.1, env="CartPole")
    record_images([7], lr=0.2, env="CartPole")
    figure, shown = plot_saved_images(data_root, "demo", ["*"], ["view"])
    assert titles(figure) == ["lr=0.1\nview at 100", "lr=0.2\nview at 7"]
    assert [image.step for image in shown] == [100, 7]
    brightness = [int(axes.images[0].get_array()[0, 0, 0]) for axes in figure.axes if axes.images]
    assert brightness == [100, 7]
    assert all(image.path.is_file() for image in shown)


def test_several_images_of_a_run_stand_in_a_row(data_root, record_images):
    record_images([1, 2, 3], names=("view", "map"), lr=0.1)
    record_images([4], lr=0.2)
    figure, shown = plot_saved_images(data_root, "demo", ["*"], ["*.png"], max_keep_num=2)
    assert [(image.name, image.step) for image in shown] == [
        ("map", 3),
        ("map", 2),
        ("view", 3),
        ("view", 2),
        ("view", 4),
    ]
    grid = figure.axes[0].get_gridspec()
    assert (grid.nrows, grid.ncols) == (2, 4)


def test_single_images_make_a_square(data_root, record_images):
    for seed in range(5):
        record_images([1], seed=seed)
    figure, _ = plot_saved_images(data_root, "demo", ["*"], ["view"])
    grid = figure.axes[0].get_gridspec()
    assert (grid.nrows, grid.ncols) == (2, 3)
    assert titles(figure)[3] == "seed=3\nview at 1"


def test_many_images_of_one_run_make_a_square_and_wide_ones_a_column(data_root, record_images):
    record_images([1], names=("a", "b", "c", "d"))
    grid = plot_saved_images(data_root, "demo", ["*"], ["*"])[0].axes[0].get_gridspec()
    assert (grid.nrows, grid.ncols) == (2, 2)
    wide = [Tile(name, np.zeros((40, 240, 3), np.uint8)) for name in "abcd"]
    figure = draw_grid(wide, [4])
    assert (figure.axes[0].get_gridspec().nrows, figure.axes[0].get_gridspec().ncols) == (4, 1)
    width, height = figure.get_size_inches()
    assert width < 2 * height


def test_patterns_and_filter_choose_the_runs_each_once(data_root, record_images):
    for lr in (0.1, 0.2):
        for seed in range(2):
            record_images([1], lr=lr, seed=seed)
    _, shown = plot_saved_images(data_root, "demo", ["*", "20*"], ["view"], {"lr": ["0.1"], "seed": [1, 7]})
    assert [image.run.hyperparameters for image in shown] == [{"lr": 0.1, "seed": 1}]


def test_an_image_that_cannot_be_read_is_named_and_the_others_are_shown(data_root, record_images):
    record_images([1], seed=0)
    (record_images([1], seed=1) / "1-view.png").write_bytes(b"no image")
    with pytest.warns(RlaWarning, match=r"1-view\.png cannot be shown"):
        _, shown = plot_saved_images(data_root, "demo", ["*"], ["view"])
    assert [image.run.hyperparameters["seed"] for image in shown] == [0]


def test_only_unreadable_images_are_an_error(data_root, record_images):
    (record_images([1], seed=1) / "1-view.png").write_bytes(b"no image")
    with pytest.warns(RlaWarning), pytest.raises(PlotDataError, match="none of the 1 images"):
        plot_saved_images(data_root, "demo", ["*"], ["view"])


def test_names_that_nobody_kept_are_told_with_the_nearest(data_root, record_images):
    record_images([1], names=("observation",), seed=0)
    with pytest.raises(PlotDataError, match=r"no image observatoin; did you mean observation\?"):
        plot_saved_images(data_root, "demo", ["*"], ["observatoin"])


def test_runs_that_are_not_there_are_told(data_root, record_images):
    record_images([1], seed=0)
    with pytest.raises(PlotDataError, match="no run of task 'other' fits"):
        plot_saved_images(data_root, "other", ["*"], ["view"])
    with pytest.raises(PlotDataError, match=r"with \{'seed': 5\}"):
        plot_saved_images(data_root, "demo", ["*"], ["view"], {"seed": 5})


def test_keeping_none_is_refused(data_root, record_images):
    with pytest.raises(ConfigError, match="max_keep_num is the number 0"):
        plot_saved_images(data_root, "demo", ["*"], ["view"], max_keep_num=0)


def test_what_was_found_goes_to_the_logger_and_nothing_is_printed(data_root, record_images, caplog, capsys):
    record_images([1], seed=0)
    with caplog.at_level(logging.INFO, "rla"):
        plot_saved_images(data_root, "demo", ["*"], ["view"], verbose=True)
    assert caplog.messages[-1] == "1 images of 1 runs"
    assert any("1-view.png" in message for message in caplog.messages)
    caplog.clear()
    with caplog.at_level(logging.INFO, "rla"):
        plot_saved_images(data_root, "demo", ["*"], ["view"], summarize_res=False)
    assert caplog.messages == []
    assert capsys.readouterr() == ("", "")


def test_a_caption_is_shown_as_it_is_and_long_ones_are_wrapped(data_root, record_images, tmp_path):
    record_images([1], names=("$x_1$",), note="a long note that says what this run was about " * 4)
    record_images([1], names=("$x_1$",), note="short")
    figure, _ = plot_saved_images(data_root, "demo", ["*"], ["*"])
    assert max(len(line) for title in titles(figure) for line in title.splitlines()) <= 40
    assert "_x_1_ at 1" in titles(figure)[1] or "$x_1$ at 1" in titles(figure)[1]
    figure.savefig(tmp_path / "grid.png")
    assert (tmp_path / "grid.png").stat().st_size > 1000


def test_nothing_of_matplotlib_is_left_behind(data_root, record_images, untouched):
    record_images([1], seed=0)
    plot_saved_images(data_root, "demo", ["*"], ["view"])
