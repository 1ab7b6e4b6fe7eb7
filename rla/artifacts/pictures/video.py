"""Write a video file frame by frame: mp4 by ffmpeg, or else GIF."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np

from rla.artifacts.pictures.ffmpeg import FfmpegStream, find_ffmpeg
from rla.artifacts.pictures.gif import GifStream
from rla.artifacts.pictures.images import Pixels, to_pixels, to_rgb
from rla.artifacts.pictures.result_file import publish, unfinished

FORMATS: Final = (".mp4", ".gif")
PATIENCE: Final = 60.0
"""How many seconds ffmpeg may take for one frame, and for the end."""

_ONE_FRAME: Final = 3
_FRAMES: Final = 4
_BATCH: Final = 5

Say = Callable[[str, str], object]
"""Takes a topic, of which each is worth telling once, and a message."""


class _Encoder(Protocol):
    def add(self, pixels: Pixels) -> None: ...
    def finish(self) -> None: ...
    def abort(self) -> None: ...


class VideoFile:
    """A video being written. Until :meth:`close` has succeeded there is no file of its name.

    In a forked child it does nothing.
    """

    def __init__(self, path: Path, fps: float, *, cover: bool, say: Say, patience: float = PATIENCE) -> None:
        """Write nothing yet: the first frame decides about the size.

        Args:
            path: The file; ``.gif`` makes a GIF, ``.mp4`` an mp4 or, where there is no ffmpeg, a GIF.
            fps: Frames per second.
            cover: As for :func:`rla.artifacts.pictures.result_file.publish`.
            say: Told what the user should know.
            patience: How many seconds ffmpeg may take for one frame, and for the end.

        Raises:
            ValueError: There is no such number of frames per second.
        """
        self._path = path
        self._fps = checked_fps(fps)
        self._cover = cover
        self._say = say
        self._patience = patience
        self._fit = SameSize(say)
        self._owner = os.getpid()
        self._cleanup = contextlib.ExitStack()
        self._encoder: _Encoder | None = None
        self._temporary = path

    def add(self, frame: Any) -> None:
        """Append a frame.

        Args:
            frame: An image as :func:`rla.artifacts.pictures.images.to_pixels` takes it. One of another size
                than the first is cropped, or gets a black border, around its centre.

        Raises:
            ValueError: It is no image; the video goes on without it.
            TypeError: As ValueError.
            OSError: The video cannot be written; nothing of it is left.
        """
        if os.getpid() != self._owner:
            return
        pixels = self._fit(frame)
        try:
            if self._encoder is None:
                self._encoder = self._start(pixels.shape[1], pixels.shape[0])
            self._encoder.add(pixels)
        except BaseException:
            self.abort()
            raise

    def close(self) -> Path | None:
        """Finish the file.

        Returns:
            Its name; None in a forked child.

        Raises:
            ValueError: It has no frame.
            OSError: The video cannot be written; nothing of it is left.
        """
        if os.getpid() != self._owner:
            return None
        if self._encoder is None:
            raise ValueError("a video needs a frame")
        try:
            self._encoder.finish()
            return publish(self._temporary, self._path, cover=self._cover)
        finally:
            self.abort()

    def abort(self) -> None:
        """Leave nothing; a second call does nothing."""
        encoder, self._encoder = self._encoder, None
        if encoder is not None:
            encoder.abort()
        self._cleanup.close()

    def _start(self, width: int, height: int) -> _Encoder:
        ffmpeg = find_ffmpeg() if self._path.suffix == ".mp4" else None
        if ffmpeg is None and self._path.suffix == ".mp4":
            self._path = self._path.with_suffix(".gif")
            self._say("mp4", 'there is no ffmpeg, so videos become GIFs: run  pip install "rla[video]"')
        self._temporary = self._cleanup.enter_context(unfinished(self._path))
        if ffmpeg is None:
            return _GifFile(self._temporary, width, height, self._fps)
        return FfmpegStream(ffmpeg, self._temporary, width, height, self._fps, self._patience)


class SameSize:
    """Makes frames of one size, that of the first, out of all."""

    def __init__(self, say: Say) -> None:
        """No frame yet."""
        self._say = say
        self._size: tuple[int, int] | None = None

    def __call__(self, frame: Any) -> Pixels:
        """The frame's pixels: shape (H, W, 3), dtype uint8, contiguous.

        Raises:
            ValueError: It is no image.
            TypeError: It is no image.
        """
        pixels, note = to_pixels(frame)
        if note:
            self._say("video pixels", f"the frames of a video: {note}")
        rgb = to_rgb(pixels)
        size = rgb.shape[0], rgb.shape[1]
        if self._size is None:
            self._size = size
        if size == self._size:
            return rgb
        self._say("video sizes", f"a video of {_text(self._size)} has a frame of {_text(size)}: cropped or bordered")
        return _centred(rgb, *self._size)


def checked_fps(fps: float) -> float:
    """A number of frames per second.

    Raises:
        ValueError: It is not above 0 and at most 1000.
    """
    number = float(fps)
    if not (math.isfinite(number) and 0 < number <= 1000):  # noqa: PLR2004 - beyond that ffmpeg's time base ends
        raise ValueError(f"fps is {fps!r}; it must be above 0, and at most 1000")
    return number


def each_frame(frames: Iterable[Any]) -> Iterator[Any]:
    """The frames one by one, none held longer than needed.

    Args:
        frames: An array or a tensor, shape (T, H, W), (T, H, W, C), (T, C, H, W) or one of the last
            two behind a batch of 1; or anything that gives one image after the other.

    Raises:
        ValueError: The shape is no video's.
    """
    shape = getattr(frames, "shape", None)
    if shape is None:
        return iter(frames)
    if len(shape) == _BATCH and shape[0] == 1:
        return iter(frames[0])  # type: ignore[index] # an array or a tensor
    if len(shape) == _FRAMES or (len(shape) == _ONE_FRAME and shape[2] not in {3, 4}):
        return iter(frames)
    raise ValueError(f"an array of shape {tuple(shape)} is no video: that is (T, H, W, C), (T, C, H, W) or (T, H, W)")


class _GifFile:
    """A GIF in a file of its own."""

    def __init__(self, path: Path, width: int, height: int, fps: float) -> None:
        self._file = path.open("xb")
        self._gif = GifStream(self._file, width, height, fps)
        self.add = self._gif.add

    def finish(self) -> None:
        self._gif.finish()
        self._file.close()

    def abort(self) -> None:
        with contextlib.suppress(OSError):  # a full disk, again
            self._file.close()


def _text(size: tuple[int, int]) -> str:
    return f"{size[1]}x{size[0]}"


def _centred(rgb: Pixels, height: int, width: int) -> Pixels:
    """Cropped, or with a black border, to another size."""
    framed = np.zeros((height, width, 3), np.uint8)
    (to_y, from_y), (to_x, from_x) = _overlap(rgb.shape[0], height), _overlap(rgb.shape[1], width)
    framed[to_y, to_x] = rgb[from_y, from_x]
    return framed


def _overlap(have: int, want: int) -> tuple[slice, slice]:
    """The part of a wanted length that gets something, and the part of a given one that it gets."""
    length = min(have, want)
    to, source = (want - length) // 2, (have - length) // 2
    return slice(to, to + length), slice(source, source + length)
