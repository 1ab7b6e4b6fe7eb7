"""Encode a video by an ffmpeg process that is fed one frame at a time."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from rla.artifacts.pictures.images import Pixels
from rla.fsio.atomic_write import write_all

_FILTERS: Final = (
    "pad=ceil(iw/2)*2:ceil(ih/2)*2",  # 4:2:0 needs even sizes
    "scale=out_color_matrix=bt709:out_range=tv",  # the colours that players assume, and are told
    "setparams=colorspace=bt709:color_primaries=bt709:color_trc=bt709:range=tv",
    "format=yuv420p",
)
_ENCODE: Final = (
    *("-an", "-vf", ",".join(_FILTERS), "-c:v", "libx264", "-preset", "fast", "-threads", "2"),
    *("-movflags", "+faststart", "-f", "mp4"),
)
_TOLD: Final = 400
"""How many characters of what ffmpeg said are passed on."""


def find_ffmpeg() -> str | None:
    """The ffmpeg of the extra ``video``, or else the system's; None where there is neither."""
    try:
        import imageio_ffmpeg  # type: ignore[import-untyped] # noqa: PLC0415 - an extra
    except ImportError:
        return shutil.which("ffmpeg")
    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError:
        return None


class FfmpegStream:
    """Writes H.264 in an mp4 file that browsers play (yuv420p, index first)."""

    def __init__(self, program: str, path: Path, width: int, height: int, fps: float, patience: float) -> None:
        """Start ffmpeg.

        Args:
            program: Which ffmpeg.
            path: The file it makes.
            width: Of every frame, in pixels; odd ones get a black line.
            height: Of every frame, in pixels; odd ones get a black line.
            fps: Frames per second.
            patience: How many seconds ffmpeg may take for one frame, and for the end.

        Raises:
            OSError: It cannot be started.
        """
        self._patience = patience
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as ffmpeg runs; a pipe could fill up
        source = ("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", f"{fps:g}", "-i", "pipe:0")
        try:
            self._start(program, path, source)
        except BaseException:
            self._said.close()
            raise

    def _start(self, program: str, path: Path, source: Sequence[str]) -> None:
        with _starting:
            self._process = subprocess.Popen(  # noqa: S603 - no shell, and the user's own ffmpeg
                (program, "-y", "-hide_banner", "-loglevel", "error", *source, *_ENCODE, f"file:{path}"),
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=self._said,
                bufsize=0,
                start_new_session=True,  # Ctrl-C is the training's, which then ends the video in order
            )
            _live.add(self)

    def add(self, pixels: Pixels) -> None:
        """Hand over a frame.

        Args:
            pixels: Shape (H, W, 3), dtype uint8, contiguous.

        Raises:
            OSError: ffmpeg has ended, or did not take the frame in time; it is no longer there.
        """
        assert self._process.stdin is not None
        try:
            with self._deadline():
                write_all(self._process.stdin.fileno(), pixels.tobytes())
        except OSError as error:
            raise self._failure("did not take a frame") from error

    def finish(self) -> None:
        """Wait until the file is whole.

        Raises:
            OSError: It is not, and ffmpeg is no longer there.
        """
        with self._deadline():
            self.let_go()
            code = self._process.wait()
        if code != 0:
            raise self._failure("did not finish the video")
        self._said.close()

    def abort(self) -> None:
        """End ffmpeg at once; a second call does nothing."""
        self._kill()
        self.let_go()
        self._process.wait()
        self._said.close()

    def let_go(self) -> None:
        """Close this process's end of the pipe: ffmpeg takes it for the end of the video when all have."""
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()

    @contextlib.contextmanager
    def _deadline(self) -> Iterator[None]:
        """Kill an ffmpeg that takes too long; what waits for it then sees it end."""
        timer = threading.Timer(self._patience, self._kill)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _kill(self) -> None:
        with contextlib.suppress(OSError):
            if hasattr(os, "killpg") and self._process.poll() is None:
                os.killpg(self._process.pid, signal.SIGKILL)  # its session is its own: a wrapper's child is reached too
            self._process.kill()

    def _failure(self, what: str) -> OSError:
        self._kill()
        code = self._process.wait()
        self._said.seek(0)
        said = self._said.read().decode("utf-8", "replace").strip()[-_TOLD:]
        self.abort()
        ended = f"it was ended by signal {-code}" if code < 0 else f"it ended with code {code}"
        return OSError(f"ffmpeg {what} within {self._patience:g} s, or failed: {ended}{': ' if said else ''}{said}")


_live: weakref.WeakSet[FfmpegStream] = weakref.WeakSet()
_starting: Final = threading.RLock()
"""Forks of other threads wait for it, so that no child gets a pipe of which nobody knows yet."""


def _let_go_in_child() -> None:
    """A forked worker must not hold the pipes: ffmpeg would wait for it to end."""
    for stream in list(_live):
        stream.let_go()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_starting.acquire, after_in_parent=_starting.release, after_in_child=_starting.release)
    os.register_at_fork(after_in_child=_let_go_in_child)
