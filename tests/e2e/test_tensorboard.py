"""What TensorBoard shows of a run: its own reader, while the run is still writing."""

from __future__ import annotations

import pytest

import rla
from rla import logger, time_step_holder

event_accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")


def reader(run):
    accumulator = event_accumulator.EventAccumulator(str(run.paths.events), size_guidance={"scalars": 0})
    accumulator.Reload()
    return accumulator


@pytest.fixture
def run(data_root):
    with rla.init("t", {"lr": 0.01, "env": {"id": "Hopper"}, "none": None}, data_root=data_root) as run:
        yield run


def dump(step: int) -> None:
    time_step_holder.set_time(step)
    logger.record_tabular("train/loss", 1.0 / (step + 1))
    logger.dump_tabular()


def test_every_dump_is_seen_while_the_run_goes_on(run):
    accumulator = reader(run)
    for count in range(1, 4):
        dump(count)
        accumulator.Reload()
        assert [event.step for event in accumulator.Scalars("train/loss")] == list(range(1, count + 1))


def test_one_event_file_holds_everything(run):
    from tensorboard.plugins.hparams import metadata

    dump(1)
    logger.get_tbx_writer().add_histogram("weights", [1.0, 2.0, 3.0], 1)
    logger.get_tbx_writer().add_scalars("pair", {"a": 1.0, "b": 2.0}, 1)
    run.close()
    assert len(list(run.paths.events.iterdir())) == 1
    seen = reader(run)
    assert {"train/loss", "pair/a", "pair/b"} <= set(seen.Tags()["scalars"])
    plugins = {tag: seen.SummaryMetadata(tag).plugin_data for tag in seen.Tags()["tensors"]}
    assert plugins["hyperparameters"].plugin_name == "text"
    start = metadata.parse_session_start_info_plugin_data(plugins["_hparams_/session_start_info"].content)
    assert {key: value.WhichOneof("kind") for key, value in start.hparams.items()} == {
        "lr": "number_value",
        "env.id": "string_value",
    }
    end = metadata.parse_session_end_info_plugin_data(plugins["_hparams_/session_end_info"].content)
    assert end.status == 1


def test_a_failed_run_says_so_on_the_hparams_page(data_root):
    from tensorboard.plugins.hparams import metadata

    run = rla.init("t", {"lr": 0.01}, data_root=data_root)
    with pytest.raises(ValueError, match="x"), run:
        raise ValueError("x")
    plugin = reader(run).SummaryMetadata("_hparams_/session_end_info").plugin_data
    assert metadata.parse_session_end_info_plugin_data(plugin.content).status == 2


def test_a_tf_summary_is_taken_without_tensorflow(run):
    from tensorboard.compat.proto.summary_pb2 import Summary

    summary = Summary(value=[Summary.Value(tag="from_tf", simple_value=2.5)])
    time_step_holder.set_time(9)
    logger.log_from_tf_summary(summary)
    logger.log_from_tf_summary(summary.SerializeToString())
    with pytest.warns(rla.errors.RlaWarning, match="tf_summary"):
        logger.log_from_tf_summary(b"\xff\xff not a summary")
    dump(10)
    assert [(event.step, event.value) for event in reader(run).Scalars("from_tf")] == [(9, 2.5), (9, 2.5)]


def test_a_tensorboardx_writer_is_refused_without_an_event_file(data_root):
    rla.init("t", data_root=data_root, log_used=["csv"])
    with pytest.raises(rla.errors.NotConfiguredError, match="put tensorboard into LOG_USED"):
        logger.get_tbx_writer()


def test_a_tensorboardx_call_that_fails_is_told_and_harms_nothing(run):
    writer = logger.get_tbx_writer()
    with pytest.warns(rla.errors.RlaWarning, match="add_histogram of the tensorboardX writer"):
        writer.add_histogram("weights", [float("nan")], 1)
    dump(1)
    assert reader(run).Scalars("train/loss")
