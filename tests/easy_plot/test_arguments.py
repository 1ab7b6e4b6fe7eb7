"""Arguments of another kind than a function takes: the caller is told what to give, and never sees our insides."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

import rla
from rla.easy_plot import plot_func
from rla.easy_plot.saved_images import plot_saved_images
from rla.errors import ConfigError, RlaError, SelectionError
from rla.runs.query import query

ODD = (
    *(3, -1, 2.5, float("nan"), float("inf"), 10**400, True, np.float64(3), np.arange(3)),
    *("nothing", "", b"x", "a\0b", [3], [None], ["x", 3], [[1]], (1,), (1, 2, 3), ("a", "b"), (float("nan"), 1)),
    *({"a": 1}, {1, 2}, range(2), object(), object, len, None),
)
"""Values of many kinds. What a function cannot take it must refuse; it may take some."""

FAULTS = (TypeError, AttributeError, KeyError, IndexError, OverflowError, AssertionError)
"""What a user sees of our insides; a ``ValueError`` must be ours, too."""


@pytest.fixture
def runs(record):
    for lr in (0.1, 0.2):
        for seed in (0, 1):
            record([(step, {"return": lr * step + seed}) for step in range(3)], lr=lr, seed=seed)


def refuse_or_take(call) -> None:
    """Whatever happens is a result or an error of ours."""
    try:
        with np.errstate(all="ignore"):
            call()
    except RlaError as error:
        assert len(str(error)) < 1000, error
    except (ValueError, *FAULTS) as error:
        pytest.fail(f"{type(error).__name__}: {error}")


PLOT = [
    *("metrics", "group_by", "seeds", "x", "band", "estimate", "smooth", "align", "points", "panels", "ax", "scale"),
    *("title", "xlabel", "ylabel", "xlim", "ylim", "log", "figsize", "legend", "colors", "markers", "show_n"),
    *("families", "resamples", "random_seed", "runs"),
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", PLOT)
def test_plot_refuses_with_advice_what_it_cannot_take(data_root, runs, name):
    found = query(data_root)
    for odd in ODD:
        given = {"runs": found, "metrics": "return", "data_root": data_root, "resamples": 5, "points": 5, name: odd}
        refuse_or_take(lambda given=given: rla.plot(**given))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "name",
    [
        *("selection", "metric", "group_by", "seeds", "baseline", "environment", "score", "estimate"),
        *("lower_is_better", "references", "target", "level", "resamples", "seed"),
    ],
)
def test_compare_refuses_with_advice_what_it_cannot_take(data_root, runs, name, monkeypatch):
    monkeypatch.chdir(data_root)
    found = query(data_root)
    for odd in ODD:
        given = {"selection": found, "metric": "return", "resamples": 5, name: odd}
        refuse_or_take(lambda given=given: rla.compare(**given))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "name",
    [
        *("task_table_name", "regs", "split_keys", "metrics", "x_bound", "xlabel", "ylabel", "scale_dict"),
        *("hp_filter_dict", "resample", "smooth_step", "legend_ncol", "bound_line", "markers", "colors"),
        *("tiling", "figsize", "xlim", "ylim", "log", "title"),
    ],
)
def test_plot_func_refuses_with_advice_what_it_cannot_take(data_root, runs, name):
    known = {"task_table_name": "demo", "regs": "*", "split_keys": "lr", "metrics": "return", "use_marker": True}
    for odd in ODD:
        refuse_or_take(lambda odd=odd: plot_func(data_root, **{**known, name: odd}))


@pytest.mark.parametrize("name", ["task_table_name", "regs", "img_names", "hp_filter_dict", "max_keep_num"])
def test_saved_images_refuse_with_advice_what_they_cannot_take(data_root, runs, name):
    known = {"task_table_name": "demo", "regs": "*", "img_names": "*"}
    for odd in ODD:
        refuse_or_take(lambda odd=odd: plot_saved_images(data_root, **{**known, name: odd}))


@pytest.mark.parametrize(
    "name", ["task", "where", "regex", "glob", "since", "until", "tag", "batch", "uids", "sort", "limit"]
)
def test_query_refuses_with_advice_what_it_cannot_take(data_root, runs, name):
    for odd in ODD:
        refuse_or_take(lambda odd=odd: query(data_root, **{name: odd}))


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"metrics": 3}, "metrics is the number 3; give a text or a list of texts, as 'return' or ['return']"),
        ({"metrics": ["return", 3]}, "one of metrics is the number 3; give a text or a list of texts"),
        ({"group_by": object()}, "group_by is a object; give a text or a list of texts, as 'lr' or ['lr']"),
        ({"group_by": {"lr": 0.1}}, "group_by is a mapping; give a text or a list of texts"),
        ({"seeds": 3}, "seeds is the number 3; give the name of a hyperparameter, as 'seed', or None"),
        ({"smooth": "x"}, "smooth is 'x'; give a width in points as 11, 'ema:5000'"),
        ({"points": 2.5}, "points is the number 2.5; give a whole number, 2 or more"),
        ({"log": "x"}, "log is 'x'; give True or False"),
        ({"xlim": 3}, "xlim is the number 3; give two numbers, as (0, 100)"),
        ({"figsize": (6, -1)}, "figsize is a list; give width and height in inches, as (6, 4)"),
        ({"ylabel": 3}, "ylabel is the number 3; give text, or a text for each panel"),
        ({"scale": np.log10}, "scale is a ufunc; give a function for each metric, as {'return': np.log10}"),
        ({"colors": ["red", "nope"]}, "colors has 'nope'; give colours of matplotlib"),
        ({"markers": ["oo"]}, "markers has 'oo'; give markers of matplotlib"),
        ({"ax": Figure()}, "ax is a Figure; give axes of a figure, as plt.subplots() makes them"),
        ({"resamples": 10**9}, "resamples is the number 1000000000; give a whole number from 1 to 1000000"),
        ({"runs": 3}, "the selection of runs is the number 3; give what rla.query gives"),
        ({"runs": ["6f1050a1"]}, "one of the runs is '6f1050a1'; give what rla.query gives"),
        ({"runs": {"tsak": "demo"}}, "runs cannot be chosen by 'tsak'; did you mean task?"),
    ],
)
def test_the_message_says_what_it_is_and_what_to_give(data_root, runs, wrong, told):
    with pytest.raises(ConfigError) as caught:
        rla.plot(**{"runs": query(data_root), "metrics": "return", **wrong})
    assert told in str(caught.value)
    assert caught.value.key == next(iter(wrong)) or "tsak" in told


def test_a_selection_that_is_no_text_says_what_to_give(data_root, runs):
    with pytest.raises(SelectionError, match=r"where is the number 3; give text, as 'lr <= 0\.1'"):
        query(data_root, where=3)
    with pytest.raises(SelectionError, match="one of uids is the number 3; give texts"):
        query(data_root, uids=[3])


@pytest.mark.filterwarnings("error")
def test_what_arrays_tables_and_colour_maps_hold_is_taken(data_root, runs):
    colors = mpl.colormaps["viridis"](np.linspace(0, 1, 2))
    names = pd.Index(["return"])
    figure, data = rla.plot(query(data_root), names, group_by=np.array(["lr"]), xlim=np.array([0, 2]), colors=colors)
    assert set(data["group"]) == {"lr=0.1", "lr=0.2"}
    assert figure.axes[0].lines[0].get_color() == pytest.approx(tuple(colors[0]))
    assert rla.plot(iter(query(data_root)), iter(["return"]), points=np.int64(5))[1]["n"].tolist() == [2] * 6


def test_one_colour_is_a_list_of_one(data_root, runs):
    figure, _ = rla.plot(query(data_root), "return", group_by=[], seeds=None, colors="red", band=None)
    assert figure.axes[0].lines[0].get_color() == "red"
