from __future__ import annotations

import io
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from rla.artifacts.pictures import images

COLOR = np.arange(4 * 5 * 3, dtype=np.uint8).reshape(4, 5, 3)


def pixels(image) -> np.ndarray:
    found, note = images.to_pixels(image)
    assert not note
    return found


def test_color_with_channels_last_is_kept_as_it_is():
    assert np.array_equal(pixels(COLOR), COLOR)


def test_channels_first_become_channels_last():
    assert np.array_equal(pixels(COLOR.transpose(2, 0, 1)), COLOR)


@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 1), (1, 4, 5), (1, 4, 5, 1), (1, 1, 4, 5)])
def test_every_shape_of_grey_becomes_height_and_width(shape):
    grey = COLOR[:, :, 0]
    assert np.array_equal(pixels(grey.reshape(shape)), grey)


def test_four_channels_are_rgba_in_either_place():
    rgba = np.arange(5 * 6 * 4, dtype=np.uint8).reshape(5, 6, 4)
    assert np.array_equal(pixels(rgba), rgba)
    assert np.array_equal(pixels(rgba.transpose(2, 0, 1)), rgba)


def test_where_both_ends_could_be_channels_the_last_one_is():
    assert pixels(np.zeros((3, 7, 4), np.uint8)).shape == (3, 7, 4)


@pytest.mark.parametrize("shape", [(), (5,), (0, 5), (2, 5, 6), (5, 6, 2), (2, 4, 5, 3), (1, 1, 1, 4, 5)])
def test_a_shape_that_is_no_image_is_refused_by_name(shape):
    with pytest.raises(ValueError, match="is no image"):
        images.to_pixels(np.zeros(shape, np.uint8))


def test_floats_from_0_to_1_become_0_to_255():
    assert pixels(np.array([[0.0, 0.5, 1.0]])).tolist() == [[0, 128, 255]]


def test_floats_outside_are_clipped_and_told():
    found, note = images.to_pixels(np.array([[-1.0, 0.2, 255.0, np.inf]], np.float16))
    assert found.tolist() == [[0, 51, 255, 255]]
    assert "from -1 to inf were clipped to 0..1" in note


def test_nan_becomes_0_and_is_told():
    found, note = images.to_pixels(np.array([[np.nan, 1.0]]))
    assert found.tolist() == [[0, 255]]
    assert note == "1 NaN became 0"


def test_integers_outside_are_clipped_and_told():
    found, note = images.to_pixels(np.array([[-5, 7, 300]]))
    assert found.tolist() == [[0, 7, 255]]
    assert "from -5 to 300" in note


def test_bools_are_black_and_white():
    assert pixels(np.array([[True, False]])).tolist() == [[255, 0]]


@pytest.mark.parametrize("image", [np.zeros((4, 5), complex), [["a", "b"]], None])
def test_what_is_no_number_is_refused(image):
    with pytest.raises((TypeError, ValueError)):
        images.to_pixels(image)


def test_a_torch_tensor_with_a_gradient_is_an_image():
    torch = pytest.importorskip("torch")
    tensor = torch.ones((3, 4, 5), requires_grad=True) * 0.2
    assert np.array_equal(pixels(tensor), np.full((4, 5, 3), 51))
    assert np.array_equal(pixels(tensor.to(torch.bfloat16))[0, 0], [51, 51, 51])


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "CMYK", "LA"])
def test_a_pillow_image_of_any_mode_is_an_image(mode):
    given_image = Image.fromarray(COLOR).convert(mode)
    found = pixels(given_image)
    assert np.array_equal(images.to_rgb(found), np.asarray(given_image.convert("RGBA").convert("RGB")))


@given(hnp.arrays(np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, max_side=9), elements=st.integers(0, 255)))
def test_a_png_holds_the_exact_pixels(grey):
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(images.encode(grey)))), grey)


@pytest.mark.parametrize("ending", images.FORMATS)
@pytest.mark.parametrize("shape", [(8, 9), (8, 9, 3), (8, 9, 4)])
def test_every_format_holds_every_kind_of_image(ending, shape):
    found = Image.open(io.BytesIO(images.encode(np.full(shape, 200, np.uint8), ending)))
    assert found.size == (9, 8)
    assert found.format == images.FORMATS[ending]


def test_transparency_shows_white_where_a_format_has_none():
    rgba = np.array([[[255, 0, 0, 255], [255, 0, 0, 0], [0, 0, 0, 128]]], np.uint8)
    assert images.to_rgb(rgba).tolist() == [[[255, 0, 0], [255, 255, 255], [127, 127, 127]]]


def test_torch_is_not_imported():
    code = "import sys, rla.artifacts.pictures.images as i; i.to_pixels([[0.5]]); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
