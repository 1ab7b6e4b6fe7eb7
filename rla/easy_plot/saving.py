"""Write a figure and its numbers into files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from rla.artifacts.pictures.figures import FORMATS, encode
from rla.errors import ConfigError
from rla.fsio.output_file import check_output, write_output

if TYPE_CHECKING:
    from rla.easy_plot.data_frame import DataFrame
    from rla.easy_plot.figure import Figure

_DPI: Final = 200
"""Of pictures; a figure of five inches is then a thousand pixels wide."""


def check_figure_path(path: Path, *, force: bool = False) -> None:
    """That a figure can be written there: asked before anything is read.

    Raises:
        ConfigError: The ending is no format, or something is there that is not to be replaced.
    """
    if path.suffix.lower() not in FORMATS:
        message = f"{path}: a figure's file ends in {', '.join(FORMATS)}"
        raise ConfigError(message, path=path, allowed=FORMATS)
    check_output(path, force=force)


def save_figure(figure: Figure, path: Path, *, force: bool = False) -> None:
    """Write a figure, whole or not at all; text in PDF, EPS and PS stays text that can be edited.

    Raises:
        ConfigError: As :func:`check_figure_path`.
        OSError: The file cannot be written.
    """
    check_figure_path(path, force=force)
    write_output(path, encode(figure, path.suffix.lower(), bbox_inches="tight", dpi=_DPI), force=force)


def save_data(data: DataFrame, path: Path, *, force: bool = False) -> None:
    """Write the numbers of a figure as CSV; what is missing is an empty cell.

    Raises:
        ConfigError: Something is there that is not to be replaced.
        OSError: The file cannot be written.
    """
    write_output(path, data.to_csv(index=False, lineterminator="\n").encode("utf-8"), force=force)
