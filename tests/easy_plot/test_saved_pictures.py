"""Which images a run kept, and their pixels."""

from __future__ import annotations

import os
import sys

import numpy as np
import pytest
from PIL import Image

from rla.artifacts.pictures.video import VideoFile
from rla.easy_plot.saved_pictures import evenly, read_pixels, saved_pictures
from rla.errors import MissingDependencyError


def write(path, pixels=None, **settings):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((4, 6, 3), np.uint8) if pixels is None else pixels).save(path, **settings)


def found(directory, *patterns, newest=1):
    return [
        (picture.path.relative_to(directory).as_posix(), picture.name, picture.step)
        for picture in saved_pictures(directory, patterns, newest)
    ]


# --- names


def test_the_newest_is_the_one_with_the_highest_step_in_its_name_whenever_it_was_written(tmp_path):
    for step in (900, 1000, 20):
        write(tmp_path / f"{step}-view.png")
    assert found(tmp_path, "*.png") == [("1000-view.png", "view", 1000)]
    assert [step for *_, step in found(tmp_path, "*.png", newest=2)] == [1000, 900]


def test_each_name_has_its_own_newest(tmp_path):
    for file in ("5-view.png", "7-view.png", "6-map.png", "eval/1-view.png"):
        write(tmp_path / file)
    assert found(tmp_path, "*") == [
        ("eval/1-view.png", "eval/view", 1),
        ("6-map.png", "map", 6),
        ("7-view.png", "view", 7),
    ]


def test_other_programs_put_the_step_behind_the_name(tmp_path):
    for file in ("view_5.png", "view_12.png", "map-3.png"):
        write(tmp_path / file)
    assert found(tmp_path, "*") == [("map-3.png", "map", 3), ("view_12.png", "view", 12)]


def test_a_file_without_a_step_comes_before_all_that_have_one(tmp_path):
    write(tmp_path / "1-view.png")
    write(tmp_path / "view.png")
    assert [name for name, *_ in found(tmp_path, "view", newest=2)] == ["1-view.png", "view.png"]
    for age, file in enumerate(("view.png", "view.jpg")):
        write(tmp_path / file)
        os.utime(tmp_path / file, (1000 + age, 1000 + age))
    assert [name for name, *_ in found(tmp_path, "view", newest=3)] == ["1-view.png", "view.jpg", "view.png"]


@pytest.mark.parametrize(
    ("patterns", "names"),
    [
        (["view"], ["eval/view", "view"]),
        (["view.png"], ["eval/view", "view"]),
        (["5-*"], ["view"]),
        (["eval/"], ["eval/map", "eval/view"]),
        (["eval/**", "!map"], ["eval/view"]),
        (["*.jpg", "/view"], ["eval/map", "view"]),
        (["nothing"], []),
    ],
)
def test_patterns_are_those_of_a_gitignore_file_and_need_no_step(tmp_path, patterns, names):
    for file in ("5-view.png", "eval/6-view.png", "eval/6-map.jpg"):
        write(tmp_path / file)
    assert [name for _, name, _ in found(tmp_path, *patterns)] == names


def test_what_is_no_image_and_what_is_hidden_is_not_found(tmp_path):
    write(tmp_path / ".1-view.png")
    (tmp_path / "1-table.csv").write_text("a")
    (tmp_path / ".rla-uid").write_text("a")
    assert found(tmp_path, "*") == []


# --- pixels


def test_greyscale_becomes_three_equal_channels(tmp_path):
    grey = np.arange(24, dtype=np.uint8).reshape(4, 6) * 10
    write(tmp_path / "a.png", grey)
    assert np.array_equal(read_pixels(tmp_path / "a.png", 4), np.stack([grey] * 3, axis=-1))


def test_black_and_white_is_shown(tmp_path):
    Image.fromarray(np.array([[True, False]])).save(tmp_path / "a.png")
    assert read_pixels(tmp_path / "a.png", 4)[0].tolist() == [[255] * 3, [0] * 3]


def test_deep_greyscale_is_stretched_to_what_it_holds(tmp_path):
    write(tmp_path / "a.png", np.array([[1000, 2000], [1500, 1000]], dtype=np.uint16))
    assert read_pixels(tmp_path / "a.png", 4)[:, :, 0].tolist() == [[0, 255], [127, 0]]


def test_floats_with_nan_are_shown(tmp_path):
    write(tmp_path / "a.tif", np.array([[0.5, 1.0], [np.nan, 0.0]], dtype=np.float32))
    assert read_pixels(tmp_path / "a.tif", 4)[:, :, 0].tolist() == [[127, 255], [0, 0]]


def test_what_is_transparent_is_white(tmp_path):
    write(tmp_path / "a.png", np.array([[[255, 0, 0, 0], [255, 0, 0, 255]]], dtype=np.uint8))
    assert read_pixels(tmp_path / "a.png", 4)[0].tolist() == [[255, 255, 255], [255, 0, 0]]


def test_a_large_image_becomes_smaller_and_keeps_its_shape(tmp_path):
    write(tmp_path / "a.png", np.zeros((1500, 3000, 3), np.uint8))
    assert read_pixels(tmp_path / "a.png", 4).shape == (256, 512, 3)


@pytest.mark.parametrize("ending", ["gif", "mp4"])
def test_of_a_video_frames_are_shown_from_first_to_last(tmp_path, ending):
    path = tmp_path / f"a.{ending}"
    video = VideoFile(path, fps=10, cover=False, say=lambda *_: None)
    for level in range(0, 250, 25):
        video.add(np.full((32, 48, 3), level, np.uint8))
    video.close()
    pixels = read_pixels(path, 4)
    assert pixels.shape == (32, 4 * 48 + 3 * 4, 3)
    middle = [int(pixels[16, 24 + 52 * place, 0]) for place in range(4)]
    np.testing.assert_allclose(middle, [0, 75, 150, 225], atol=8)
    assert read_pixels(path, 1).shape == (32, 48, 3)


def test_an_mp4_without_its_package_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    (tmp_path / "a.mp4").write_bytes(b"")
    with pytest.raises(MissingDependencyError, match=r"rla\[video\]"):
        read_pixels(tmp_path / "a.mp4", 4)


@pytest.mark.parametrize(
    ("count", "most", "places"), [(1, 4, [0]), (3, 4, [0, 1, 2]), (10, 4, [0, 3, 6, 9]), (9, 1, [0])]
)
def test_places_are_even(count, most, places):
    assert evenly(count, most) == places
