from __future__ import annotations

import io
import subprocess
import sys
import tracemalloc
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image

from rla.artifacts.pictures import ffmpeg
from rla.artifacts.pictures.gif import GifStream
from rla.artifacts.pictures.video import SameSize, VideoFile, each_frame


class Said(dict[str, str]):
    """What was told, by topic."""

    def __call__(self, topic: str, message: str) -> None:
        self[topic] = message


@pytest.fixture
def said() -> Said:
    return Said()


def colored(number: int, height: int = 48, width: int = 64) -> np.ndarray:
    """A frame whose left half tells its number, and whose right half is blue."""
    frame = np.zeros((height, width, 3), np.uint8)
    frame[:, : width // 2, 0] = 25 * number
    frame[:, width // 2 :, 2] = 255
    return frame


def record(path: Path, frames, say=lambda *_: None, fps: float = 10, **options) -> Path:
    made = VideoFile(path, fps, say=say, cover=options.pop("cover", False), **options)
    for frame in frames:
        made.add(frame)
    found = made.close()
    assert found is not None
    return found


def decoded(path: Path, width: int, height: int) -> np.ndarray:
    command = [
        imageio_ffmpeg.get_ffmpeg_exe(),
        "-v",
        "error",
        "-i",
        str(path),
        "-f",
        "rawvideo",
        "-pix_fmt",
        "rgb24",
        "-",
    ]
    raw = subprocess.run(command, capture_output=True, check=True).stdout
    return np.frombuffer(raw, np.uint8).reshape(-1, height, width, 3).astype(int)


def about(path: Path) -> str:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-i", str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stderr


def fake_ffmpeg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    program = tmp_path / "ffmpeg"
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(program))


@pytest.fixture
def _no_ffmpeg(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    monkeypatch.setenv("PATH", str(tmp_path))


def test_an_mp4_holds_the_frames(tmp_path):
    path = record(tmp_path / "v.mp4", map(colored, range(10)))
    frames = decoded(path, 64, 48)
    assert len(frames) == 10
    for number, frame in enumerate(frames):
        assert abs(frame - colored(number).astype(int)).mean() < 6


def test_an_mp4_is_one_that_browsers_play(tmp_path):
    path = record(tmp_path / "v.mp4", map(colored, range(10)), fps=12.5)
    told = about(path)
    assert "h264" in told
    assert "yuv420p(tv, bt709" in told
    assert "12.50 fps" in told
    content = path.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")


def test_odd_sizes_get_a_black_line(tmp_path):
    path = record(tmp_path / "v.mp4", [np.full((47, 63), 200, np.uint8)] * 3)
    frame = decoded(path, 64, 48)[0]
    assert abs(frame[:46, :62] - 200).max() < 12
    assert frame[-1].max() < 90


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (2, 300)])
def test_tiny_frames_make_a_video(tmp_path, size):
    assert record(tmp_path / "v.mp4", [np.zeros(size, np.uint8)] * 2).stat().st_size > 0


def test_frames_of_other_sizes_are_centred_and_told_once(tmp_path, said):
    fit = SameSize(said)
    assert fit(np.full((4, 6), 9, np.uint8)).shape == (4, 6, 3)
    small, large = fit(np.full((2, 2), 9, np.uint8)), fit(np.arange(64, dtype=np.uint8).reshape(8, 8))
    assert small[:, :, 0].tolist() == [[0] * 6, [0, 0, 9, 9, 0, 0], [0, 0, 9, 9, 0, 0], [0] * 6]
    assert large[:, :, 0].tolist() == np.arange(64).reshape(8, 8)[2:6, 1:7].tolist()
    assert said == {"video sizes": "a video of 6x4 has a frame of 8x8: cropped or bordered"}


@pytest.mark.parametrize(
    ("shape", "count"),
    [((5, 8, 9), 5), ((5, 8, 9, 3), 5), ((5, 3, 8, 9), 5), ((1, 5, 3, 8, 9), 5), ((5, 1, 8, 9), 5), ((5, 8, 9, 4), 5)],
)
def test_every_shape_of_video_gives_its_frames(shape, count):
    frames = [SameSize(lambda *_: None)(frame) for frame in each_frame(np.zeros(shape, np.uint8))]
    assert [frame.shape for frame in frames] == [(8, 9, 3)] * count


@pytest.mark.parametrize("shape", [(8,), (8, 9), (80, 90, 3), (2, 5, 3, 8, 9)])
def test_a_shape_that_is_no_video_is_refused(shape):
    with pytest.raises(ValueError, match="is no video"):
        each_frame(np.zeros(shape, np.uint8))


def test_floats_outside_0_to_1_are_told_once(tmp_path, said):
    record(tmp_path / "v.gif", [np.full((4, 4), 3.0)] * 5, said)
    assert list(said) == ["video pixels"]


@pytest.mark.parametrize("fps", [0, -1, float("nan"), float("inf"), 1e6])
def test_a_speed_that_is_none_is_refused(tmp_path, said, fps):
    with pytest.raises(ValueError, match="fps"):
        VideoFile(tmp_path / "v.mp4", fps, cover=False, say=said)


@pytest.mark.usefixtures("_no_ffmpeg")
def test_without_ffmpeg_the_video_is_a_gif_and_that_is_told(tmp_path, said):
    path = record(tmp_path / "v.mp4", map(colored, range(10)), said)
    assert path == tmp_path / "v.gif"
    assert "rla[video]" in said["mp4"]
    with Image.open(path) as gif:
        assert gif.n_frames == 10


def test_a_system_ffmpeg_is_found_without_the_extra(tmp_path, monkeypatch):
    (tmp_path / "ffmpeg").symlink_to(imageio_ffmpeg.get_ffmpeg_exe())
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert ffmpeg.find_ffmpeg() == str(tmp_path / "ffmpeg")
    assert len(decoded(record(tmp_path / "v.mp4", map(colored, range(4))), 64, 48)) == 4


@pytest.mark.parametrize("fps", [10, 24, 30, 50])
def test_a_gif_holds_the_exact_frames_and_their_times(fps):
    file = io.BytesIO()
    gif = GifStream(file, 64, 48, fps)
    for number in range(9):
        gif.add(colored(number))
    gif.finish()
    shown = 0
    with Image.open(file) as read:
        assert (read.n_frames, read.info["loop"]) == (9, 0)
        for number in range(9):
            read.seek(number)
            shown += read.info["duration"]
            assert np.array_equal(np.asarray(read.convert("RGB")), colored(number))
            assert abs(shown - 1000 * (number + 1) / fps) <= 5


def test_a_gif_that_is_too_fast_for_gif_has_50_frames_per_second():
    file = io.BytesIO()
    gif = GifStream(file, 64, 48, 200)
    for number in range(3):
        gif.add(colored(number))
    gif.finish()
    with Image.open(file) as read:
        assert read.info["duration"] == 20


@pytest.mark.parametrize("name", ["v.mp4", "v.gif"])
def test_a_long_video_needs_no_more_memory_than_a_short_one(tmp_path, name):
    frame = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    writer = VideoFile(tmp_path / name, 30, cover=False, say=lambda *_: None)
    for _ in range(5):
        writer.add(frame)
    tracemalloc.start()
    for number in range(150):
        writer.add(np.roll(frame, number, axis=0))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    writer.close()
    assert peak < 20 * frame.nbytes


def test_until_it_is_closed_a_video_has_no_name(tmp_path, said):
    writer = VideoFile(tmp_path / "v.mp4", 10, cover=False, say=said)
    writer.add(colored(1))
    assert [path.suffix for path in tmp_path.iterdir()] in ([], [".rla-tmp"])
    writer.close()
    assert [path.name for path in tmp_path.iterdir()] == ["v.mp4"]


def test_an_aborted_video_leaves_nothing(tmp_path, said):
    for name in ("v.mp4", "v.gif"):
        writer = VideoFile(tmp_path / name, 10, cover=False, say=said)
        writer.add(colored(1))
        writer.abort()
        writer.abort()
    assert list(tmp_path.iterdir()) == []


def test_a_video_without_a_frame_is_refused(tmp_path, said):
    with pytest.raises(ValueError, match="needs a frame"):
        VideoFile(tmp_path / "v.mp4", 10, cover=False, say=said).close()
    assert list(tmp_path.iterdir()) == []


def test_a_frame_that_is_none_leaves_the_video_as_it_was(tmp_path, said):
    writer = VideoFile(tmp_path / "v.gif", 10, cover=False, say=said)
    writer.add(colored(1))
    with pytest.raises((TypeError, ValueError)):
        writer.add(None)
    writer.add(colored(2))
    writer.close()
    with Image.open(tmp_path / "v.gif") as gif:
        assert gif.n_frames == 2


def test_an_ffmpeg_that_dies_is_an_error_with_its_words_and_leaves_nothing(tmp_path, monkeypatch):
    fake_ffmpeg(tmp_path, monkeypatch, "echo unknown encoder >&2; exit 3")
    with pytest.raises(OSError, match=r"code 3: unknown encoder"):
        record(tmp_path / "out" / "v.mp4", [np.zeros((500, 500, 3), np.uint8)] * 5)
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("body", ["exec sleep 600", "sleep 600"])
def test_an_ffmpeg_that_hangs_is_ended(tmp_path, monkeypatch, body):
    fake_ffmpeg(tmp_path, monkeypatch, body)
    with pytest.raises(OSError, match=r"did not take a frame within 0\.5 s"):
        record(tmp_path / "out" / "v.mp4", [np.zeros((500, 500, 3), np.uint8)] * 5, patience=0.5)
    assert list((tmp_path / "out").iterdir()) == []


def test_an_ffmpeg_that_hangs_at_the_end_is_ended(tmp_path, monkeypatch):
    fake_ffmpeg(tmp_path, monkeypatch, "cat > /dev/null; exec sleep 600")
    with pytest.raises(OSError, match=r"did not finish the video within 0\.5 s"):
        record(tmp_path / "out" / "v.mp4", [colored(1)], patience=0.5)
    assert list((tmp_path / "out").iterdir()) == []


def test_an_ffmpeg_that_cannot_be_started_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(tmp_path / "absent"))
    with pytest.raises(FileNotFoundError):
        record(tmp_path / "v.mp4", [colored(1)])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["v.mp4", "v.gif"])
def test_a_full_disk_is_an_error_and_leaves_nothing(tmp_path, name):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    mounted = subprocess.run(mount, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"mounting a tmpfs needs root and its capability: {mounted.stderr.strip()}")
    noise = np.random.default_rng(0).integers(0, 255, (60, 128, 128, 3), np.uint8)
    try:
        with pytest.raises(OSError, match="space"):
            record(disk / name, noise)
        assert list(disk.iterdir()) == []
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_forked_worker_neither_holds_up_the_video_nor_touches_it(tmp_path, script):
    script(
        """
        import os, sys, time
        import numpy as np
        from pathlib import Path
        from rla.artifacts.pictures.video import VideoFile

        video = VideoFile(Path(sys.argv[1]), 10, cover=False, say=print)
        frame = np.zeros((64, 64, 3), np.uint8)
        video.add(frame)
        child = os.fork()
        if not child:
            video.add(frame)
            assert video.close() is None
            time.sleep(600)
            os._exit(0)
        video.add(frame)
        assert video.close() == Path(sys.argv[1])
        assert os.waitpid(child, os.WNOHANG) == (0, 0)
        os.kill(child, 9)
        os.waitpid(child, 0)
        """,
        str(tmp_path / "v.mp4"),
    )
    assert len(decoded(tmp_path / "v.mp4", 64, 64)) == 2


def test_a_worker_that_another_thread_forks_while_ffmpeg_starts_does_not_hold_it_up(tmp_path, script):
    script(
        """
        import os, subprocess, sys, threading, time
        import numpy as np
        from pathlib import Path
        from rla.artifacts.pictures import ffmpeg

        start, children = subprocess.Popen, []
        program = ffmpeg.find_ffmpeg()

        def fork():
            if child := os.fork():
                children.append(child)
            else:
                os.closerange(0, 3)
                time.sleep(60)
                os._exit(0)

        def start_slowly(*arguments, **options):
            process = start(*arguments, **options)
            forking.start()
            forking.join(0.5)
            return process

        forking = threading.Thread(target=fork)
        subprocess.Popen = start_slowly
        video = ffmpeg.FfmpegStream(program, Path(sys.argv[1]), 64, 64, 10, patience=20)
        forking.join()
        try:
            video.add(np.zeros((64, 64, 3), np.uint8))
            video.finish()
        finally:
            os.kill(children[0], 9)
            os.waitpid(children[0], 0)
        """,
        str(tmp_path / "v.mp4"),
    )
    assert len(decoded(tmp_path / "v.mp4", 64, 64)) == 1
