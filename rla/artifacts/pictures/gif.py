"""Animated GIF, one frame at a time: a long video needs no more memory than a short one.

Source: the GIF89a specification, https://www.w3.org/Graphics/GIF/spec-gif89a.txt
"""

from __future__ import annotations

import io
import struct
from typing import BinaryIO, Final

from rla.artifacts.pictures.images import Pixels

_FOREVER: Final = b"!\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00"
_END: Final = b";"
_KEPT: Final = 1 << 2
"""Leave each frame where it is; the next one covers it."""
_HEADER: Final = 13
_DESCRIPTOR: Final = 10
_HAS_PALETTE: Final = 0x80
_COLORS: Final = 256
_SHORTEST: Final = 2
"""In hundredths of a second: of what is shorter browsers make a tenth of a second."""


class GifStream:
    """Writes a GIF that repeats for ever, each frame with a palette of its own."""

    def __init__(self, file: BinaryIO, width: int, height: int, fps: float) -> None:
        """Write the header.

        Args:
            file: Where to; it stays open.
            width: Of every frame, in pixels.
            height: Of every frame, in pixels.
            fps: Frames per second. GIF counts in hundredths of a second, so that more than 50
                become 50; others are right on average.

        Raises:
            OSError: The file cannot be written.
        """
        self._file = file
        self._fps = fps
        self._frames = 0
        file.write(struct.pack("<6sHHBBB", b"GIF89a", width, height, 0x70, 0, 0) + _FOREVER)

    def add(self, pixels: Pixels) -> None:
        """Write a frame.

        Args:
            pixels: Shape (H, W, 3), dtype uint8.

        Raises:
            OSError: The file cannot be written.
        """
        from PIL import Image  # noqa: PLC0415 - only who records videos pays for it

        whole = io.BytesIO()
        Image.fromarray(pixels).quantize(_COLORS, dither=Image.Dither.NONE).save(whole, "GIF", interlace=0)
        self._file.write(struct.pack("<3sBHxx", b"!\xf9\x04", _KEPT, self._next_duration()))
        self._file.write(_frame_of(whole.getvalue()))

    def finish(self) -> None:
        """Write the end; the file stays open.

        Raises:
            OSError: The file cannot be written.
        """
        self._file.write(_END)

    def _next_duration(self) -> int:
        """In hundredths of a second, so that the ends of all frames are where they belong, rounded."""
        start, end = (round(100 * number / self._fps) for number in (self._frames, self._frames + 1))
        self._frames += 1
        return max(_SHORTEST, end - start)


def _frame_of(gif: bytes) -> bytes:
    """The frame of a GIF that holds one and no extension, its global palette turned into its own."""
    bits = gif[_HEADER - 3] & 7
    start = _HEADER + 3 * (2 << bits)
    flags = start + _DESCRIPTOR - 1
    return gif[start:flags] + bytes([gif[flags] | _HAS_PALETTE | bits]) + gif[_HEADER:start] + gif[flags + 1 : -1]
