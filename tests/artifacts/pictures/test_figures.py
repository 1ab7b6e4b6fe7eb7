from __future__ import annotations

import io
import threading
import time

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from rla.artifacts.pictures import figures
from rla.artifacts.pictures.figures import Look


@pytest.fixture(autouse=True)
def _no_open_figures():
    plt.close("all")
    yield
    plt.close("all")


def picture(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


PLAIN = Look()


def drawn(plot, look: Look = PLAIN, ending: str = ".png", close_new: bool = True) -> bytes:
    return figures.draw_with_pyplot(plot, look, ending, close_new=close_new)


def text_of(svg: bytes) -> str:
    return svg.decode()


def labelled() -> None:
    plt.plot([1, 2], label="agent")


def svg_with_text(plot, look: Look) -> str:
    with plt.rc_context({"svg.fonttype": "none"}):
        return text_of(drawn(plot, look, ".svg"))


def test_a_function_draws_into_a_new_figure_and_not_into_the_users():
    mine = plt.figure()
    drawn(lambda: plt.plot([1, 2]))
    assert not mine.axes


def test_the_users_figures_stay_open_and_the_current_one_current():
    first, second = plt.figure(), plt.figure()
    plt.figure(first)

    def plot() -> None:
        plt.subplots()
        plt.figure(second)
        plt.plot([1, 2])

    drawn(plot)
    assert plt.get_fignums() == [1, 2]
    assert plt.gcf() is first


def test_the_figure_that_the_function_makes_is_the_one_that_is_saved():
    png = drawn(lambda: plt.figure(facecolor="red"))
    assert (picture(png) == [255, 0, 0]).all(axis=2).mean() > 0.1


def test_the_figure_that_the_function_returns_is_the_one_that_is_saved():
    png = drawn(lambda: Figure(facecolor="lime"))
    assert (picture(png) == [0, 255, 0]).all(axis=2).mean() > 0.1


def test_a_function_that_closes_everything_leaves_its_figure_to_be_saved():
    def plot() -> None:
        plt.gcf().set_facecolor("red")
        plt.close("all")

    assert (picture(drawn(plot)) == [255, 0, 0]).any()


def test_a_figure_that_is_not_to_be_closed_is_the_current_one():
    drawn(lambda: plt.plot([1, 2, 3]), close_new=False)
    assert len(plt.get_fignums()) == 1
    assert plt.gca().lines[0].get_ydata().tolist() == [1, 2, 3]


def test_a_function_that_raises_leaves_no_figure():
    def plot() -> None:
        plt.figure()
        raise RuntimeError("no data yet")

    with pytest.raises(RuntimeError, match="no data yet"):
        drawn(plot, close_new=False)
    assert plt.get_fignums() == []


def test_show_inside_the_function_does_nothing_and_is_itself_again_afterwards():
    before = plt.show
    drawn(plt.show)
    assert plt.show is before


def test_settings_that_the_function_changes_hold_for_its_figure_only():
    before = dict(plt.rcParams)
    drawn(lambda: plt.rcParams.update({"lines.linewidth": 17}), Look(pretty=True))
    assert dict(plt.rcParams) == before


def test_labels_and_title_are_drawn_without_pretty():
    svg = svg_with_text(labelled, Look("an episode", "a return", "some title"))
    for text in ("an episode", "a return", "some title", "agent"):
        assert text in svg


def test_empty_labels_leave_what_the_function_wrote():
    assert "mine" in svg_with_text(lambda: plt.xlabel("mine"), Look())


def test_subplots_share_their_labels_and_title():
    def plot() -> None:
        _, axes = plt.subplots(2, 2)
        axes[0, 0].set_title("part")

    svg = svg_with_text(plot, Look("shared x", "shared y", "shared title"))
    for text in ("shared x", "shared y", "shared title", "part"):
        assert svg.count(f">{text}</text>") == 1


def test_subplots_do_not_overlap():
    figure = Figure()
    parts = figure.subplots(2, 1)
    for axes in parts:
        axes.set_title("title")
    figures.dress(figure, Look("x", "y", "t", pretty=True))
    figures.encode(figure)
    upper, lower = (axes.get_tightbbox() for axes in parts)
    assert upper.y0 >= lower.y1


def test_a_layout_of_the_users_own_is_kept():
    figure = Figure(layout="tight")
    figure.subplots(2, 1)
    figures.dress(figure, Look("x"))
    assert type(figure.get_layout_engine()).__name__ == "TightLayoutEngine"


def test_axes_have_a_grid_but_images_do_not():
    lines, image = Figure(), Figure()
    lines.subplots().plot([1, 2])
    image.subplots().imshow(np.zeros((3, 3)))
    for figure in (lines, image):
        figures.dress(figure, Look())
    assert any(line.get_visible() for line in lines.axes[0].get_xgridlines())
    assert not any(line.get_visible() for line in image.axes[0].get_xgridlines())


@pytest.mark.parametrize("outside", [True, False])
def test_without_labels_there_is_no_legend_and_no_warning(outside):
    figure = Figure()
    figure.subplots().plot([1, 2])
    figures.dress(figure, Look(legend_outside=outside))
    assert figure.axes[0].get_legend() is None
    assert not figure.legends


def test_an_outside_legend_is_right_of_the_axes_and_not_cut():
    def plot() -> None:
        plt.plot([1, 2], label="a very long name of an agent, " * 4)

    inside, outside = (picture(drawn(plot, Look(legend_outside=where))) for where in (False, True))
    assert outside.shape[1] > inside.shape[1] + 500
    assert (outside[:, -3:] == 255).all()  # a margin behind the legend's frame


def test_a_legend_that_was_drawn_is_the_one_that_is_moved_outside():
    figure = Figure()
    axes = figure.subplots()
    axes.legend(axes.plot([1, 2]), ["by hand"])
    figures.dress(figure, Look(legend_outside=True))
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["by hand"]


def test_twin_axes_have_one_legend():
    figure = Figure()
    left = figure.subplots()
    left.plot([1, 2], label="left")
    right = left.twinx()
    right.plot([2, 1], label="right")
    figures.dress(figure, Look("x"))
    assert left.get_legend() is None
    assert [text.get_text() for text in right.get_legend().get_texts()] == ["left", "right"]
    assert left.get_xlabel() == "x"


def test_a_legend_beside_a_color_bar_does_not_cover_it():
    figure = Figure()
    axes = figure.subplots()
    figure.colorbar(axes.imshow(np.eye(3)))
    axes.plot([0, 2], [0, 2], label="path")
    figures.dress(figure, Look(legend_outside=True))
    figures.encode(figure)
    (legend,) = figure.legends
    assert legend.get_window_extent().x0 > figure.axes[1].get_tightbbox().x1


@pytest.mark.parametrize("ending", figures.FORMATS)
def test_every_format_can_be_written(ending):
    assert len(drawn(labelled, ending=ending)) > 500


def test_text_in_a_pdf_is_truetype():
    pdf = drawn(labelled, Look("label"), ".pdf")
    assert b"/FontFile2" in pdf
    assert b"/Type3" not in pdf


def test_threads_do_not_draw_into_each_others_figures():
    found: dict[int, bytes] = {}

    def record(number: int) -> None:
        def plot() -> None:
            for _ in range(5):
                time.sleep(0.002)
                plt.plot([1, 2], label=f"line {number}")

        found[number] = drawn(plot, ending=".svg")

    with plt.rc_context({"svg.fonttype": "none"}):
        threads = [threading.Thread(target=record, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for number, svg in found.items():
        assert [other for other in range(4) if f"line {other}" in text_of(svg)] == [number]
    assert plt.get_fignums() == []


def test_a_figure_without_pyplot_is_drawn_the_same_way():
    png = figures.draw(lambda axes: axes.plot([1, 2]), Look("x", "y", "t", pretty=True), ".png")
    assert (picture(png) != 255).any()
    assert plt.get_fignums() == []
