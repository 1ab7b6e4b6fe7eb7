"""Record histograms, images, videos, figures and texts into the run's TensorBoard events.

Reached as ``rla.logger.record_histogram`` and so on. Each goes into the run's one event file at once, at
the current time step; where LOG_USED has no ``tensorboard``, nothing happens. None of them raises
once a run was started: what cannot be recorded is warned of once, and counted as a loss of the run.
To keep a file as well, use :mod:`rla.easy_log.complex_data_recorder`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from rla.easy_log.current import current

if TYPE_CHECKING:
    from rla.artifacts.pictures.figures import Figure
    from rla.easy_log.losses import Losses

_BINS: Final = 30
_RGB: Final = 3


def record_histogram(key: str, values: Any, bins: int | str | Sequence[float] = _BINS) -> None:
    """Record how values are distributed; NaN and infinities are left out.

    Args:
        key: Its name; a part before the first ``/`` is its group in TensorBoard.
        values: Numbers: an array or tensor of any shape and real dtype, or nested lists.
        bins: How many bins of one width, or their edges, ascending, or a rule as for
            ``numpy.histogram``. TensorBoard shows 30 of its own, made from these.
    """
    current.logger().record_event(f"record_histogram:{key}", lambda: _histogram(str(key), values, bins))


def record_image(key: str, image: Any) -> None:
    """Record an image.

    Args:
        key: Its name; a part before the first ``/`` is its group in TensorBoard.
        image: As for :meth:`rla.easy_log.complex_data_recorder.ImgRecorder.save`.
    """
    current.logger().record_event(f"record_image:{key}", lambda: _image(str(key), image))


def record_video(key: str, frames: Iterable[Any], fps: float = 30) -> None:
    """Record a video, as an animated GIF on TensorBoard's images page.

    The whole GIF is one event, so keep it small: about a hundred frames of a few hundred pixels.

    Args:
        key: Its name; a part before the first ``/`` is its group in TensorBoard.
        frames: As for :meth:`rla.easy_log.complex_data_recorder.VideoRecorder.save`.
        fps: Frames per second, at most 50 in a GIF.
    """
    current.logger().record_event(f"record_video:{key}", lambda: _video(str(key), frames, fps))


def record_figure(key: str, fig: Figure, close: bool = False) -> None:
    """Record a figure of matplotlib as an image.

    Args:
        key: Its name; a part before the first ``/`` is its group in TensorBoard.
        fig: The figure, or anything that has one as its ``figure``, as axes do.
        close: Let pyplot forget the figure.
    """
    current.logger().record_event(f"record_figure:{key}", lambda: _figure(str(key), fig, close=close))


def record_text(key: str, markdown: str) -> None:
    """Record a text, which TensorBoard renders as Markdown.

    Args:
        key: Its name.
        markdown: The text.
    """
    from rla.writers import events  # noqa: PLC0415 - as below

    current.logger().record_event(f"record_text:{key}", lambda: events.markdown(str(key), str(markdown)))


# What encodes is imported when first used: NumPy alone costs a start 60 ms.


def _histogram(key: str, values: Any, bins: int | str | Sequence[float]) -> bytes:
    import numpy as np  # noqa: PLC0415

    from rla.artifacts.pictures.images import to_array  # noqa: PLC0415
    from rla.writers.rich_events import histogram  # noqa: PLC0415

    array = to_array(values).ravel()
    if array.dtype.kind not in "buif":
        raise TypeError(f"values of type {array.dtype} have no histogram")
    numbers = array.astype(np.float64)
    finite = numbers[np.isfinite(numbers)]
    counts, edges = np.histogram(finite, bins)
    counted = finite[(finite >= edges[0]) & (finite <= edges[-1])]
    if not counted.size:
        raise ValueError(f"none of {numbers.size} values is finite and in the bins")
    moments = float(counted.min()), float(counted.max()), float(counted.sum()), float(counted @ counted)
    return histogram(key, moments, edges.tolist(), counts.tolist())


def _image(key: str, image: Any) -> bytes:
    from rla.artifacts.pictures.images import encode, to_pixels  # noqa: PLC0415
    from rla.writers import rich_events  # noqa: PLC0415

    pixels, note = to_pixels(image)
    if note:
        _losses().say("image pixels", f"record_image({key!r}): {note}")
    channels = pixels.shape[2] if pixels.ndim == _RGB else 1
    return rich_events.image(key, encode(pixels), pixels.shape[1], pixels.shape[0], channels)


def _video(key: str, frames: Iterable[Any], fps: float) -> bytes:
    import io  # noqa: PLC0415

    from rla.artifacts.pictures.gif import GifStream  # noqa: PLC0415
    from rla.artifacts.pictures.video import SameSize, checked_fps, each_frame  # noqa: PLC0415
    from rla.writers import rich_events  # noqa: PLC0415

    buffer, fit = io.BytesIO(), SameSize(_losses().say)
    gif: GifStream | None = None
    height = width = 0
    for pixels in map(fit, each_frame(frames)):
        if gif is None:
            height, width = pixels.shape[:2]
            gif = GifStream(buffer, width, height, checked_fps(fps))
        gif.add(pixels)
    if gif is None:
        raise ValueError("a video needs a frame")
    gif.finish()
    return rich_events.image(key, buffer.getvalue(), width, height, _RGB)


def _figure(key: str, fig: Any, *, close: bool) -> bytes:
    from rla.artifacts.pictures import figures  # noqa: PLC0415
    from rla.writers import rich_events  # noqa: PLC0415

    figure = getattr(fig, "figure", fig)
    try:
        png = figures.encode(figure)
    finally:
        if close:
            figures.close(figure)
    width, height = (int.from_bytes(png[start : start + 4]) for start in (16, 20))  # where a PNG says its size
    return rich_events.image(key, png, width, height, 4)


def _losses() -> Losses:
    from rla.easy_log.result_target import current_losses  # noqa: PLC0415 - a run without pictures goes without

    return current_losses()
