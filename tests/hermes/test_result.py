"""Results: stored, saved, loaded, drawn."""

from __future__ import annotations

from argparse import Namespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from rla.errors import CheckpointError
from rla.hermes.result import Result
from rla.hermes.result_plot import trailing_mean


@pytest.fixture
def result(tmp_path) -> Result:
    found = Result.new("run")
    found.store_scalar(1, "loss")
    found.store_scalar([2.5, np.float32(0.5)], "loss")
    found.store_scalar(torch.tensor([4.0]), "loss")
    found.store_array([1, 2, 3], "q")
    found.store_array(np.array([4, 5, 6]), "q")
    found["tags"] = ["a", "b"]
    found["note"] = "text"
    found.save(tmp_path)
    return found


def test_numbers_are_listed_and_come_back_as_arrays(result, tmp_path):
    found = Result.load(tmp_path / "run.result")
    assert found.name == "run"
    assert found["loss"].tolist() == [1, 2.5, 0.5, 4.0]
    assert isinstance(found["loss"], np.ndarray)
    assert found["q"].shape == (2, 3)
    assert found["tags"] == ["a", "b"]
    assert found["note"] == "text"


def test_storing_after_loading_appends_and_saving_again_keeps_all(result, tmp_path):
    found = Result.load(tmp_path / "run.result")
    found.store_scalar(9, "loss")
    found.store_array([7, 8, 9], "q")
    found.save()
    again = Result.load(tmp_path / "run.result")
    assert again["loss"].tolist() == [1, 2.5, 0.5, 4.0, 9]
    assert again["q"].tolist() == [[1, 2, 3], [4, 5, 6], [7, 8, 9]]


def test_the_file_is_plain_data_that_torch_reads_safely(result, tmp_path):
    plain = torch.load(tmp_path / "run.result", weights_only=True)
    assert type(plain) is dict
    assert plain["loss"] == [1, 2.5, 0.5, 4.0]


def test_a_file_that_would_run_code_is_refused(tmp_path):
    torch.save({"x": Namespace(a=1)}, tmp_path / "bad.result")
    with pytest.raises(CheckpointError, match=r"bad\.result"):
        Result.load(tmp_path / "bad.result")


def test_rows_of_unequal_length_stay_a_list(tmp_path):
    found = Result.new("r")
    found.store_array([1], "q")
    found.store_array([1, 2], "q")
    found.save(tmp_path)
    assert [row.tolist() for row in Result.load(tmp_path / "r.result")["q"]] == [[1], [1, 2]]


def test_the_first_save_needs_a_directory(tmp_path):
    with pytest.raises(ValueError, match="no file yet"):
        Result.new("r").save()


@pytest.mark.parametrize("value", ["text", None, {"a": 1}, object()])
def test_what_is_no_number_is_refused(value):
    found = Result.new("r")
    if isinstance(value, dict):
        value = list(value)
    with pytest.raises(TypeError, match="a number is wanted"):
        found.store_scalar(value, "k")
    assert "k" not in found


def test_a_namespace_becomes_a_result(tmp_path):
    found = Result.from_namespace("args", Namespace(lr=0.1, layers=(64, 64), device=torch.device("cpu")))
    assert found == {"lr": 0.1, "layers": (64, 64), "device": torch.device("cpu")}
    found.save(tmp_path)
    assert Result.load(tmp_path / "args.result")["device"] == "cpu"


def test_numbers_are_drawn_with_their_trailing_mean(result):
    figure, axes = plt.subplots()
    assert result.plot_scalar("loss", smoothing=2, show=False, ax=axes) is axes
    thin, thick = axes.lines
    assert thin.get_ydata().tolist() == [1, 2.5, 0.5, 4.0]
    assert thick.get_ydata().tolist() == [1, 1.75, 1.5, 2.25]
    assert axes.get_legend().get_texts()[0].get_text() == "loss"
    plt.close(figure)
    with pytest.raises(KeyError):
        result.plot_scalar("gone", show=False)


def test_a_trailing_mean_passes_over_what_is_no_number():
    found = trailing_mean(np.array([np.nan, 1.0, 3.0, np.nan, np.nan]), 2)
    assert np.array_equal(found, [np.nan, 1.0, 2.0, 3.0, np.nan], equal_nan=True)
    assert trailing_mean(np.array([]), 5).shape == (0,)
