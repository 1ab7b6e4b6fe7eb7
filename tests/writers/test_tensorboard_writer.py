from __future__ import annotations

import math
import os
import socket
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorboard.backend.event_processing.directory_watcher import DirectoryWatcher
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.plugins.hparams import api_pb2, metadata
from tensorboard.plugins.text import metadata as text_metadata

from rla.writers import events, protobuf
from rla.writers.base import Dump
from rla.writers.tensorboard_writer import TensorBoardWriter


@pytest.fixture
def writer(tmp_path):
    made = TensorBoardWriter(tmp_path / "tb" / "events")
    yield made
    made.close()


def read(tmp_path) -> EventAccumulator:
    return EventAccumulator(str(tmp_path / "tb" / "events"), size_guidance={"scalars": 0, "tensors": 0}).Reload()


def scalar_values(tmp_path, tag: str) -> list[float]:
    return [event.value for event in read(tmp_path).Scalars(tag)]


def raw_events(tmp_path) -> list[event_pb2.Event]:
    (path,) = (tmp_path / "tb" / "events").iterdir()
    return list(EventFileLoader(str(path)).Load())


def test_the_file_has_its_name_and_begins_with_the_version(tmp_path, writer):
    (path,) = (tmp_path / "tb" / "events").iterdir()
    assert path.name.startswith("events.out.tfevents.")
    assert f".{socket.gethostname()}.{os.getpid()}." in path.name
    assert path.stat().st_size == 0
    writer.write(Dump({"a": 1.0}, 1, 2.0))
    assert raw_events(tmp_path)[0].file_version == "brain.Event:2"


def test_two_writers_of_one_second_have_two_files(tmp_path):
    for _ in range(3):
        TensorBoardWriter(tmp_path).close()
    assert len(list(tmp_path.iterdir())) == 3


def test_the_numbers_of_a_dump_are_one_event(tmp_path, writer):
    writer.write(Dump({"a": 1.5, "b": 2, "c": True, "text": "x", "none": None}, -7, 123.25))
    _, event = raw_events(tmp_path)
    assert (event.step, event.wall_time) == (-7, 123.25)
    assert [value.tag for value in event.summary.value] == ["a", "b", "c"]
    assert [scalar_values(tmp_path, tag) for tag in "abc"] == [[1.5], [2.0], [1.0]]


def test_too_large_numbers_are_infinite_and_nan_is_kept(tmp_path, writer):
    writer.write(Dump({"a": 1e300, "b": -1e39, "c": math.nan, "d": 10**400, "e": 3.4e38}, 1, 2.0))
    assert [scalar_values(tmp_path, tag)[0] for tag in ("a", "b", "d")] == [math.inf, -math.inf, math.inf]
    assert math.isnan(scalar_values(tmp_path, "c")[0])
    assert scalar_values(tmp_path, "e")[0] == pytest.approx(3.4e38)


def test_our_reserved_names_are_no_tags(tmp_path, writer):
    writer.write(Dump({"a": 1.0, "timestamp": 5}, 1, 2.0))
    assert read(tmp_path).Tags()["scalars"] == ["a"]


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.dictionaries(st.text(min_size=1), st.floats(width=32), min_size=1, max_size=4), max_size=4),
    step=st.integers(-(2**63), 2**63 - 4),
)
def test_tensorboard_reads_back_every_tag_and_float32(tmp_path_factory, rows, step):
    directory = tmp_path_factory.mktemp("tb")
    writer = TensorBoardWriter(directory)
    dumps = [Dump(row, step + number, 1e9) for number, row in enumerate(rows)]
    for dump in dumps:
        writer.write(dump)
    writer.close()
    (path,) = directory.iterdir()
    read_back = [event for event in EventFileLoader(str(path)).Load() if event.HasField("summary")]
    assert [event.step for event in read_back] == [dump.step for dump in dumps if dump.settled]
    for event, dump in zip(read_back, (dump for dump in dumps if dump.settled), strict=True):
        got = [value.tensor.float_val[0] for value in event.summary.value]
        assert [value.tag for value in event.summary.value] == list(dump.settled)
        assert struct.pack(f"{len(got)}f", *got) == struct.pack(f"{len(got)}f", *dump.settled.values())


def test_tensorboard_follows_the_file_while_it_is_written(tmp_path, writer):
    watcher = DirectoryWatcher(str(tmp_path / "tb" / "events"), EventFileLoader)
    seen = [event for event in watcher.Load() if event.HasField("summary")]
    for step in range(300):
        writer.write(Dump({"a": float(step), "b": 2.0}, step, 1e9))
        if step % 50 == 0:
            seen += [event for event in watcher.Load() if event.HasField("summary")]
            assert seen[-1].step == step
    seen += [event for event in watcher.Load() if event.HasField("summary")]
    assert [event.step for event in seen] == list(range(300))


def test_every_record_carries_its_checksums(tmp_path, writer):
    """Turn one bit in each place: TensorBoard's reader must notice all of them."""
    writer.write(Dump({"a": 1.0}, 1, 1e9))
    (path,) = (tmp_path / "tb" / "events").iterdir()
    whole = path.read_bytes()
    start = 12 + struct.unpack("<Q", whole[:8])[0] + 4
    for position in range(start, len(whole)):
        broken = bytearray(whole)
        broken[position] ^= 1
        path.write_bytes(broken)
        assert len(raw_events(tmp_path)) == 1


def test_a_text_is_read_by_the_text_plugin(tmp_path, writer):
    writer.add_text("notes", "# Title\n\nüber", step=3)
    reader = read(tmp_path)
    (event,) = reader.Tensors("notes")
    assert event.tensor_proto.string_val[0].decode() == "# Title\n\nüber"
    assert event.step == 3
    content = reader.SummaryMetadata("notes").plugin_data
    assert content.plugin_name == text_metadata.PLUGIN_NAME
    assert text_metadata.parse_plugin_metadata(content.content).version == 0


def test_hyperparameters_are_read_by_the_hparams_plugin(tmp_path, writer):
    flat = {"lr": 0.1, "n": 3, "b": True, "s": "é", "none": None, "list": [1], "nan": math.nan, "big": 2**60}
    writer.add_hparams(flat, ["perf/return"], session_name="group")
    writer.write(Dump({"perf/return": 1.0}, 1, 1e9))
    writer.end_hparams("failure")
    reader = read(tmp_path)
    contents = {
        tag: reader.SummaryMetadata(tag).plugin_data.content for tag in reader.Tags()["tensors"] if "_hpar" in tag
    }
    experiment = metadata.parse_experiment_plugin_data(contents[metadata.EXPERIMENT_TAG])
    types = {info.name: info.type for info in experiment.hparam_infos}
    assert types == {
        "lr": api_pb2.DATA_TYPE_FLOAT64,
        "n": api_pb2.DATA_TYPE_FLOAT64,
        "b": api_pb2.DATA_TYPE_BOOL,
        **dict.fromkeys(("s", "list", "nan", "big"), api_pb2.DATA_TYPE_STRING),
    }
    assert [info.name.tag for info in experiment.metric_infos] == ["perf/return"]
    start = metadata.parse_session_start_info_plugin_data(contents[metadata.SESSION_START_INFO_TAG])
    assert start.group_name == "group"
    assert {name: getattr(value, value.WhichOneof("kind")) for name, value in start.hparams.items()} == {
        "lr": 0.1,
        "n": 3.0,
        "b": True,
        "s": "é",
        "list": "[1]",
        "nan": "nan",
        "big": str(2**60),
    }
    end = metadata.parse_session_end_info_plugin_data(contents[metadata.SESSION_END_INFO_TAG])
    assert end.status == api_pb2.STATUS_FAILURE
    assert end.end_time_secs > start.start_time_secs > 1e9


def test_a_summary_of_another_library_is_taken_as_message_or_bytes(tmp_path, writer):
    summary = summary_pb2.Summary(value=[summary_pb2.Summary.Value(tag="theirs", simple_value=4.0)])
    writer.add_summary(summary, 1)
    writer.add_summary(summary.SerializeToString(), 2, timestamp=5.0)
    assert [(event.step, event.value) for event in read(tmp_path).Scalars("theirs")] == [(1, 4.0), (2, 4.0)]


@pytest.mark.parametrize(
    "broken", [b"\x0a\xff", b"\xff\xff", b"hello world", b"\x0a\x03\x0a\x05a", b"\x0a\x03\x0a\x01\xff"]
)
def test_malformed_summary_bytes_are_refused(tmp_path, writer, broken):
    with pytest.raises(ValueError, match=r"no tf\.Summary"):
        writer.add_summary(broken, 1)
    assert not raw_events(tmp_path)


def test_what_is_no_summary_at_all_is_refused(writer):
    with pytest.raises(TypeError, match=r"no tf\.Summary"):
        writer.add_summary({"a": 1}, 1)


def some_summary() -> bytes:
    value = summary_pb2.Summary.Value
    tensor = {"dtype": 7, "string_val": [b"a", b"b"], "float_val": [1.0], "int64_val": [5, -1], "double_val": [1.0]}
    return summary_pb2.Summary(
        value=[
            value(tag="a", simple_value=1.0),
            value(tag="i", image={"height": 1, "width": 2, "encoded_image_string": b"png"}),
            value(tag="h", histo={"min": 1.0, "bucket": [1.0, 2.0], "bucket_limit": [3.0, 4.0]}),
            value(tag="s", audio={"sample_rate": 1.0, "content_type": "audio/wav"}),
            value(tag="t", tensor=tensor, metadata={"display_name": "d", "plugin_data": {"plugin_name": "text"}}),
        ]
    ).SerializeToString()


def test_a_summary_with_everything_in_it_is_accepted():
    assert events.checked_summary(some_summary()) == some_summary()


@settings(max_examples=1000, deadline=None)
@given(
    cuts=st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), min_size=1, max_size=4), end=st.integers(1, 300)
)
def test_whatever_is_accepted_protobuf_can_read(cuts, end):
    damaged = bytearray(some_summary())
    for position, byte in cuts:
        damaged[position % len(damaged)] = byte
    try:
        accepted = events.checked_summary(bytes(damaged[:end]))
    except ValueError:
        return
    summary_pb2.Summary.FromString(accepted)


@settings(max_examples=300, deadline=None)
@given(content=st.binary(max_size=40))
def test_whatever_bytes_are_accepted_protobuf_can_read(content):
    try:
        accepted = events.checked_summary(content)
    except ValueError:
        return
    summary_pb2.Summary.FromString(accepted)


@given(number=st.integers(-(2**63), 2**63 - 1))
def test_an_integer_field_is_what_protobuf_writes(number):
    assert protobuf.integer(2, number) == (event_pb2.Event(step=number).SerializeToString() or b"\x10\x00")


def test_a_numpy_step_is_taken(tmp_path, writer):
    writer.add_summary(b"", np.int64(3))
    writer.add_text("t", "x", np.int32(2))
    assert len(raw_events(tmp_path)) == 3
