"""plot_func with RLA's arguments, and none of the defects that RLA's had."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from PIL import Image

from rla.easy_plot import plot_func
from rla.easy_plot.plot_func_v2 import default_key_to_legend
from rla.errors import ConfigError, PlotDataError, RlaWarning

pytestmark = pytest.mark.usefixtures("untouched")


def course(*values: float, key: str = "return") -> list[tuple[int, dict[str, float]]]:
    return [(10 * place, {key: value}) for place, value in enumerate(values)]


def names(result) -> list[str]:
    return [text.get_text() for text in result.figure.legends[0].get_texts()]


@pytest.fixture
def draw(data_root):
    """plot_func on the data root, of all runs and grouped by lr unless something else is said."""

    def run(regs=("*",), split_keys=("lr",), metrics=("return",), **options):
        return plot_func(str(data_root), "demo", list(regs), list(split_keys), list(metrics), **options)

    return run


@pytest.fixture
def trained(record):
    for lr in (0.1, 0.2):
        for seed in (0, 2):
            record(course(*(10 * lr * place + seed for place in range(4))), lr=lr, seed=seed)


def test_it_gives_rla_s_pair_and_a_figure(draw, trained):
    artists, scores = result = draw()
    assert scores == {"return": {"lr=0.1": (4.0, pytest.approx(1.0), 2), "lr=0.2": (7.0, pytest.approx(1.0), 2)}}
    assert set(artists) == {("return", "lr=0.1"), ("return", "lr=0.2")}
    assert len(result.figure.axes) == 1
    assert result.data["n"].unique().tolist() == [2]
    assert result._repr_png_().startswith(b"\x89PNG")


def test_runs_need_not_have_recorded_at_the_same_steps(draw, record):
    record([(0, {"return": 0.0}), (10, {"return": 10.0})], lr=1, seed=0)
    record([(0, {"return": 0.0}), (4, {"return": 4.0}), (12, {"return": 12.0})], lr=1, seed=1)
    with pytest.warns(RlaWarning, match=r"\(all runs: 0 to 10 of 0 to 12\)"):
        data = draw().data
    assert (data["x"].tolist(), data["estimate"].tolist()) == ([0, 4, 10], [0, 4, 10])
    longer = draw(vary_len_plot=True).data
    assert (longer["x"].tolist(), longer["n"].tolist()) == ([0, 4, 10, 12], [2, 2, 2, 1])


def test_twelve_patterns_with_names_stay_twelve_curves(draw, record):
    for number in range(12):
        record(course(number, number), info=f"run-{number:02d}-")
    patterns = [f"*/*/*/*info=run-{number:02d}-*" for number in range(12)]
    with_names = draw(patterns, [], regs2legends=[f"L{number:02d}" for number in range(12)])
    assert {legend: score[0] for legend, score in with_names[1]["return"].items()} == {
        f"L{number:02d}": number for number in range(12)
    }


def test_each_metric_has_its_own_scores_and_panel_or_shares_one(draw, record):
    record([(0, {"perf/train_mse/loss": 1.0, "perf/eval_mse/loss": 2.0})], lr=1)
    metrics = ["perf/train_mse/loss", "perf/eval_mse/loss"]
    result = draw(metrics=metrics, ylabel=["train", "eval"])
    assert {metric: score[""][0] for metric, score in result[1].items()} == {metrics[0]: 1, metrics[1]: 2}
    assert [axes.get_ylabel() for axes in result.figure.axes] == ["train", "eval"]
    together = draw(metrics=metrics, split_by_metrics=False)
    assert len(together.figure.axes) == 1
    assert [key[1] for key in together[0]] == metrics


def test_the_filter_drops_runs_without_the_key(draw, record):
    record(course(1), lr=1)
    record(course(5), other=1)
    assert draw(split_keys=[], hp_filter_dict={"lr": ["1"]}).data["estimate"].tolist() == [1]
    with pytest.raises(PlotDataError, match="no run of task 'demo' fits"):
        draw(hp_filter_dict={"lr": [7]})


def test_a_function_of_the_user_names_the_groups(draw, trained):
    legend = lambda values, keys, metric, use_metric: f"{keys[0]} is {values['lr']}, {metric}, {use_metric}"
    assert list(draw(key_to_legend_fn=legend)[1]["return"]) == [
        "lr is 0.1, return, False",
        "lr is 0.2, return, False",
    ]
    assert list(draw(key_to_legend_fn=default_key_to_legend)[1]["return"]) == ["lr=0.1", "lr=0.2"]
    assert default_key_to_legend({"a": "1", "b": "2"}, ["a", "b"], "m") == "a=1, b=2 eval:m"


def test_groups_of_one_name_are_averaged_as_one(draw, trained):
    result = draw(key_to_legend_fn=lambda values, keys, metric, name_it: "all")
    assert result[1] == {"return": {"all": (5.5, pytest.approx(np.std([3, 5, 6, 8], ddof=1) / 2), 4)}}
    assert names(result) == ["all (n=4)"]
    twice = draw(["*", "*"], [], regs2legends=["A", "A"])
    assert {name: score[2] for name, score in twice[1]["return"].items()} == {"A": 4}


def test_a_single_pattern_key_or_metric_needs_no_list(trained, data_root):
    result = plot_func(str(data_root), "demo", "*/*/*/*", "lr", "return")
    assert names(result) == ["lr=0.1 (n=2)", "lr=0.2 (n=2)"]


def test_bounds_scales_and_smoothing_are_applied(draw, trained):
    assert draw(x_bound=20).data["x"].unique().tolist() == [0, 10]
    assert draw(x_bound=(10, 20)).data["x"].unique().tolist() == [10, 20]
    assert draw(scale_dict={"return": lambda series: series.abs() * 100}).data["estimate"].max() == 700
    smooth = draw(resample=50, smooth_step=3.0).data
    assert len(smooth) == 100
    assert "symmetric exponential average, decay 3 grid points" in smooth.attrs["method"]


def test_each_shade_that_is_asked_for_is_drawn_and_named(draw, trained):
    count = lambda result: len(result.figure.axes[0].collections)
    title = lambda result: result.figure.legends[0].get_title().get_text().replace("\n", " ")
    assert (count(draw()), title(draw())) == (4, "mean ± standard error, and lowest to highest run")
    only = draw(shaded_err=False, shaded_range=False, shaded_std=True)
    assert (count(only), title(only)) == (2, "mean ± standard deviation")
    none = draw(shaded_err=False, shaded_range=False)
    assert (count(none), title(none)) == (0, "mean")
    assert none[1]["return"]["lr=0.1"] == (4.0, pytest.approx(1.0), 2)


def test_single_runs_are_called_that_and_too_many_lines_are_told(draw, record):
    for number in range(30):
        record(course(number, number), lr=number)
    with pytest.warns(RlaWarning, match="30 lines cannot be told apart"):
        result = draw()
    assert result.figure.legends[0].get_title().get_text().startswith("single runs")
    assert len(names(result)) == 28


def test_looks_are_what_was_asked_for(draw, trained):
    looks = {
        "figsize": (4, 3),
        "xlim": (0, 20),
        "ylim": (1, 9),
        "log": True,
        "title": "T",
        "xlabel": "X",
        "ylabel": "Y",
    }
    result = draw(**looks, colors=["red", "blue"], use_marker=True, markers=["s", "d"], skip_legend=True, pretty=True)
    (axes,) = result.figure.axes
    assert (axes.get_xlim(), axes.get_ylim(), axes.get_yscale()) == ((0, 20), (1, 9), "log")
    assert (axes.get_title(), axes.get_xlabel(), axes.get_ylabel()) == ("T", "X", "Y")
    assert [line.get_color() for line in axes.lines] == ["red", "blue"]
    assert [line.get_marker() for line in axes.lines] == ["s", "d"]
    assert axes.lines[0].get_linewidth() == 2.2
    assert result.figure.legends == []


def test_reference_lines_numbers_columns_and_tiling(draw, trained):
    result = draw(bound_line=[[3.0, "green", ":", "expert"]], show_number=False, legend_ncol=2)
    assert names(result) == ["lr=0.1", "lr=0.2", "expert"]
    assert result.figure.legends[0]._ncols == 2
    assert any(line.get_color() == "green" for line in result.figure.axes[0].lines)
    inside = draw(legend_outside=False)
    assert inside.figure.axes[0].get_legend() is not None
    for tiling, rows in (("vertical", 2), ("horizontal", 1)):
        panels = draw(metrics=["return", "time-step"], tiling=tiling).figure.axes
        assert panels[0].get_subplotspec().get_gridspec().nrows == rows


def test_the_figure_is_saved_where_rla_saved_it_with_its_labels(draw, trained, data_root):
    draw(save_name="first", ylabel="points")
    draw(save_name="papers/second.pdf")
    with Image.open(data_root / "results/easy_plot/first.png") as image:
        pixels = np.asarray(image.convert("L"))
    assert (pixels[:, : pixels.shape[1] // 15] < 100).any()  # the y label
    assert (data_root / "results/easy_plot/papers/second.pdf").read_bytes().startswith(b"%PDF")


def test_nothing_is_written_beside_the_runs(draw, trained, data_root):
    before = sorted((data_root / "log").rglob("*"))
    draw(use_buf=True)
    assert sorted((data_root / "log").rglob("*")) == before


def test_damaged_runs_are_told_and_nothing_is_printed(draw, trained, record, runs, capsys, caplog):
    damaged = record(course(1), lr=0.1)
    (run,) = runs(uids=[damaged])
    run.paths.csv.write_text("return,time-step\n1,2,3\n", encoding="ascii")
    with caplog.at_level(logging.INFO, "rla"), pytest.warns(RlaWarning, match=damaged[:8]):
        draw(verbose=True)
    assert capsys.readouterr() == ("", "")
    assert "lr=0.1: 3 runs" in caplog.text
    assert damaged in caplog.text


def test_what_cannot_be_is_refused(draw, trained):
    with pytest.raises(ConfigError, match="1 names for 2 patterns"):
        draw(["*", "*"], regs2legends=["one"])
    with pytest.raises(PlotDataError, match="did you mean return"):
        draw(metrics=["retur"])
    with pytest.raises(PlotDataError, match=r"fits nosuch; a pattern is a path below the task's, as \*/\*"):
        draw(["nosuch"])
    with pytest.raises(TypeError):
        draw(nosuch_look=1)
