"""Turn what an image may be into pixels, and pixels into the bytes of a file."""

from __future__ import annotations

import io
import sys
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]

FORMATS: Final = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".webp": "WEBP",
    ".gif": "GIF",
    ".bmp": "BMP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
}
"""The endings of image files, and what Pillow calls them."""

_CHANNELS: Final = (1, 3, 4)
_RGBA: Final = 4
_WHITE: Final = 255
_PLAIN_MODES: Final = ("1", "L", "RGB", "RGBA")


def to_pixels(image: Any) -> tuple[Pixels, str]:
    """Turn an image into pixels.

    Args:
        image: A NumPy array, a tensor (on any device), nested lists or a Pillow image. Its shape is
            (H, W), (H, W, C), (C, H, W), or one of these behind a batch of 1, with C = 1 (grey), 3
            (RGB) or 4 (RGBA). Where both the last and the first length could be channels, the last
            one is. Its dtype is bool; integer, 0 to 255; or float, 0 to 1. Values outside are
            clipped, NaN becomes 0.

    Returns:
        The pixels, shape (H, W) for grey, (H, W, 3) or (H, W, 4), dtype uint8; and what the user
        should be told about them ("" when they are kept as they are).

    Raises:
        ValueError: The shape is no image's.
        TypeError: The values are no numbers.
    """
    array = _channels_last(to_array(image))
    return _to_uint8(array)


def to_array(values: Any) -> NDArray[Any]:
    """A NumPy array of what numbers come in, without importing any of the libraries they come from.

    Args:
        values: An array, a tensor (with a gradient or without, on any device, bfloat16 too), a
            Pillow image, a number or nested lists.

    Returns:
        The same numbers, of any shape and dtype.
    """
    if hasattr(values, "detach"):  # torch
        values = values.detach().cpu()
        if "bfloat16" in str(values.dtype):  # NumPy has no such type
            values = values.float()
    elif (pillow := sys.modules.get("PIL.Image")) and isinstance(values, pillow.Image):
        values = _plain_mode(values)
    return np.asarray(values)


def encode(pixels: Pixels, ending: str = ".png", **save_kw: Any) -> bytes:
    """The bytes of an image file.

    Args:
        pixels: As :func:`to_pixels` gives them.
        ending: One of :data:`FORMATS`. JPEG, which knows no transparency, gets a white background.
        save_kw: For ``PIL.Image.Image.save``, as ``quality=90``.
    """
    from PIL import Image  # noqa: PLC0415 - only who records images pays for it

    file_format = FORMATS[ending]
    if file_format == "JPEG" and pixels.shape[2:] == (_RGBA,):
        pixels = to_rgb(pixels)
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, format=file_format, **save_kw)
    return buffer.getvalue()


def to_rgb(pixels: Pixels) -> Pixels:
    """Three channels of any pixels; what is transparent shows white.

    Args:
        pixels: As :func:`to_pixels` gives them.

    Returns:
        Shape (H, W, 3), dtype uint8, contiguous.
    """
    if pixels.ndim == 2:  # noqa: PLR2004 - grey: height and width
        return np.repeat(pixels[:, :, None], 3, axis=2)
    if pixels.shape[2] == _RGBA:
        alpha = pixels[:, :, 3:].astype(np.uint16)
        mixed = pixels[:, :, :3] * alpha + _WHITE * (_WHITE - alpha)
        return ((mixed + _WHITE // 2) // _WHITE).astype(np.uint8)
    return np.ascontiguousarray(pixels)


def _channels_last(array: NDArray[Any]) -> NDArray[Any]:
    """Shape (H, W), (H, W, 3) or (H, W, 4) of any shape that is allowed."""
    shape = array.shape
    if array.ndim == 4 and shape[0] == 1:  # noqa: PLR2004 - a batch of one
        array = array[0]
    if array.ndim == 3 and array.shape[2] not in _CHANNELS and array.shape[0] in _CHANNELS:  # noqa: PLR2004
        array = np.moveaxis(array, 0, 2)
    if array.size == 0 or array.ndim not in {2, 3} or array.shape[2:] not in {(), (1,), (3,), (4,)}:
        raise ValueError(
            f"an array of shape {shape} is no image: that is (H, W), (H, W, C) or (C, H, W) with C = 1, 3 or 4"
        )
    return array[:, :, 0] if array.shape[2:] == (1,) else array


def _to_uint8(array: NDArray[Any]) -> tuple[Pixels, str]:
    kind = array.dtype.kind
    if kind == "b":
        return array.astype(np.uint8) * np.uint8(255), ""
    if kind in "iu":
        outside = array.dtype != np.uint8 and (array.min() < 0 or array.max() > 255)  # noqa: PLR2004 - uint8 ends there
        note = f"integers from {array.min()} to {array.max()} were clipped to 0..255" if outside else ""
        return np.clip(array, 0, 255).astype(np.uint8), note
    if kind == "f":
        return _float_to_uint8(array.astype(np.float32))
    raise TypeError(f"values of type {array.dtype} are no pixels: they are bool, 0..255 or floats 0..1")


def _float_to_uint8(array: NDArray[np.float32]) -> tuple[Pixels, str]:
    known = array[~np.isnan(array)]
    notes = []
    if known.size and (known.min() < 0 or known.max() > 1):
        notes.append(f"floats from {known.min():g} to {known.max():g} were clipped to 0..1; scale them")
    if known.size < array.size:
        notes.append(f"{array.size - known.size} NaN became 0")
    unit = np.clip(np.nan_to_num(array, nan=0.0), 0, 1)
    return np.rint(unit * 255).astype(np.uint8), ", ".join(notes)


def _plain_mode(image: Any) -> Any:
    """A Pillow image whose array is its pixels: no palette, no CMYK."""
    if image.mode in _PLAIN_MODES:
        return image
    if image.mode.startswith(("I", "F")):
        return image
    return image.convert("RGBA" if image.has_transparency_data else "RGB")
