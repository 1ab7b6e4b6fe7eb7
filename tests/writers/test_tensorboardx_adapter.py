from __future__ import annotations

import threading

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import metadata

from rla.writers.base import Dump
from rla.writers.tensorboard_writer import TensorBoardWriter

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # tensorboardX and torch.jit, not ours


@pytest.fixture
def writer(tmp_path):
    made = TensorBoardWriter(tmp_path)
    yield made
    made.close()


def read(tmp_path) -> EventAccumulator:
    return EventAccumulator(str(tmp_path)).Reload()


def test_everything_lands_in_the_one_file_among_our_scalars(tmp_path, writer):
    threads = threading.active_count()
    board = writer.tensorboardx_writer()
    writer.write(Dump({"ours": 1.0}, 1, 1e9))
    board.add_scalar("theirs", 2.0, 5)
    board.add_histogram("histogram", np.arange(100.0), 5)
    board.add_image("image", np.zeros((3, 4, 4), dtype=np.uint8), 5)
    board.add_text("text", "hello", 5)
    writer.write(Dump({"ours": 3.0}, 6, 1e9))
    board.close()
    board.add_scalar("after_close", 1.0, 7)
    tags = read(tmp_path).Tags()
    assert set(tags["scalars"]) == {"ours", "theirs", "after_close"}
    assert tags["histograms"] == ["histogram"]
    assert tags["images"] == ["image"]
    assert "text/text_summary" in tags["tensors"]
    assert len(list(tmp_path.iterdir())) == 1
    assert threading.active_count() == threads


def test_the_graph_of_a_network_is_there(tmp_path, writer):
    board = writer.tensorboardx_writer()
    board.add_graph(torch.nn.Linear(2, 2), torch.zeros(1, 2))
    reader = read(tmp_path)
    assert reader.Tags()["graph"]
    assert len(reader.Graph().node)


def test_scalars_and_hparams_make_no_sub_runs(tmp_path, writer):
    board = writer.tensorboardx_writer()
    board.add_scalars("loss", {"train": 1.0, "test": 2.0}, 3)
    board.add_hparams({"lr": 0.1}, {"score": 5.0}, global_step=3)
    board.add_hparams({"lr": 0.2}, {"score": 6.0}, global_step=4)
    reader = read(tmp_path)
    assert [path.is_file() for path in tmp_path.iterdir()] == [True]
    assert set(reader.Tags()["scalars"]) == {"loss/train", "loss/test", "score"}
    content = reader.SummaryMetadata(metadata.SESSION_START_INFO_TAG).plugin_data.content
    assert metadata.parse_session_start_info_plugin_data(content).hparams["lr"].number_value == 0.1
    assert [event.value for event in reader.Scalars("score")] == [5.0, 6.0]


def test_a_sink_of_the_caller_takes_every_event(tmp_path, writer):
    taken: list[bytes] = []
    board = writer.tensorboardx_writer(taken.append)
    board.add_scalar("a", 1.0, 2)
    assert len(taken) == 1
    writer.add_event(taken[0])
    assert [event.step for event in read(tmp_path).Scalars("a")] == [2]
