"""Keep figures, images and videos in the run's ``results`` directory.

::

    from rla.easy_log.complex_data_recorder import ImgRecorder, MatplotlibRecorder, VideoRecorder

    MatplotlibRecorder.pretty_plot_wrapper("returns", plot_func, xlabel="episode", ylabel="return")
    ImgRecorder.save("observation", frame)
    VideoRecorder.save("episode", frames, fps=30)

A file is ``<results>/<directories>/<time step>-<name>.<format>``. The name's ending says the format;
each ``/`` in it makes a directory; what no file may be called is replaced, and nothing leaves
the directory. With ``cover=False`` a file that is there already stays: the new one is called
``<name>-1``, ``<name>-2``, ... With ``cover=True`` it is replaced in one step.

Every call returns the file's path, or None when nothing was kept. Recording never harms training:
what goes wrong, in the caller's own drawing function too, is warned of once, counted as a loss of
the run, and leaves no half file. After the run's end, in other ranks and in forked workers nothing
is recorded, unless ``results_dir`` says where to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from rla.artifacts.pictures import figures, images, video
from rla.artifacts.pictures.result_file import write_result
from rla.easy_log.result_target import ResultsDir, Target, result_target

_FIGURE: Final = "figure"
_IMAGE: Final = "image"
_VIDEO: Final = "video"


class MatplotlibRecorder:
    """Keeps figures of matplotlib, without changing the user's figures, backend or settings."""

    @classmethod
    def save(
        cls,
        name: str | None = None,
        fig: figures.Figure | None = None,
        cover: bool = False,
        add_timestamp: bool = True,
        results_dir: ResultsDir = None,
        **savefig_kw: Any,
    ) -> Path | None:
        """Save a figure; it stays open.

        Args:
            name: What to call it; see the module.
            fig: The figure, or anything that has one as its ``figure``, as axes do; without it
                pyplot's current one.
            cover: Replace a file of the same name and time step.
            add_timestamp: Put the time step before the name.
            results_dir: Where to, instead of the run's results directory.
            savefig_kw: For ``Figure.savefig``, as ``dpi=200``.

        Returns:
            The file, or None when there is none.

        Raises:
            NotConfiguredError: No run was started, and ``results_dir`` is not given.
        """
        target = result_target("MatplotlibRecorder.save", results_dir)
        if target is None:
            return None
        default = f".{savefig_kw.pop('format', 'png')}"
        path = target.path(name or _FIGURE, figures.FORMATS, default, add_timestamp=add_timestamp)

        def write() -> Path:
            figure = getattr(fig, "figure", fig) if fig is not None else figures.current_figure()
            return write_result(path, figures.encode(figure, path.suffix, **savefig_kw), cover=cover)

        return target.keep(_FIGURE, path, write)

    @classmethod
    def pretty_plot_wrapper(  # noqa: PLR0913, PLR0917 - the signature is the seed's
        cls,
        name: str,
        plot_func: Callable[..., Any],
        cover: bool = False,
        legend_outside: bool = False,
        pretty_plot: bool = False,
        xlabel: str = "",
        ylabel: str = "",
        title: str = "",
        add_timestamp: bool = True,
        close_all_fig: bool = True,
        results_dir: ResultsDir = None,
        *args: Any,
        **kwargs: Any,
    ) -> Path | None:
        """Save what a function draws through pyplot.

        ``plt.show()`` in it does nothing. Labels, title, a grid and, where something has a label, a
        legend are always drawn. A function that raises is counted as a loss, and training goes on.

        Args:
            name: What to call it; see the module.
            plot_func: Draws into pyplot's current figure, which is a new one, or into one that it
                makes; it may return the figure that it means.
            cover: Replace a file of the same name and time step.
            legend_outside: Put the legend at the right of the axes.
            pretty_plot: Larger letters and thicker lines, as for a paper.
            xlabel: Below; empty leaves what ``plot_func`` wrote.
            ylabel: At the left; empty leaves what ``plot_func`` wrote.
            title: Above; empty leaves what ``plot_func`` wrote.
            add_timestamp: Put the time step before the name.
            close_all_fig: Close every figure that was made meanwhile, and no other. Otherwise the
                saved one stays open and current.
            results_dir: Where to, instead of the run's results directory.
            args: For ``plot_func``.
            kwargs: For ``plot_func``.

        Returns:
            The file, or None when there is none.

        Raises:
            NotConfiguredError: No run was started, and ``results_dir`` is not given.
        """
        target = result_target("MatplotlibRecorder.pretty_plot_wrapper", results_dir)
        if target is None:
            return None
        path = target.path(name or _FIGURE, figures.FORMATS, ".png", add_timestamp=add_timestamp)
        look = figures.Look(xlabel, ylabel, title, legend_outside, pretty_plot)

        def write() -> Path:
            content = figures.draw_with_pyplot(
                lambda: plot_func(*args, **kwargs), look, path.suffix, close_new=close_all_fig
            )
            return write_result(path, content, cover=cover)

        return target.keep(_FIGURE, path, write)


class ImgRecorder:
    """Keeps images: arrays, tensors and Pillow images."""

    @classmethod
    def save(
        cls,
        name: str | None = None,
        img: Any = None,
        cover: bool = False,
        add_timestamp: bool = True,
        results_dir: ResultsDir = None,
        **save_kw: Any,
    ) -> Path | None:
        """Save an image, as PNG where the name has no other ending.

        Args:
            name: What to call it; see the module. PNG, JPEG, WebP, GIF, BMP and TIFF are known.
            img: An array or tensor of shape (H, W), (H, W, C) or (C, H, W) with C = 1, 3 (RGB) or 4
                (RGBA), dtype uint8 (0 to 255), float (0 to 1, others clipped, NaN is 0) or bool; or
                a Pillow image. Where the first and the last length could both be channels, the last
                one is.
            cover: Replace a file of the same name and time step.
            add_timestamp: Put the time step before the name.
            results_dir: Where to, instead of the run's results directory.
            save_kw: For ``PIL.Image.Image.save``, as ``quality=90``.

        Returns:
            The file, or None when there is none.

        Raises:
            NotConfiguredError: No run was started, and ``results_dir`` is not given.
        """
        target = result_target("ImgRecorder.save", results_dir)
        if target is None:
            return None
        path = target.path(name or _IMAGE, images.FORMATS, ".png", add_timestamp=add_timestamp)

        def write() -> Path:
            pixels, note = images.to_pixels(img)
            if note:
                target.losses.say("image pixels", f"image {path.name}: {note}")
            return write_result(path, images.encode(pixels, path.suffix, **save_kw), cover=cover)

        return target.keep(_IMAGE, path, write)


class VideoRecorder:
    """Keeps videos: mp4 with the extra ``video`` or a system ffmpeg, else GIF."""

    @classmethod
    def save(
        cls,
        name: str | None = None,
        frames: Iterable[Any] | None = None,
        fps: float = 30,
        cover: bool = False,
        add_timestamp: bool = True,
        results_dir: ResultsDir = None,
    ) -> Path | None:
        """Save a video. Frames of a generator are encoded as they come, and none is kept in memory.

        Args:
            name: What to call it; see the module. ``.mp4`` and ``.gif`` are known.
            frames: An array or tensor of shape (T, H, W), (T, H, W, C) or (T, C, H, W), or anything
                that gives images as :meth:`ImgRecorder.save` takes them. A frame of another size than
                the first is cropped or bordered. Frames before one that a generator raises at are
                kept.
            fps: Frames per second.
            cover: Replace a file of the same name and time step.
            add_timestamp: Put the time step before the name.
            results_dir: Where to, instead of the run's results directory.

        Returns:
            The file, or None when there is none.

        Raises:
            NotConfiguredError: No run was started, and ``results_dir`` is not given.
        """
        target = result_target("VideoRecorder.save", results_dir)
        with VideoRecording(target, name, fps, cover=cover, add_timestamp=add_timestamp) as recording:
            recording.add_all(() if frames is None else frames)
        return recording.path

    @classmethod
    def open(
        cls,
        name: str | None = None,
        fps: float = 30,
        cover: bool = False,
        add_timestamp: bool = True,
        results_dir: ResultsDir = None,
    ) -> VideoRecording:
        """Begin a video that gets its frames one by one; the time step in its name is that of now.

        ::

            with VideoRecorder.open("episode") as video:
                video.add(env.render())

        Args:
            name: As for :meth:`save`.
            fps: As for :meth:`save`.
            cover: As for :meth:`save`.
            add_timestamp: As for :meth:`save`.
            results_dir: As for :meth:`save`.

        Raises:
            NotConfiguredError: No run was started, and ``results_dir`` is not given.
        """
        target = result_target("VideoRecorder.open", results_dir)
        return VideoRecording(target, name, fps, cover=cover, add_timestamp=add_timestamp)


class VideoRecording:
    """A video that is being recorded. Leaving ``with`` finishes it, also when the body raised.

    Attributes:
        path: The file, once it is finished.
    """

    def __init__(
        self, target: Target | None, name: str | None, fps: float, *, cover: bool, add_timestamp: bool
    ) -> None:
        """Made by :meth:`VideoRecorder.open`; without a target it records nothing."""
        self._target = target
        self._writer: video.VideoFile | None = None
        self._wanted = Path()
        self.path: Path | None = None
        if target is not None:
            self._wanted = target.path(name or _VIDEO, video.FORMATS, ".mp4", add_timestamp=add_timestamp)
            try:
                self._writer = video.VideoFile(self._wanted, fps, cover=cover, say=target.losses.say)
            except (TypeError, ValueError) as error:
                target.lose(_VIDEO, self._wanted, error)

    def add(self, frame: Any) -> None:
        """Append a frame; one that is no image is counted as a loss, and the video goes on."""
        if self._writer is None or self._target is None:
            return
        try:
            self._writer.add(frame)
        except Exception as error:  # noqa: BLE001 - recording never harms training
            self._target.lose(_VIDEO, self._wanted, error)
            if isinstance(error, OSError):
                self._writer = None

    def add_all(self, frames: Iterable[Any]) -> None:
        """Append frames one after the other, as :meth:`VideoRecorder.save` takes them."""
        if self._target is None:
            return
        try:
            for frame in video.each_frame(frames):
                if self._writer is None:
                    return
                self.add(frame)
        except Exception as error:  # noqa: BLE001 - recording never harms training; the frames are the caller's
            self._target.lose(_VIDEO, self._wanted, error)

    def close(self) -> Path | None:
        """Finish the video; a second call does nothing. Returns the file, or None when there is none."""
        writer, self._writer = self._writer, None
        if writer is not None and self._target is not None:
            self.path = self._target.keep(_VIDEO, self._wanted, writer.close)
        return self.path

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
