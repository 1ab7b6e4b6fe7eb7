"""Show the images that runs kept, beside each other: ``plot_saved_images``.

``rla.easy_log.complex_data_recorder`` keeps them.
"""

from __future__ import annotations

import logging
import os
import subprocess
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rla.easy_plot.arguments import check_arguments, texts
from rla.easy_plot.grouping import group_runs, having
from rla.easy_plot.saved_pictures import Pixels, SavedPicture, all_pictures, read_pixels, saved_pictures
from rla.errors import PlotDataError, RlaError, RlaWarning
from rla.runs.query import query
from rla.runs.run import Run
from rla.runs.unknown import nearest

if TYPE_CHECKING:
    from rla.easy_plot.figure import Figure

_MOST: Final = 200
_FRAMES: Final = 4
"""Of a video so many frames are shown."""


@dataclass(frozen=True)
class ShownImage:
    """A picture in the figure.

    Attributes:
        run: Whose it is.
        label: What tells its run from the others.
        name: What it was called.
        step: The time step it was kept at, or None.
        path: Its file.
    """

    run: Run
    label: str
    name: str
    step: int | None
    path: Path

    @property
    def caption(self) -> str:
        """What stands above it."""
        at = "" if self.step is None else f" at {self.step}"
        return f"{self.label}\n{self.name}{at}" if self.label else f"{self.name}{at}"


def plot_saved_images(  # noqa: PLR0913, PLR0917 - the signature is RLA's
    data_root: str | os.PathLike[str],
    task_table_name: str,
    regs: Sequence[str],
    img_names: Sequence[str],
    hp_filter_dict: Mapping[str, Any] | None = None,
    verbose: bool = False,
    max_keep_num: int = 1,
    summarize_res: bool = True,
) -> tuple[Figure, list[ShownImage]]:
    """Draw the saved images of runs, each with a caption: a row for each run, or a square for one run or single images.

    Of a video some frames are shown. An image that cannot be read is named in a warning.

    Args:
        data_root: The database's directory.
        task_table_name: The task.
        regs: Shell patterns; runs that one of them fits.
        img_names: Which images, by patterns as in a .gitignore file: ``observation``, ``*.png``,
            ``eval/**``. The time step in a file's name need not be given.
        hp_filter_dict: Only runs that have, of each of these hyperparameters, one of the values.
        verbose: Tell the logger ``rla`` of each image.
        max_keep_num: How many of each name, the newest by the time step in the file's name.
        summarize_res: Tell the logger ``rla`` how many runs and images were found.

    Returns:
        The figure, and what is in it.

    Raises:
        ConfigError: An argument is none of the ones above, or there is no database.
        PlotDataError: No run was selected, or none has such an image.
        SelectionError: A pattern cannot be read.
    """
    from rla.easy_plot.image_grid import Tile, draw_grid  # noqa: PLC0415 - matplotlib is slow to import

    check_arguments(locals())
    runs = _selected(data_root, task_table_name, texts("regs", regs, "*"), hp_filter_dict or {})
    found = _found(runs, texts("img_names", img_names, "observation"), max_keep_num)
    tiles = [Tile(image.caption, pixels) for image, pixels in found]
    shown = [image for image, _ in found]
    log = logging.getLogger("rla")
    for image in shown if verbose else []:
        log.info("%s: %s", image.run.uid, image.path)
    if summarize_res:
        log.info("%d images of %d runs", len(shown), len({image.run.uid for image in shown}))
    counts = [sum(image.run.uid == run.uid for image in shown) for run in runs]
    return draw_grid(tiles, [count for count in counts if count]), shown


def _selected(
    data_root: str | os.PathLike[str], task: str, regs: Sequence[str], wanted: Mapping[str, Any]
) -> list[Run]:
    """The runs of the patterns that pass the filter, oldest first, each once.

    Raises:
        PlotDataError: There is none.
    """
    found = {run.uid: run for reg in regs for run in query(data_root, task=task, glob=reg)}
    runs = having(sorted(found.values(), key=lambda run: str(run.row["created"])), wanted)
    if not runs:
        passed = f" with {dict(wanted)}" if wanted and found else ""
        raise PlotDataError(
            f"no run of task {task!r} fits {', '.join(regs)}{passed}; `rla ls --task {task}` lists them"
        )
    return runs


def _found(runs: Sequence[Run], patterns: Sequence[str], newest: int) -> list[tuple[ShownImage, Pixels]]:
    """The images of all runs with their pixels; what cannot be shown is told.

    Raises:
        PlotDataError: There is none.
    """
    labels = {run.uid: group.label for group in group_runs(runs, None) for run in group.runs}
    wanted = [
        (run, picture)
        for run in runs
        if run.results_dir is not None
        for picture in saved_pictures(run.results_dir, patterns, newest)
    ]
    if not wanted:
        raise PlotDataError(_nothing(runs, patterns))
    if len(wanted) > _MOST:
        warnings.warn(f"{len(wanted)} images were found; the first {_MOST} are shown", RlaWarning, stacklevel=3)
    found = []
    for run, picture in wanted[:_MOST]:
        pixels = _pixels(picture)
        if pixels is not None:
            found.append((ShownImage(run, labels[run.uid], picture.name, picture.step, picture.path), pixels))
    if not found:
        raise PlotDataError(f"none of the {len(wanted)} images can be read; the warnings before tell why")
    return found


def _pixels(picture: SavedPicture) -> Pixels | None:
    try:
        return read_pixels(picture.path, _FRAMES)
    except (OSError, ValueError, SyntaxError, EOFError, subprocess.SubprocessError, RlaError) as error:
        warnings.warn(f"{picture.path} cannot be shown: {error}", RlaWarning, stacklevel=4)
        return None


def _nothing(runs: Sequence[Run], patterns: Sequence[str]) -> str:
    names = {picture.name for run in runs if run.results_dir for picture in all_pictures(run.results_dir)}
    told = f"the {len(runs)} runs have" if len(runs) > 1 else "the run has"
    return f"{told} no image {', '.join(patterns)}; {nearest(patterns[0] if patterns else '', sorted(names))}"
