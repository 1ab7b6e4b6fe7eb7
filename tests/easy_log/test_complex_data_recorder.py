"""Figures, images and videos of a real run."""

from __future__ import annotations

import threading
import warnings

import numpy as np
import pytest
from PIL import Image

import rla
from rla import time_step_holder
from rla.easy_log.complex_data_recorder import ImgRecorder, MatplotlibRecorder, VideoRecorder
from rla.errors import NotConfiguredError, RlaWarning

FRAME = np.full((8, 12, 3), 100, np.uint8)


@pytest.fixture
def run(data_root):
    with rla.init("t", {"seed": 1}, data_root=data_root, log_used=["csv"]) as run:
        time_step_holder.set_time(5)
        yield run


def names(run) -> list[str]:
    """The files of the results directory, without the marker."""
    found = (path for path in run.results_dir.rglob("*") if path.is_file() and path.name != ".rla-run")
    return sorted(path.relative_to(run.results_dir).as_posix() for path in found)


def losses(run) -> dict[str, int]:
    return dict(run.losses.counts)


def shade_of(path) -> int:
    with Image.open(path) as image:
        return int(np.asarray(image)[0, 0])


def plot() -> None:
    import matplotlib.pyplot as plt

    plt.plot([1, 1, 1], [2, 2, 2])


def figure():
    from matplotlib.figure import Figure

    made = Figure()
    made.subplots().plot([1, 2])
    return made


def test_the_seeds_example_saves_its_figure(run):
    path = MatplotlibRecorder.pretty_plot_wrapper("func", plot, xlabel="x", ylabel="y", title="react test")
    assert path == run.results_dir / "5-func.png"
    assert path.read_bytes().startswith(b"\x89PNG")
    assert losses(run) == {}


def test_the_ending_of_a_name_says_the_format(run):
    for name in ("a.pdf", "a.svg", "a.PNG", "lr=0.001", "a"):
        MatplotlibRecorder.save(name, figure())
    assert names(run) == ["5-a-1.png", "5-a.pdf", "5-a.png", "5-a.svg", "5-lr=0.001.png"]


def test_a_format_that_is_an_argument_says_the_ending(run):
    MatplotlibRecorder.save("a", figure(), format="svg", dpi=50)
    assert names(run) == ["5-a.svg"]


def test_the_current_figure_is_saved_and_stays_open(run):
    import matplotlib.pyplot as plt

    mine = plt.figure()
    assert MatplotlibRecorder.save("mine") is not None
    assert plt.gcf() is mine
    plt.close(mine)


def test_axes_are_saved_as_their_figure(run):
    assert MatplotlibRecorder.save("axes", figure().axes[0]) is not None


def test_without_an_open_figure_there_is_nothing_to_save(run):
    with pytest.warns(RlaWarning, match="no open figure"):
        assert MatplotlibRecorder.save("none") is None
    assert losses(run) == {"figure": 1}


def test_a_second_figure_of_a_step_gets_a_free_name(run):
    paths = [ImgRecorder.save("a.png", np.full((2, 2), shade, np.uint8)) for shade in (1, 2, 3)]
    assert names(run) == ["5-a-1.png", "5-a-2.png", "5-a.png"]
    assert [shade_of(path) for path in paths] == [1, 2, 3]


def test_cover_replaces_the_file(run):
    for shade in (1, 2):
        ImgRecorder.save("a", np.full((2, 2), shade, np.uint8), cover=True)
    assert names(run) == ["5-a.png"]
    assert shade_of(run.results_dir / "5-a.png") == 2


def test_threads_that_save_under_one_name_lose_nothing(run):
    def record() -> None:
        for _ in range(10):
            ImgRecorder.save("a", FRAME)

    threads = [threading.Thread(target=record) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(names(run)) == 40
    assert losses(run) == {}


def test_the_time_step_can_be_left_out(run):
    ImgRecorder.save("a", FRAME, add_timestamp=False)
    assert names(run) == ["a.png"]


def test_a_slash_in_a_name_makes_a_directory(run):
    ImgRecorder.save("eval/seen/a b", FRAME)
    assert names(run) == ["eval/seen/5-a b.png"]


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("../../escape", "__/__/5-escape.png"),
        ("/etc/passwd", "etc/5-passwd.png"),
        ("./a//b", "a/5-b.png"),
        ("a\0b", "5-a_b.png"),
        ('w<>:"\\|?*', "5-w________.png"),
        ("con/nul", "_con/5-nul.png"),
        ("", "5-image.png"),
        ("..", "5-...png"),
        ("dots. /x", "dots__/5-x.png"),
        ("ü/漢字", "ü/5-漢字.png"),
    ],
)
def test_no_name_leaves_the_results_directory_or_is_illegal(run, name, file):
    assert ImgRecorder.save(name, FRAME) is not None
    assert names(run) == [file.replace("5-...png", "5-__.png")]


def test_a_name_of_300_characters_is_cut_and_stays_its_own(run):
    for last in "ab":
        ImgRecorder.save("x" * 299 + last, FRAME)
    assert len(names(run)) == 2
    assert all(len(name) < 130 and name.endswith(".png") for name in names(run))


def test_a_windows_device_is_no_name(run):
    ImgRecorder.save("NUL.png", FRAME, add_timestamp=False)
    assert names(run) == ["_NUL.png"]


def test_results_dir_may_be_anywhere(run, tmp_path):
    place = tmp_path / "elsewhere" / "deep"
    assert ImgRecorder.save("a", FRAME, results_dir=place) == place / "5-a.png"
    assert MatplotlibRecorder.pretty_plot_wrapper("b", plot, results_dir=str(place)) == place / "5-b.png"
    assert names(run) == []


def test_a_function_that_raises_is_a_loss_that_is_told_once_and_leaves_nothing(run):
    def broken() -> None:
        raise ZeroDivisionError("no episodes yet")

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for _ in range(3):
            assert MatplotlibRecorder.pretty_plot_wrapper("broken", broken) is None
    (message,) = [str(warning.message) for warning in told]
    assert message == "figure '5-broken.png' was not kept: ZeroDivisionError: no episodes yet"
    assert losses(run) == {"figure": 3}
    assert names(run) == []


def test_further_arguments_are_the_functions(run):
    given: list[object] = []
    MatplotlibRecorder.pretty_plot_wrapper(
        "a",
        lambda *args, **kwargs: given.append((args, kwargs)),
        False,
        False,
        False,
        "",
        "",
        "",
        True,
        True,
        None,
        1,
        k=2,
    )
    assert given == [((1,), {"k": 2})]


def test_an_image_out_of_range_is_kept_and_told_once(run):
    with pytest.warns(RlaWarning, match="clipped") as told:
        ImgRecorder.save("a", FRAME.astype(float))
        ImgRecorder.save("b", FRAME.astype(float))
    assert len(told) == 1
    assert names(run) == ["5-a.png", "5-b.png"]
    assert losses(run) == {}


def test_what_is_no_image_is_a_loss(run):
    with pytest.warns(RlaWarning, match=r"image '5-a.png' was not kept: ValueError: an array of shape \(3,\)"):
        assert ImgRecorder.save("a", np.zeros(3)) is None
    assert losses(run) == {"image": 1}


def test_an_image_may_be_a_jpeg_of_a_quality(run):
    small, large = (ImgRecorder.save(f"q{quality}.jpg", noise(), quality=quality) for quality in (10, 95))
    assert small.stat().st_size < large.stat().st_size


def noise() -> np.ndarray:
    return np.random.default_rng(0).random((32, 32, 3))


def test_a_video_has_its_step_and_all_frames(run):
    path = VideoRecorder.save("episode.gif", [np.full((8, 8), shade, np.uint8) for shade in range(7)], fps=10)
    assert path == run.results_dir / "5-episode.gif"
    with Image.open(path) as gif:
        assert gif.n_frames == 7


def test_a_video_is_an_mp4_by_default(run):
    assert VideoRecorder.save("episode", np.zeros((4, 16, 16, 3))) == run.results_dir / "5-episode.mp4"
    assert losses(run) == {}


def test_a_video_can_get_its_frames_one_by_one(run):
    with VideoRecorder.open("episode.gif", fps=10) as recording:
        for step in range(3):
            time_step_holder.set_time(100 + step)
            recording.add(FRAME)
        assert recording.path is None
    assert recording.path == run.results_dir / "5-episode.gif"
    assert recording.close() == recording.path


def test_a_body_that_raises_keeps_the_frames_so_far(run):
    def episode() -> None:
        with VideoRecorder.open("episode.gif") as recording:
            recording.add(FRAME)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        episode()
    assert names(run) == ["5-episode.gif"]


def test_a_frame_that_is_none_is_a_loss_and_the_video_goes_on(run):
    with pytest.warns(RlaWarning, match="video '5-v.gif' was not kept"), VideoRecorder.open("v.gif") as recording:
        for frame in (FRAME, None, FRAME):
            recording.add(frame)
    assert losses(run) == {"video": 1}
    with Image.open(recording.path) as gif:
        assert gif.n_frames == 2


def test_a_generator_that_raises_keeps_the_frames_before(run):
    def frames():
        yield FRAME
        raise RuntimeError("the simulator is gone")

    with pytest.warns(RlaWarning, match="the simulator is gone"):
        path = VideoRecorder.save("v.gif", frames())
    assert names(run) == ["5-v.gif"]
    assert path == run.results_dir / "5-v.gif"
    assert losses(run) == {"video": 1}


@pytest.mark.parametrize("frames", [None, [], np.zeros((0, 8, 8, 3)), np.zeros(8)])
def test_a_video_without_a_frame_is_a_loss(run, frames):
    with pytest.warns(RlaWarning, match="was not kept"):
        assert VideoRecorder.save("v.gif", frames) is None
    assert names(run) == []


def test_a_speed_that_is_none_is_a_loss(run):
    with pytest.warns(RlaWarning, match="fps"):
        assert VideoRecorder.save("v", [FRAME], fps=0) is None


def test_an_ffmpeg_that_fails_is_one_loss_and_leaves_nothing(run, monkeypatch, tmp_path):
    program = tmp_path / "ffmpeg"
    program.write_text("#!/bin/sh\nexit 3\n")
    program.chmod(0o755)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(program))
    drawn: list[int] = []

    def frames():
        for number in range(100):
            drawn.append(number)
            yield np.zeros((600, 600, 3), np.uint8)

    with pytest.warns(RlaWarning, match="ffmpeg did not take a frame"):
        assert VideoRecorder.save("v", frames()) is None
    assert losses(run) == {"video": 1}
    assert len(drawn) < 10
    assert names(run) == []


def test_a_results_directory_that_cannot_be_written_harms_nothing(run):
    blocked = run.paths.directory("results")
    blocked.parent.mkdir(parents=True, exist_ok=True)
    blocked.write_text("a file is in the way")
    with pytest.warns(RlaWarning):
        assert ImgRecorder.save("a", FRAME) is None
        assert VideoRecorder.save("a", [FRAME]) is None
    assert losses(run)["image"] == losses(run)["video"] == 1


@pytest.mark.parametrize(
    ("call", "action"),
    [
        ("MatplotlibRecorder.save", lambda **k: MatplotlibRecorder.save("a", figure(), **k)),
        ("MatplotlibRecorder.pretty_plot_wrapper", lambda **k: MatplotlibRecorder.pretty_plot_wrapper("a", plot, **k)),
        ("ImgRecorder.save", lambda **k: ImgRecorder.save("a", FRAME, **k)),
        ("VideoRecorder.save", lambda **k: VideoRecorder.save("a", [FRAME], **k)),
        ("VideoRecorder.open", lambda **k: VideoRecorder.open("a", **k).close()),
    ],
)
def test_before_a_run_the_call_says_what_is_missing(call, action, script, tmp_path):
    from rla.easy_log.current import current

    held, current._run = current._run, None
    try:
        with pytest.raises(NotConfiguredError, match=f"{call}: no run is being recorded"):
            action()
        if not call.endswith("open"):
            assert action(results_dir=tmp_path) is not None
    finally:
        current._run = held


def test_after_the_run_nothing_is_recorded_and_nothing_is_asked_for(run):
    run.close()
    asked: list[int] = []
    assert VideoRecorder.save("v", (asked.append(1) for _ in range(3))) is None
    assert MatplotlibRecorder.pretty_plot_wrapper("f", lambda: asked.append(1)) is None
    assert ImgRecorder.save("i", FRAME) is None
    assert (asked, names(run)) == ([], [])


def test_other_ranks_record_nothing(script, tmp_path):
    script(
        """
        import numpy as np, rla
        from pathlib import Path
        from rla.easy_log.complex_data_recorder import ImgRecorder
        with rla.init("t", data_root="data"):
            assert ImgRecorder.save("a", np.zeros((3, 3))) is None
        """,
        RANK="1",
        WORLD_SIZE="2",
        LOCAL_RANK="1",
    )
    assert list(tmp_path.rglob("*.png")) == []


def test_importing_the_recorders_imports_no_matplotlib_and_no_torch(script):
    done = script(
        """
        import sys
        import rla.easy_log.complex_data_recorder, rla.easy_log.simple_mat_plot
        print([name for name in ("matplotlib", "PIL", "torch", "imageio_ffmpeg") if name in sys.modules])
        """
    )
    assert done.stdout == "[]\n"


def test_saving_changes_nothing_of_the_users_matplotlib(script):
    script(
        """
        import matplotlib, matplotlib.pyplot as plt
        from rla.easy_log.complex_data_recorder import MatplotlibRecorder
        from rla.easy_log import simple_mat_plot

        def state():
            return dict.items(matplotlib.rcParams.copy()), plt.get_fignums(), plt.show, plt.isinteractive()

        matplotlib.use("svg")
        mine = plt.figure()
        canvas, before = mine.canvas, state()
        def plot():
            plt.plot([1, 2], label="a")
            plt.show()
        for pretty in (False, True):
            assert MatplotlibRecorder.pretty_plot_wrapper(
                "a", plot, legend_outside=True, pretty_plot=pretty, xlabel="x", results_dir="out"
            )
        assert MatplotlibRecorder.save("b.pdf", mine, results_dir="out")
        assert simple_mat_plot.simple_plot("c", [1, 2], pretty=True, save_path="out")
        assert state() == before
        assert matplotlib.get_backend() == "svg"
        assert plt.gcf() is mine and mine.canvas is canvas
        """
    )


def test_no_backend_is_chosen_where_none_was(script):
    script(
        """
        import sys
        from rla.easy_log.complex_data_recorder import MatplotlibRecorder

        def plot():
            import matplotlib.pyplot as plt
            plt.plot([1, 2])

        assert MatplotlibRecorder.pretty_plot_wrapper("a", plot, results_dir="out")
        import matplotlib
        assert dict.__getitem__(matplotlib.rcParams, "backend") is matplotlib.rcsetup._auto_backend_sentinel
        """
    )


def test_a_backend_that_needs_a_window_is_no_hindrance(script):
    script(
        """
        from rla.easy_log.complex_data_recorder import MatplotlibRecorder

        def plot():
            import matplotlib.pyplot as plt
            plt.plot([1, 2])
            plt.show()

        assert MatplotlibRecorder.pretty_plot_wrapper("a", plot, results_dir="out")
        """,
        MPLBACKEND="QtAgg",
        DISPLAY="",
    )
