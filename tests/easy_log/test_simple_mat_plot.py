from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import rla
from rla import time_step_holder
from rla.artifacts.pictures import figures
from rla.easy_log import simple_mat_plot
from rla.easy_log.simple_mat_plot import simple_hist, simple_plot, simple_scatter
from rla.errors import NotConfiguredError, RlaWarning


@pytest.fixture
def run(data_root):
    with rla.init("t", {"seed": 1}, data_root=data_root, log_used=["csv"]) as run:
        time_step_holder.set_time(5)
        yield run
        assert dict(run.losses.counts) == {}


@pytest.fixture
def axes(monkeypatch):
    """The axes of each plot, as they are drawn."""
    seen = []
    dress = figures.dress

    def keep(figure, look):
        dress(figure, look)
        seen.append(figure.axes[0])

    monkeypatch.setattr(figures, "dress", keep)
    return seen


def width(path) -> int:
    with Image.open(path) as image:
        return image.width


def test_a_plot_is_a_png_of_its_name_without_a_step(run):
    assert simple_plot("losses", [1, 2, 3]) == run.results_dir / "losses.png"
    assert simple_scatter("points", [(1, 2), (3, 4)], ["a", "b"]) == run.results_dir / "points.png"
    assert simple_hist("hist", [1, 2, 2]) == run.results_dir / "hist.png"


def test_a_pretty_plot_is_a_pdf(run):
    path = simple_plot("losses", [1, 2, 3], pretty=True)
    assert path == run.results_dir / "losses.pdf"
    assert path.read_bytes().startswith(b"%PDF")


def test_save_path_is_a_directory_or_a_file(tmp_path):
    assert simple_plot("a", [1, 2], save_path=tmp_path / "new") == tmp_path / "new" / "a.png"
    assert simple_plot("a", [1, 2], save_path=str(tmp_path / "b.svg")) == tmp_path / "b.svg"
    assert (tmp_path / "b.svg").read_text().startswith("<?xml")


def test_cover_replaces_and_otherwise_a_free_name_is_taken(run):
    simple_plot("a", [1, 2])
    assert simple_plot("a", [1, 2]).name == "a-1.png"
    assert simple_plot("a", [1, 2], cover=True).name == "a.png"


def test_one_line_or_several_of_any_lengths_are_drawn(run, axes):
    simple_plot("one", [1, 2, 3])
    simple_plot("rows", np.zeros((3, 7)))
    simple_plot("ragged", [[1, 2], [1, 2, 3]], labels=["a", "b"], colors=["red", "k"], styles=["-", ":"], title="t")
    assert [len(found.lines) for found in axes] == [1, 3, 2]
    assert [line.get_label() for line in axes[2].lines] == ["a", "b"]
    assert [line.get_color() for line in axes[2].lines] == ["red", "k"]
    assert [line.get_linestyle() for line in axes[2].lines] == ["-", ":"]
    assert axes[2].get_title() == "t"


def test_lines_stand_where_x_says(run, axes):
    simple_plot("shared", x=[10, 20], y=[[1, 2], [3, 4]], labels="only one", xlabel="x", ylabel="y")
    simple_plot("own", x=[[10, 20], [1, 2, 3]], y=[[1, 2], [3, 4, 5]])
    assert [line.get_xdata().tolist() for line in axes[0].lines] == [[10, 20], [10, 20]]
    assert [line.get_xdata().tolist() for line in axes[1].lines] == [[10, 20], [1, 2, 3]]
    assert (axes[0].get_xlabel(), axes[0].get_ylabel()) == ("x", "y")


def test_further_arguments_reach_matplotlib(run, axes):
    simple_plot("a", [1, 2], marker="o", linewidth=7)
    assert (axes[0].lines[0].get_marker(), axes[0].lines[0].get_linewidth()) == ("o", 7)


def test_an_outside_legend_widens_the_picture(run):
    inside, outside = (simple_plot("a", [1, 2], labels="a long label", legend_outside=where) for where in (False, True))
    assert width(outside) > width(inside)


def test_points_have_their_texts_and_groups_a_legend(run, axes):
    simple_scatter("points", np.zeros((3, 2)), ["a", "b", "c"])
    simple_scatter("groups", [np.zeros((3, 2)), np.ones((5, 2))], ["first", "second"])
    assert [text.get_text() for text in axes[0].texts] == ["a", "b", "c"]
    assert [text.get_text() for text in axes[1].get_legend().get_texts()] == ["first", "second"]


def test_sets_of_a_histogram_share_their_bins_and_leave_out_what_is_not_finite(run, axes):
    simple_hist("a", [[0, 1, np.nan, np.inf], [9, 10]], labels=["a", "b"], colors=["red", "blue"], bins=10)
    bars = axes[0].patches
    assert len(bars) == 20
    assert sum(bar.get_height() for bar in bars) == 4
    assert (bars[0].get_x(), bars[0].get_width()) == (0, 1)


def test_nothing_to_draw_is_a_loss_and_no_error(tmp_path):
    simple_mat_plot.result_target("x", tmp_path).losses._said.clear()
    with pytest.warns(RlaWarning, match="give data"):
        assert simple_plot("a", save_path=tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_before_a_run_the_call_says_what_is_missing(monkeypatch):
    from rla.easy_log.current import current

    monkeypatch.setattr(current, "_run", None)
    with pytest.raises(NotConfiguredError, match="simple_hist: no run is being recorded"):
        simple_hist("a", [1])


def test_tensors_are_drawn(run, axes):
    torch = pytest.importorskip("torch")
    simple_plot("a", torch.ones(3, requires_grad=True))
    simple_plot("b", [torch.zeros(2), torch.ones(2)])
    assert [len(found.lines) for found in axes] == [1, 2]
