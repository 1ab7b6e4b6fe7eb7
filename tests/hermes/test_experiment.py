"""Experiments as scripts read them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

import rla.hermes
from rla.errors import CheckpointError, ResultNotFoundError
from rla.hermes import Experiment, ExperimentList, Result

OLD_INFO = "commit_hash:0f3c\nstart_time:{time}\nend_time:2021_07_25_160108326976\nexecution_time:60.0\ncomments:a:b\n"


@pytest.fixture
def old(tmp_path) -> Path:
    """A tree as the old tool left it: two experiments, one of them broken off, and other directories."""
    for number, arguments in ((1, "--doubledqn\n-lr 0.001\n-n 5\n--list 1 2 x\n"), (2, "-lr 0.1\n-s a b\n")):
        directory = tmp_path / f"experiments/dqn/first/2021_07_25_16000832697{number}_0_1930e"
        directory.mkdir(parents=True)
        info = OLD_INFO.format(time=f"2021_07_25_16000832697{number}") if number == 1 else "commit_hash:0f3c\n"
        (directory / "hermes.info").write_text(info)
        (directory / "exec_arguments").write_text(arguments)
        (directory / "stdout.log").write_text("out\n")
        (directory / "stderr.log").write_text("err\n")
    (tmp_path / "experiments/notes").mkdir()
    return tmp_path / "experiments"


@pytest.fixture
def one(old) -> Experiment:
    return Experiment.load_all(old)[0]


def test_a_tree_of_the_old_tool_is_loaded_whole_and_in_order(old):
    found = Experiment.load_all(old)
    assert isinstance(found, ExperimentList)
    assert [each.get_identifier()[-9:-6] for each in found] == ["1_0", "2_0"]
    assert [each.start_time for each in found] == [datetime(2021, 7, 25, 16, 0, 8, 326971 + n) for n in (0, 1)]
    assert found[0].commit_hash == "0f3c"
    assert found.latest() is found[1]
    assert isinstance(found[:1], ExperimentList)


def test_its_info_is_a_dictionary_of_texts(one):
    assert one.info_dict == Experiment.read_info(one.path)
    assert one.info_dict["comments"] == "a:b"
    assert one.info_dict["execution_time"] == "60.0"


def test_its_arguments_are_a_set_of_texts_and_a_dictionary_of_values(one):
    assert one.exec_args == {"--doubledqn", "-lr 0.001", "-n 5", "--list 1 2 x"}
    assert one.exec_args_dict == {"--doubledqn": True, "-lr": 0.001, "-n": 5, "--list": [1, 2, "x"]}


def test_experiments_are_chosen_by_their_arguments(old):
    found = Experiment.load_all(old)
    assert list(found.filter_by_exec_args("-lr 0.001", "--doubledqn")) == [found[0]]
    assert list(found.filter_by_exec_args()) == list(found)
    assert not found.filter_by_exec_args("-lr 0.5")
    with pytest.raises(ValueError, match="empty"):
        ExperimentList().latest()


def test_what_is_an_experiment_is_told_of_any_path(old, one, tmp_path):
    assert Experiment.is_experiment(str(one.path)) is True
    assert Experiment.is_experiment(old) is False
    assert Experiment.is_experiment(tmp_path / "nowhere") is False
    with pytest.raises(FileNotFoundError, match=r"is no directory of an experiment: it has no hermes\.info"):
        Experiment.load(old)
    with pytest.raises(FileNotFoundError):
        Experiment.load_all(tmp_path / "nowhere")


def test_files_are_copied_and_moved_in_and_nothing_is_overwritten(one, tmp_path):
    (tmp_path / "a.txt").write_text("1")
    one.copy_file(tmp_path / "a.txt")
    one.copy_file(str(tmp_path / "a.txt"), "b.txt")
    one.move_file(tmp_path / "a.txt")
    assert sorted(path.name for path in one.path.glob("*.txt")) == ["a.txt", "a~1.txt", "b.txt"]
    assert one.file("b.txt").read_text() == "1"
    assert not (tmp_path / "a.txt").exists()


def test_the_logs_are_opened_in_the_mode_that_is_asked_for(one):
    with one.open_log_files() as (stdout, stderr):
        assert (stdout.read(), stderr.read()) == ("out\n", "err\n")
        stdout.write("more")
    with one.open_stderr_file() as stderr:
        assert stderr.mode == "r"
    with pytest.raises(ValueError, match="x"), one.open_log_files("r") as (stdout, stderr):
        raise ValueError("x")
    assert stdout.closed
    assert stderr.closed


def test_its_scores_are_an_array(one):
    assert one.scores_file.name == f"{one.get_identifier()}.scores"
    with pytest.raises(FileNotFoundError, match=rf"has no scores: its script writes them into {one.scores_file.name}"):
        one.scores()
    one.scores_file.write_text("1.0\n-2.5\nnan\n")
    assert np.array_equal(one.scores(), [1.0, -2.5, np.nan], equal_nan=True)


def test_comments_are_added_to_those_that_are_there(one):
    one.comments += ["new: one", "two\nlines"]
    one.store_comments()
    one.store_comments()
    assert one.info_dict["comments"] == "a:b,new: one,two\nlines"


def test_weights_are_listed_and_loaded_without_running_code(one):
    import torch

    net = torch.nn.Linear(2, 1)
    torch.save(net.state_dict(), one.file("net.pth"))
    torch.save(net, one.file("whole.pth"))
    assert one.list_pth_files() == ["net.pth", "whole.pth"]
    assert torch.equal(one.load_state_dict("net.pth")["weight"], net.weight)
    other = torch.nn.Linear(2, 1)
    assert one.load_state_dict("net", other) is other
    assert torch.equal(other.weight, net.weight)
    assert not other.training
    with pytest.raises(CheckpointError):
        one.load_state_dict("whole.pth")
    with pytest.raises(FileNotFoundError):
        one.load_state_dict("gone.pth")


def test_a_missing_result_is_a_runtime_error(one):
    with pytest.raises(RuntimeError) as caught:
        _ = one.result
    assert isinstance(caught.value, ResultNotFoundError)
    result = Result.new("run")
    result.store_scalar(1.5, "loss")
    result.save(one.path)
    assert one.result["loss"].tolist() == [1.5]


def test_what_hermes_writes_is_read_back(repository, hermes):
    repository.hermes_file("[[python, say.py, --tag 'a b' --n -5 --flag pos=1 --q \"it's\"],[]]")
    assert hermes("-n", "name").code == 0
    (found,) = Experiment.load_all(repository.tree)
    assert found.exec_args_dict == {"--tag": "a b", "--n": -5, "--flag": "pos=1", "--q": "it's"}
    assert found.info_dict["state"] == "finished"
    assert found.start_time is not None


def test_the_short_names_are_fetched_when_they_are_used():
    assert rla.hermes.Experiment is Experiment
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = rla.hermes.Nothing
