"""The images and videos that a run kept: which there are, and their pixels."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rla.errors import MissingDependencyError

Pixels = NDArray[np.uint8]
"""Shape (height, width, 3)."""

ENDINGS: Final = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".mp4"})
VIDEO: Final = ".mp4"

_STEP: Final = (
    re.compile(r"(?P<step>\d+)-(?P<name>.+)", re.DOTALL),
    re.compile(r"(?P<name>.+?)[_-](?P<step>\d+)", re.DOTALL),
)
"""``<step>-<name>``, as the recorders write it, or ``<name>_<step>`` and ``<name>-<step>``, as others do."""
_LONGEST_SIDE: Final = 512
_GAP: Final = 4
_PATIENCE: Final = 60
"""How many seconds ffmpeg may take."""
_WHITE: Final = 255
_DEEP: Final = ("I", "F", "I;16", "I;16L", "I;16B", "I;16N")
"""Greyscale with more than 8 bits."""


@dataclass(frozen=True)
class SavedPicture:
    """One file.

    Attributes:
        path: The file.
        name: Its path below the results directory, without time step and ending.
        step: The time step in its name, or None.
    """

    path: Path
    name: str
    step: int | None


def saved_pictures(directory: Path, patterns: Sequence[str], newest: int) -> list[SavedPicture]:
    """The images and videos of some names, of each name the newest.

    Args:
        directory: A run's results directory.
        patterns: As in a .gitignore file; compared with the path below the directory, with the name
            without its step and with that without its ending.
        newest: How many of each name, by the step in the file's name. Files without one are ordered
            by when they were written, and come before all that have one.

    Returns:
        By name, and of each name the newest first.
    """
    from pathspec import GitIgnoreSpec  # noqa: PLC0415 - slow to load

    wanted = GitIgnoreSpec.from_lines(patterns)
    by_name: dict[str, list[SavedPicture]] = {}
    for picture in all_pictures(directory):
        path = picture.path.relative_to(directory).as_posix()
        texts = (path, picture.name, f"{picture.name}{picture.path.suffix}")
        said = {wanted.check_file(text).include for text in texts}  # True, False for a pattern with !, or None
        if True in said and False not in said:
            by_name.setdefault(picture.name, []).append(picture)
    return [picture for name in sorted(by_name) for picture in sorted(by_name[name], key=_age, reverse=True)[:newest]]


def all_pictures(directory: Path) -> Iterator[SavedPicture]:
    """Every image and video below a directory, in the order of their paths."""
    for parent, directories, files in os.walk(directory):
        directories.sort()
        for file in sorted(files):
            path = Path(parent, file)
            if path.suffix.lower() in ENDINGS and not file.startswith("."):
                yield _picture(directory, path)


def read_pixels(path: Path, frames: int) -> Pixels:
    """An image, or some frames of a video side by side; large ones become smaller.

    Args:
        path: The file.
        frames: So many of a video at most, from its first to its last, evenly.

    Raises:
        OSError: It cannot be read, or is no image.
        ValueError: It is damaged.
        MissingDependencyError: It is an mp4 video, and the package that reads those is missing.
    """
    if path.suffix.lower() == VIDEO:
        return _side_by_side(_mp4_frames(path, frames))
    with Image.open(path) as image:
        count = getattr(image, "n_frames", 1)
        chosen = []
        for place in evenly(count, frames):
            image.seek(place)
            chosen.append(_rgb(image))
    return _side_by_side(chosen)


def evenly(count: int, most: int) -> list[int]:
    """At most so many of ``count`` places, evenly, the first and the last among them."""
    return sorted({round(place) for place in np.linspace(0, count - 1, min(count, most))})


def _picture(directory: Path, path: Path) -> SavedPicture:
    folder = path.relative_to(directory).parent
    match = next((found for pattern in _STEP if (found := pattern.fullmatch(path.stem))), None)
    name, step = (match["name"], int(match["step"])) if match else (path.stem, None)
    return SavedPicture(path, (folder / name).as_posix(), step)


def _age(picture: SavedPicture) -> tuple[int, float]:
    return (-1, picture.path.stat().st_mtime) if picture.step is None else (0, picture.step)


def _rgb(image: Image.Image) -> Pixels:
    """Any image as 8-bit colours; what is transparent is white, deep greyscale is stretched to what it holds."""
    if image.mode in _DEEP:
        image = Image.fromarray(_stretched(np.asarray(image, dtype=np.float64)))
    elif image.mode in {"RGBA", "LA", "PA"} or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    image = image.convert("RGB")
    image.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE))
    return np.array(image, dtype=np.uint8)


def _stretched(values: NDArray[np.float64]) -> Pixels:
    finite = np.where(np.isfinite(values), values, np.nan)
    low, high = (np.nanmin(finite), np.nanmax(finite)) if np.isfinite(values).any() else (0.0, 1.0)
    levels: Pixels = np.nan_to_num((finite - low) / ((high - low) or 1.0) * _WHITE).astype(np.uint8)
    return levels


def _side_by_side(frames: Sequence[Pixels]) -> Pixels:
    """Frames of one size in a row, with white between them."""
    height = frames[0].shape[0]
    gap = np.full((height, _GAP, 3), _WHITE, dtype=np.uint8)
    return np.concatenate([part for frame in frames for part in (frame, gap)][:-1], axis=1)


def _mp4_frames(path: Path, most: int) -> list[Pixels]:
    """Frames of an mp4 video; ffmpeg writes the chosen ones into a directory that is gone afterwards."""
    try:
        import imageio_ffmpeg  # type: ignore[import-untyped] # noqa: PLC0415 - an extra
    except ImportError:
        raise MissingDependencyError("imageio-ffmpeg", "video", "showing an mp4 video") from None
    try:
        counted, _ = imageio_ffmpeg.count_frames_and_secs(str(path))
    except RuntimeError as error:
        raise ValueError(f"ffmpeg finds no video in it: {str(error).splitlines()[0]}") from None
    chosen = "+".join(f"eq(n,{place})" for place in evenly(counted, most))
    with tempfile.TemporaryDirectory() as directory:
        command = [
            imageio_ffmpeg.get_ffmpeg_exe(),
            "-v",
            "error",
            "-i",
            str(path.absolute()),
            "-vf",
            f"select={chosen!r}",
        ]
        done = subprocess.run(  # noqa: S603 - a list, no shell; the path is absolute
            [*command, "-fps_mode", "passthrough", f"{directory}/%03d.png"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE,
            check=False,
        )
        files = sorted(Path(directory).iterdir())
        if not files:
            raise ValueError(f"ffmpeg finds no frames in it: {done.stderr.decode('utf-8', 'replace')[:200]}")
        return [_read(file) for file in files]


def _read(file: Path) -> Pixels:
    with Image.open(file) as image:
        return _rgb(image)
