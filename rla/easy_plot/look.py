"""What a figure looks like, and what there is to choose from.

Colours can be told apart by people who see few of them, and line styles take over where colours end.

Source of the colours: https://jfly.uni-koeln.de/color/, Okabe and Ito, "Color Universal Design".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from matplotlib.colors import is_color_like
from matplotlib.markers import MarkerStyle

from rla.errors import ConfigError

COLORS: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's, without the yellow, which is too pale for a line."""
STYLES: Final = ("-", "--", "-.", (0, (3, 1, 1, 1, 1, 1)))
MARKERS: Final = ("o", "v", "d", "P", "s", "^", "X")
MOST_NAMES: Final = len(COLORS) * len(STYLES)
"""So many lines can be told apart; a legend names no more."""

_CHOICES: Final = {
    "legend": ("auto", "inside", "outside", "none"),
    "tiling": ("symmetric", "vertical", "horizontal"),
}


@dataclass(frozen=True)
class Look:
    """What a figure looks like; None leaves the choice to us.

    Attributes:
        title: Above everything.
        xlabel: Below.
        ylabel: At the left; one for all panels, or one for each.
        xlim: The first and last x that is shown.
        ylim: The lowest and highest value that is shown.
        log: The values are on a logarithmic axis.
        figsize: Inches.
        legend: ``auto``, ``inside``, ``outside`` or ``none``.
        legend_columns: In how many columns.
        colors: Of the lines, in order.
        markers: On the lines, in order; empty for none.
        show_n: The legend tells how many runs each line is made of.
        tiling: ``symmetric``, ``vertical`` or ``horizontal``.
        marks: Horizontal lines, as (y, colour, style, name).
        pretty: Large letters and thick lines.
    """

    title: str | None = None
    xlabel: str | None = None
    ylabel: str | Sequence[str] | None = None
    xlim: tuple[float, float] | None = None
    ylim: tuple[float, float] | None = None
    log: bool = False
    figsize: tuple[float, float] | None = None
    legend: str = "auto"
    legend_columns: int = 1
    colors: Sequence[str] = COLORS
    markers: Sequence[str] = ()
    show_n: bool = True
    tiling: str = "symmetric"
    marks: Sequence[tuple[float, str | None, str | None, str | None]] = ()
    pretty: bool = False

    def __post_init__(self) -> None:
        """Refuse what is no choice.

        Raises:
            ConfigError: There is no such legend, tiling, colour or marker.
        """
        for key, allowed in _CHOICES.items():
            if getattr(self, key) not in allowed:
                message = f"{key} is {getattr(self, key)!r}; choose one of {', '.join(allowed)}"
                raise ConfigError(message, key=key, allowed=allowed)
        for color in self.colors:
            if not is_color_like(color):
                message = f"colors has {color!r}; give colours of matplotlib, as 'red', '#0072B2' or (0, 0.4, 0.7)"
                raise ConfigError(message, key="colors")
        for marker in self.markers:
            if not _is_marker(marker):
                message = f"markers has {marker!r}; give markers of matplotlib, as 'o', 's' and '^'"
                raise ConfigError(message, key="markers")


def _is_marker(given: Any) -> bool:
    try:
        MarkerStyle(given)
    except (ValueError, TypeError, LookupError):
        return False
    return True
