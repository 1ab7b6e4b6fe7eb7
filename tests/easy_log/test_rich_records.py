"""Histograms, images, videos, figures and texts, read back by TensorBoard."""

from __future__ import annotations

import io
import struct
import threading

import numpy as np
import pytest
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from tensorboard.plugins.histogram import metadata as histogram_metadata
from tensorboard.plugins.image import metadata as image_metadata
from tensorboard.plugins.text import metadata as text_metadata
from tensorboard.util import tensor_util

import rla
from rla import logger, time_step_holder
from rla.easy_log.rich_records import record_figure, record_histogram, record_image, record_text, record_video
from rla.errors import NotConfiguredError, RlaWarning


@pytest.fixture
def run(data_root):
    with rla.init("t", {"seed": 1}, data_root=data_root, log_used=["csv", "tensorboard"]) as run:
        time_step_holder.set_time(7)
        yield run


def losses(run) -> dict[str, int]:
    return dict(run.losses.counts)


def events(run, tag: str, plugin: str):
    """(step, tensor) of a tag, as TensorBoard's server gets them for the page of a plugin."""
    (file,) = run.paths.events.iterdir()
    found = [(event.step, value) for event in EventFileLoader(str(file)).Load() for value in event.summary.value]
    mine = [(step, value) for step, value in found if value.tag == tag]
    assert mine[0][1].metadata.plugin_data.plugin_name == plugin
    return [(step, value.tensor) for step, value in mine]


def shown_images(run, tag: str) -> list[Image.Image]:
    found = []
    for _, tensor in events(run, tag, image_metadata.PLUGIN_NAME):
        width, height, encoded = tensor.string_val
        image = Image.open(io.BytesIO(encoded))
        assert image.size == (int(width), int(height))
        found.append(image)
    return found


def buckets(run, tag: str) -> np.ndarray:
    ((_, tensor),) = events(run, tag, histogram_metadata.PLUGIN_NAME)
    return tensor_util.make_ndarray(tensor)


def test_a_histogram_has_its_bins_and_counts(run):
    record_histogram("h", [0.0, 0.1, 0.9, 4.0], bins=4)
    assert buckets(run, "h").tolist() == [[0, 1, 3], [1, 2, 0], [2, 3, 0], [3, 4, 1]]
    assert losses(run) == {}


def test_a_histogram_may_be_given_its_edges(run):
    record_histogram("h", np.array([1, 2, 3, 50]), bins=[0, 2, 10])
    assert buckets(run, "h").tolist() == [[1, 2, 1], [2, 3, 2]]


def test_a_histogram_of_equal_values_is_one(run):
    record_histogram("h", np.full((3, 4), 2.0))
    assert buckets(run, "h")[:, 2].sum() == 12


def test_a_histogram_leaves_out_what_is_not_finite(run):
    record_histogram("h", [1.0, 2.0, np.nan, np.inf, -np.inf])
    assert buckets(run, "h")[:, 2].sum() == 2


def test_a_histogram_of_a_tensor_needs_no_conversion(run):
    torch = pytest.importorskip("torch")
    record_histogram("h", torch.ones(3, 4, requires_grad=True).to(torch.bfloat16))
    assert buckets(run, "h")[:, 2].sum() == 12


def test_the_summary_of_a_histogram_is_right(run):
    record_histogram("h", [1.0, 2.0, 4.0], bins=3)
    content = next(run.paths.events.iterdir()).read_bytes()
    for field, number in enumerate((1, 4, 3, 7, 21), start=1):
        assert struct.pack("<Bd", field << 3 | 1, number) in content


@pytest.mark.parametrize("values", [[], [np.nan], ["a"], [1j], None])
def test_values_without_a_histogram_are_a_loss(run, values):
    with pytest.warns(RlaWarning, match="record_histogram:h"):
        record_histogram("h", values)
    assert losses(run) == {"record_histogram:h": 1}


@pytest.mark.parametrize("shape", [(4, 6), (4, 6, 3), (3, 4, 6), (4, 6, 4)])
def test_an_image_is_shown_at_its_step(run, shape):
    record_image("group/i", np.full(shape, 0.2))
    time_step_holder.set_time(9)
    record_image("group/i", np.full(shape, 0.4))
    assert [step for step, _ in events(run, "group/i", "images")] == [7, 9]
    first, second = shown_images(run, "group/i")
    assert first.size == (6, 4)
    assert (np.asarray(first).max(), np.asarray(second).max()) == (51, 102)


def test_an_image_out_of_range_is_kept_and_told(run):
    with pytest.warns(RlaWarning, match="clipped"):
        record_image("i", np.full((4, 4), 9.0))
    assert len(shown_images(run, "i")) == 1
    assert losses(run) == {}


def test_a_video_is_an_animation(run):
    record_video("v", [np.full((8, 12), 20 * number, np.uint8) for number in range(5)], fps=10)
    (gif,) = shown_images(run, "v")
    assert (gif.format, gif.n_frames, gif.info["duration"]) == ("GIF", 5, 100)
    gif.seek(4)
    assert (np.asarray(gif.convert("L")) == 80).all()


def test_a_video_of_mixed_sizes_is_told_and_kept(run):
    with pytest.warns(RlaWarning, match="a video of 8x8 has a frame of 4x4"):
        record_video("v", (np.zeros((size, size), np.uint8) for size in (8, 4, 8)))
    assert shown_images(run, "v")[0].n_frames == 3


@pytest.mark.parametrize("frames", [[], [None], np.zeros(3), None])
def test_what_is_no_video_is_a_loss(run, frames):
    with pytest.warns(RlaWarning, match="record_video:v"):
        record_video("v", frames)
    assert losses(run) == {"record_video:v": 1}


def test_a_figure_is_shown_and_closed_when_asked(run):
    import matplotlib.pyplot as plt

    kept, closed = plt.figure(), plt.figure()
    kept.add_subplot().plot([1, 2])
    record_figure("f", kept)
    record_figure("f", closed, close=True)
    assert [image.size for image in shown_images(run, "f")] == [(640, 480), (640, 480)]
    assert plt.get_fignums() == [kept.number]
    plt.close(kept)
    assert losses(run) == {}


def test_a_figure_that_cannot_be_drawn_is_a_loss(run):
    with pytest.warns(RlaWarning, match="record_figure:f"):
        record_figure("f", object())
    assert losses(run) == {"record_figure:f": 1}


def test_a_text_is_shown_as_markdown(run):
    record_text("notes", "# Über")
    ((step, tensor),) = events(run, "notes", text_metadata.PLUGIN_NAME)
    assert step == 7
    assert tensor.string_val[0].decode() == "# Über"


def test_everything_lands_in_the_one_event_file_with_the_scalars(run):
    record_image("i", np.zeros((2, 2)))
    logger.record_tabular("k", 1.0)
    logger.dump_tabular()
    record_text("t", "x")
    assert len(list(run.paths.events.iterdir())) == 1
    board = EventAccumulator(str(run.paths.events)).Reload()
    assert (board.Tags()["images"], "t" in board.Tags()["tensors"]) == (["i"], True)
    assert board.Scalars("k")[0].value == 1.0


def test_threads_do_not_mix_their_events(run):
    def record(number: int) -> None:
        for _ in range(20):
            record_image(f"i{number}", np.full((16, 16), 40 * number, np.uint8))

    threads = [threading.Thread(target=record, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in range(4):
        shown = shown_images(run, f"i{number}")
        assert len(shown) == 20
        assert {int(np.asarray(image).max()) for image in shown} == {40 * number}


def test_without_tensorboard_nothing_is_encoded_and_nothing_is_lost(data_root):
    with rla.init("t", data_root=data_root, log_used=["csv"]) as run:
        asked: list[int] = []
        record_video("v", (asked.append(1) for _ in range(3)))
        record_image("i", "no image")
        assert (asked, losses(run)) == ([], {})


def test_after_the_run_nothing_is_recorded(run):
    run.close()
    size = next(run.paths.events.iterdir()).stat().st_size
    record_text("t", "late")
    assert next(run.paths.events.iterdir()).stat().st_size == size


def test_before_a_run_the_calls_say_what_is_missing(monkeypatch):
    from rla.easy_log.current import current

    monkeypatch.setattr(current, "_run", None)
    for call in (record_histogram, record_image, record_video, record_figure, record_text):
        with pytest.raises(NotConfiguredError):
            call("k", None)


def test_importing_the_records_imports_nothing_heavy_and_recording_no_torch(script):
    done = script(
        """
        import sys
        import rla.easy_log.rich_records as rich
        print([name for name in ("numpy", "matplotlib", "PIL", "tensorboardX", "torch") if name in sys.modules])
        import rla
        with rla.init("t", data_root="data"):
            rich.record_image("i", [[0.5]])
            rich.record_histogram("h", [1.0, 2.0])
            rich.record_video("v", [[[0.5]]])
        print([name for name in ("matplotlib", "tensorboardX", "torch") if name in sys.modules])
        """
    )
    assert done.stdout.splitlines()[:1] + done.stdout.splitlines()[-1:] == ["[]", "[]"]
