"""rla.plot: what it draws, the numbers it gives, and what it does with bad input."""

from __future__ import annotations

import math
import subprocess
import sys
import warnings

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

from rla.easy_plot.data_frame import COLUMNS
from rla.easy_plot.learning_curves import plot
from rla.errors import ConfigError, PlotDataError, RlaWarning
from rla.runs.query import query

pytestmark = pytest.mark.usefixtures("untouched")


def course(*values: float, every: int = 10, key: str = "return") -> list[tuple[int, dict[str, float]]]:
    return [(number * every, {key: value}) for number, value in enumerate(values)]


def numbers(data, group: str | None = None) -> dict[str, list[float]]:
    chosen = data if group is None else data[data["group"] == group]
    return {name: chosen[name].tolist() for name in ("x", "estimate", "n")}


def legend(figure: Figure) -> list[str]:
    drawn = figure.legends or [axes.get_legend() for axes in figure.axes if axes.get_legend()]
    return [drawn[0].get_title().get_text().replace("\n", " "), *(text.get_text() for text in drawn[0].get_texts())]


def rendered(figure: Figure) -> np.ndarray:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())


@pytest.fixture
def two_groups(record):
    for lr in (0.1, 0.2):
        for seed in range(3):
            record(course(*(lr * 10 * step + seed for step in range(5))), lr=lr, seed=seed, gamma=0.9)


class TestNumbers:
    def test_runs_that_differ_in_their_seed_are_averaged(self, data_root, two_groups):
        _, data = plot(query(data_root), "return", band="minmax")
        assert numbers(data, "lr=0.1") == {"x": [0, 10, 20, 30, 40], "estimate": [1, 2, 3, 4, 5], "n": [3] * 5}
        first = data.iloc[0]
        assert (first["low"], first["high"], first["lr"], first["metric"], first["panel"]) == (
            *(0, 2, "0.1"),
            *("return", "return"),
        )
        assert list(data.columns) == [*COLUMNS, "lr"]
        assert "mean and lowest to highest run" in data.attrs["method"]

    def test_runs_that_go_on_from_each_other_are_one_curve(self, data_root):
        import rla

        config = {"DL_FRAMEWORK": "numpy", "LOG_USED": ["csv"]}

        def record(first, last):
            for step in range(first, last):
                rla.time_step_holder.set_time(step)
                rla.logger.record_tabular("return", float(step))
                rla.logger.dump_tabular()
            rla.exp_manager.save_checkpoint({"w": np.zeros(1)})

        with rla.init("task", {"seed": 1}, data_root=data_root, config=config):
            record(0, 4)
        with rla.resume("last", data_root=data_root, config=config) as resumed:
            record(resumed.step + 1, 8)
        _, data = plot(query(data_root), "return", points=None, band=None)
        assert numbers(data) == {"x": [*range(8)], "estimate": [*map(float, range(8))], "n": [1] * 8}
        with pytest.warns(RlaWarning):  # the same seed twice
            _, apart = plot(query(data_root), "return", points=None, band=None, families=False)
        assert set(apart["n"]) == {2}

    def test_the_types_of_the_columns_are_fixed(self, data_root, two_groups):
        _, data = plot(query(data_root), "return")
        assert data.dtypes.astype(str).to_dict() == {
            **dict.fromkeys(("panel", "metric", "group", "lr"), "str"),
            **dict.fromkeys(("x", "estimate", "low", "high"), "float64"),
            "n": "int64",
        }

    def test_curves_are_averaged_only_where_they_overlap(self, data_root, record):
        record(course(1, 1, 1, 1, 1, 1), seed=0)
        record(course(3, 3, 3), seed=1)
        with pytest.warns(RlaWarning, match=r"return is drawn only where .*\(all runs: 0 to 20 of 0 to 50\)"):
            _, data = plot(query(data_root), "return", points=None)
        assert numbers(data) == {"x": [0, 10, 20], "estimate": [2, 2, 2], "n": [2, 2, 2]}

    def test_ends_that_differ_a_little_are_not_told(self, data_root, record):
        record(course(*range(20)), seed=0)
        record(course(*range(19)), seed=1)
        _, data = plot(query(data_root), "return", points=None)
        assert data["x"].max() == 180

    def test_over_the_union_the_number_of_runs_is_in_the_data_and_in_the_figure(self, data_root, record):
        record(course(1, 1, 1, 1), seed=0)
        record(course(3, 3), seed=1)
        figure, data = plot(query(data_root), "return", points=None, align="union")
        assert numbers(data) == {"x": [0, 10, 20, 30], "estimate": [2, 2, 1, 1], "n": [2, 2, 1, 1]}
        assert legend(figure)[1:] == ["1 to 2 runs", "fewer runs"]
        solid, dotted = figure.axes[0].lines
        assert (solid.get_linestyle(), dotted.get_linestyle()) == ("-", ":")
        assert np.isnan(solid.get_ydata()).tolist() == [False, False, True, True]
        assert np.isnan(dotted.get_ydata()).tolist() == [True, False, False, False]

    def test_unequal_steps_meet_on_a_grid_by_straight_lines(self, data_root, record):
        record([(0, {"return": 0.0}), (100, {"return": 10.0})], seed=0)
        record([(0, {"return": 2.0}), (40, {"return": 2.0}), (100, {"return": 8.0})], seed=1)
        _, data = plot(query(data_root), "return", points=6)
        assert data["x"].tolist() == [0, 20, 40, 60, 80, 100]
        assert data["estimate"].tolist() == pytest.approx([1, 2, 3, 5, 7, 9])

    def test_nan_and_infinity_do_not_spread_and_are_told(self, data_root, record):
        record(course(1, math.nan, 3, 4), seed=0)
        record(course(1, 2, math.inf, 4), seed=1)
        with pytest.warns(RlaWarning, match="1 of 4 values of return are no finite numbers"):
            _, data = plot(query(data_root), "return")
        assert np.isfinite(data["estimate"]).all()
        assert data["estimate"].iloc[[0, -1]].tolist() == [1, 4]

    def test_two_segments_after_a_resume_are_one_rising_curve(self, data_root, record):
        record(
            [(step, {"return": float(value)}) for step, value in ((0, 0), (10, 1), (20, 2), (10, 5), (20, 6), (30, 7))]
        )
        _, data = plot(query(data_root), "return")
        assert numbers(data) == {"x": [0, 10, 20, 30], "estimate": [0, 5, 6, 7], "n": [1, 1, 1, 1]}

    def test_the_wall_clock_is_in_hours_since_each_run_s_start(self, data_root, record):
        record(course(1, 2))
        run = query(data_root)[0]
        begin = run.row["started"]
        run.paths.csv.write_text(
            f"return,time-step,timestamp\n1,0,{begin + 1800}\n2,1,{begin + 7200}\n", encoding="ascii"
        )
        figure, data = plot(query(data_root), "return", x="timestamp")
        assert data["x"].tolist() == pytest.approx([0.5, 2.0])
        assert figure.axes[0].get_xlabel() == "hours since the start"

    def test_any_recorded_key_can_be_the_x(self, data_root, record):
        record([(0, {"return": 1.0, "episodes": 5}), (9, {"return": 2.0, "episodes": 8})])
        figure, data = plot(query(data_root), "return", x="episodes")
        assert (data["x"].tolist(), figure.axes[0].get_xlabel()) == ([5, 8], "episodes")

    def test_values_are_scaled_before_anything_else(self, data_root, record):
        record(course(1, 2))
        _, data = plot(query(data_root), "return", scale={"return": lambda values: values * 100})
        assert data["estimate"].tolist() == [100, 200]

    def test_smoothing_is_done_for_each_run_and_stated(self, data_root, record):
        record(course(0, 3, 6), seed=0)
        record(course(0, 0, 0), seed=1)
        _, data = plot(query(data_root), "return", smooth=3)
        assert data["estimate"].tolist() == [0.75, 1.5, 2.25]
        assert "centred window of 3 points" in data.attrs["method"]

    def test_the_same_call_gives_the_same_interval(self, data_root, record):
        for seed in range(8):
            record(course(seed, seed**2), seed=seed)
        first, second = (plot(query(data_root), "return")[1] for _ in range(2))
        assert first.equals(second)
        assert not plot(query(data_root), "return", random_seed=1)[1].equals(first)


class TestSelection:
    def test_runs_come_in_every_form_that_a_caller_has(self, data_root, two_groups):
        every = query(data_root)
        for chosen in (every, list(every), every[0], {"task": "demo"}, "lr == 0.1", {"where": "lr == 0.1"}, None):
            figure, data = plot(chosen, "return", data_root=data_root)
            assert isinstance(figure, Figure)
            assert len(data) > 0

    def test_groups_are_what_the_keys_say(self, data_root, two_groups):
        groups = lambda **keywords: list(dict.fromkeys(plot(query(data_root), "return", **keywords)[1]["group"]))
        assert groups() == groups(group_by="lr") == groups(group_by=["lr", "gamma"]) == ["lr=0.1", "lr=0.2"]
        with pytest.warns(RlaWarning, match="2 runs have seed=0, and each counts"):
            assert groups(group_by=[]) == ["all runs"]
        assert groups(group_by="seed", seeds=None) == ["seed=0", "seed=1", "seed=2"]

    def test_a_hyperparameter_can_make_the_panels(self, data_root, record):
        for env in ("Ant", "Hopper"):
            for lr in (1, 2):
                record(course(1, 2), env_id=env, lr=lr)
        figure, data = plot(query(data_root), "return", panels="env_id")
        assert [axes.get_title() for axes in figure.axes] == ["Ant", "Hopper"]
        by_panel = {panel: list(part["group"].unique()) for panel, part in data.groupby("panel")}
        assert by_panel == {"Ant": ["lr=1", "lr=2"], "Hopper": ["lr=1", "lr=2"]}

    def test_metrics_have_panels_or_share_one(self, data_root, record):
        record([(0, {"a": 1.0, "b": 2.0}), (1, {"a": 1.0, "b": 2.0})], seed=1)
        figure, _ = plot(query(data_root), ["a", "b"])
        assert [axes.get_ylabel() for axes in figure.axes] == ["a", "b"]
        figure, data = plot(query(data_root), ["a", "b"], panels=None)
        assert len(figure.axes) == 1
        assert list(data["group"].unique()) == ["a", "b"]
        assert numbers(data, "b")["estimate"] == [2, 2]


class TestFigure:
    def test_line_and_band_are_named_in_the_legend(self, data_root, two_groups):
        figure, _ = plot(query(data_root), "return", estimate="iqm")
        assert legend(figure) == ["interquartile mean, 95 % bootstrap interval", "lr=0.1 (n=3)", "lr=0.2 (n=3)"]

    def test_single_runs_have_no_band_and_the_legend_says_so(self, data_root, record):
        for lr in (1, 2):
            record(lr=lr)
        figure, data = plot(query(data_root), "return")
        assert data["low"].isna().all()
        assert legend(figure)[0] == "single runs: no average, no band"
        assert list(figure.axes[0].collections) == []

    def test_it_draws_into_axes_that_it_is_given(self, data_root, two_groups):
        mine = Figure()
        left, right = mine.subplots(1, 2)
        figure, _ = plot(query(data_root), "return", ax=right)
        assert figure is mine
        assert (len(left.lines), len(right.lines)) == (0, 2)
        with pytest.raises(PlotDataError, match="1 panels"):
            plot(query(data_root), "return", ax=[left, right])

    def test_looks_are_what_was_asked_for(self, data_root, two_groups):
        look = {
            "title": "T",
            "xlabel": "X",
            "ylabel": "Y",
            "xlim": (1, 9),
            "ylim": (1, 5),
            "log": True,
            "figsize": (3, 2),
        }
        figure, _ = plot(query(data_root), "return", **look, colors=["red", "blue"], markers=True, legend="none")
        (axes,) = figure.axes
        assert (axes.get_title(), axes.get_xlabel(), axes.get_ylabel(), axes.get_yscale()) == ("T", "X", "Y", "log")
        assert (axes.get_xlim(), axes.get_ylim(), tuple(figure.get_size_inches())) == ((1, 9), (1, 5), (3, 2))
        assert [line.get_color() for line in axes.lines] == ["red", "blue"]
        assert [line.get_marker() for line in axes.lines] == ["o", "v"]
        assert axes.get_legend() is None

    def test_settings_of_the_caller_hold_for_it(self, data_root, two_groups):
        with mpl.rc_context({"font.size": 5, "lines.linewidth": 7}):
            figure, _ = plot(query(data_root), "return")
        assert figure.axes[0].xaxis.label.get_fontsize() == 5
        assert figure.axes[0].lines[0].get_linewidth() == 7

    def test_names_are_shown_as_they_are_whatever_they_hold(self, data_root, record):
        for text in ("$x", "_a$b$", "a&b", "a_b^c", "\\frac", "ü"):
            record([(0, {"ret$urn_&": 1.0}), (1, {"ret$urn_&": 2.0})], name=text)
        figure, _ = plot(query(data_root), "ret$urn_&")
        assert sorted(legend(figure)[1:]) == sorted(
            f"name={text} (n=1)" for text in ("$x", "_a$b$", "a&b", "a_b^c", "\\frac", "ü")
        )
        assert figure.axes[0].get_ylabel() == "ret$urn_&"
        assert rendered(figure).shape[2] == 4

    def test_in_a_notebook_the_figure_shows_itself_without_pyplot(self, data_root, two_groups):
        figure, _ = plot(query(data_root), "return")
        assert figure._repr_png_().startswith(b"\x89PNG")

    def test_something_is_drawn_where_the_values_are(self, data_root, two_groups):
        figure, _ = plot(query(data_root), "return", legend="none")
        colors = rendered(figure)[..., :3].reshape(-1, 3)
        for color in ((0x00, 0x72, 0xB2), (0xD5, 0x5E, 0x00)):
            assert (np.abs(colors.astype(int) - color).max(axis=1) < 3).sum() > 50

    def test_no_window_is_needed_and_pyplot_is_not_imported(self, data_root, two_groups, tmp_path):
        text = f"""
import sys
from rla.easy_plot.learning_curves import plot
figure, _ = plot(None, "return", data_root={str(data_root)!r})
figure.savefig({str(tmp_path / "a.png")!r})
assert "matplotlib.pyplot" not in sys.modules
"""
        environment = {
            "PATH": "/usr/bin",
            "HOME": str(tmp_path),
            "MPLBACKEND": "TkAgg",
            "PYTHONPATH": ":".join(sys.path),
        }
        done = subprocess.run(
            [sys.executable, "-c", text], env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


class TestBadInput:
    def test_a_key_of_the_seeds_that_no_run_has_is_told(self, data_root, two_groups):
        with pytest.raises(PlotDataError, match="did you mean seed"):
            plot(query(data_root), "return", seeds="sed")

    def test_a_scale_gives_a_value_for_each(self, data_root, two_groups):
        with pytest.raises(PlotDataError, match=r"the scale of return made shape \(4,\) of \(5,\)"):
            plot(query(data_root), "return", scale={"return": lambda values: values[1:]})

    def test_there_are_as_many_labels_as_panels(self, data_root, record):
        record([(0, {"a": 1.0, "b": 2.0}), (1, {"a": 1.0, "b": 2.0})])
        with pytest.raises(ConfigError, match=r"ylabel has 1 texts for 2 panels \(a, b\)"):
            plot(query(data_root), ["a", "b"], ylabel=["A"])

    def test_no_run_is_an_error_that_says_so(self, data_root, two_groups):
        with pytest.raises(PlotDataError, match="no run is selected"):
            plot(query(data_root, task="nosuch"), "return")

    def test_a_metric_that_nobody_recorded_names_the_nearest(self, data_root, record):
        record([(0, {"eval/return": 1.0, "loss": 2.0})])
        with pytest.raises(PlotDataError, match="did you mean eval/return") as told:
            plot(query(data_root), "eval/retrun")
        assert told.value.name == "eval/retrun"
        with pytest.raises(PlotDataError, match="no run recorded 'epoch'"):
            plot(query(data_root), "loss", x="epoch")

    def test_runs_without_the_metric_and_damaged_ones_are_listed_and_skipped(self, data_root, record):
        good = record(course(1, 2), seed=0)
        other = record(course(1, key="loss"), seed=1)
        damaged, gone = record(course(5, 6), seed=2), record(course(7, 8), seed=3)
        found = query(data_root)
        by_uid = {run.uid: run for run in found}
        by_uid[damaged].paths.csv.write_text("return,time-step,timestamp\n1,0,0,0,0,0\n", encoding="ascii")
        by_uid[gone].paths.csv.unlink()
        with pytest.warns(RlaWarning) as told:
            _, data = plot(found, "return")
        text = str(told[0].message)
        assert f"run {other[:8]}: left out of return: nothing was recorded under that name" in text
        assert f"run {damaged[:8]}: left out: its progress.csv cannot be read" in text
        assert f"run {gone[:8]}: left out:" in text
        assert good[:8] not in text
        assert numbers(data) == {"x": [0, 10], "estimate": [1, 2], "n": [1, 1]}

    @pytest.mark.parametrize("content", ["", "return,time-step,timestamp\n", "return,time-step,timestamp\na,b,c\n"])
    def test_empty_header_only_and_text_tables_are_left_out(self, data_root, record, content):
        record(course(1, 2), seed=0)
        empty = record(seed=1)
        query(data_root, uids=[empty])[0].paths.csv.write_text(content, encoding="ascii")
        with pytest.warns(RlaWarning, match=empty[:8]):
            _, data = plot(query(data_root), "return")
        assert data["n"].tolist() == [1, 1]
        with pytest.raises(PlotDataError, match=r"nothing to draw|recorded 'return'"):
            plot(query(data_root, uids=[empty]), "return")

    def test_a_run_that_is_still_being_written_is_drawn_as_far_as_it_is_whole(self, data_root, record):
        record(course(1, 2))
        (run,) = query(data_root)
        with run.paths.csv.open("ab") as file:
            file.write(b"999,20")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            _, data = plot([run], "return")
        assert data["estimate"].tolist() == [1, 2]

    def test_one_dump_is_a_visible_point(self, data_root, record):
        record(course(5))
        figure, data = plot(query(data_root), "return")
        assert numbers(data) == {"x": [0], "estimate": [5], "n": [1]}
        assert figure.axes[0].lines[0].get_marker() == "o"

    def test_many_groups_have_a_legend_that_reads_and_a_warning(self, data_root, record):
        from rla.runs.run import Run

        record(course(1, 2), number=0)
        (run,) = query(data_root)
        many = [
            Run({**run.row, "uid": f"{n:016x}", "hyperparameters": {"n": n}}, run.paths, alive=False)
            for n in range(500)
        ]
        with pytest.warns(RlaWarning, match="500 lines cannot be told apart"):
            figure, data = plot(many, "return")
        assert data["group"].nunique() == 500
        names = legend(figure)
        assert len(names) < 40
        assert names[-1] == "... and 473 more"
        (drawn,) = figure.legends
        rendered(figure)
        assert drawn.get_window_extent().height <= figure.bbox.height

    def test_a_seed_that_comes_twice_is_told(self, data_root, record):
        for _ in range(2):
            record(seed=1)
        with pytest.warns(RlaWarning, match="2 runs have seed=1, and each counts"):
            plot(query(data_root), "return")

    def test_runs_without_common_steps_are_told_and_the_union_helps(self, data_root, record):
        record([(0, {"return": 1.0}), (1, {"return": 1.0})], seed=0)
        record([(5, {"return": 1.0}), (6, {"return": 1.0})], seed=1)
        with pytest.raises(PlotDataError, match="ask for the union"):
            plot(query(data_root), "return")
        assert plot(query(data_root), "return", align="union")[1]["n"].max() == 1

    @pytest.mark.parametrize(
        "wrong",
        [{"band": "sd"}, {"estimate": "max"}, {"smooth": "box"}, {"align": "x"}, {"points": 1}, {"legend": "top"}],
    )
    def test_what_is_no_option_is_refused_with_what_there_is(self, data_root, two_groups, wrong):
        with pytest.raises(ConfigError, match=str(next(iter(wrong.values())))):
            plot(query(data_root), "return", **wrong)

    def test_without_a_metric_there_is_nothing_to_draw(self, data_root, two_groups):
        with pytest.raises(PlotDataError, match="metric"):
            plot(query(data_root))
