"""Draw figures and encode them, without a trace in the matplotlib that the user sees.

No backend is chosen or switched: figures are drawn in memory. Settings hold for one drawing. Of
pyplot's figures only those made meanwhile are closed, and the current one stays current. pyplot
is not made for threads, so that one figure is drawn at a time.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from matplotlib.axes import Axes as Axes  # noqa: PLC0414 - for the callers' types, as is the next
    from matplotlib.figure import Figure as Figure  # noqa: PLC0414

FORMATS: Final = (".png", ".pdf", ".svg", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".eps", ".ps")

_EDITABLE_TEXT: Final[Any] = {"pdf.fonttype": 42, "ps.fonttype": 42}
"""TrueType: what conferences ask for, and what other programs can edit."""

_PRETTY: Final[Any] = {
    "figure.figsize": (8.0, 5.5),
    "font.size": 16,
    "axes.labelsize": 18,
    "axes.titlesize": 18,
    "legend.fontsize": 15,
    "lines.linewidth": 2.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
}
_GRID: Final[Any] = {"visible": True, "alpha": 0.35, "linewidth": 0.8}
_COLORBAR: Final = "<colorbar>"
_LAID_OUT_ONCE: Final = "PlaceHolderLayoutEngine"
"""What ``plt.tight_layout()`` leaves: what came after it has no room."""

_one_at_a_time = threading.RLock()


@dataclass(frozen=True)
class Look:
    """What a figure gets beside what is drawn in it.

    Attributes:
        xlabel: Below; empty leaves what is there.
        ylabel: At the left; empty leaves what is there.
        title: Above; empty leaves what is there.
        legend_outside: The legend stands at the right of the axes, not in them.
        pretty: Larger letters and thicker lines, as for a paper.
    """

    xlabel: str = ""
    ylabel: str = ""
    title: str = ""
    legend_outside: bool = False
    pretty: bool = False


def encode(figure: Figure, ending: str = ".png", **savefig_kw: Any) -> bytes:
    """The bytes of a figure's file.

    Args:
        figure: Any figure, of pyplot or not, on any canvas.
        ending: One of :data:`FORMATS`.
        savefig_kw: For ``Figure.savefig``.

    Raises:
        Exception: What drawing raises.
    """
    import matplotlib as mpl  # noqa: PLC0415 - only who draws pays for it

    buffer = io.BytesIO()
    with _one_at_a_time, mpl.rc_context(_EDITABLE_TEXT):
        figure.savefig(buffer, format=ending[1:], **savefig_kw)
    return buffer.getvalue()


def current_figure() -> Figure:
    """The current figure of pyplot.

    Raises:
        ValueError: There is none.
    """
    import matplotlib.pyplot as plt  # noqa: PLC0415 - only who draws pays for it

    if not plt.get_fignums():
        raise ValueError("pyplot has no open figure; give one as fig=")
    return plt.gcf()


def close(figure: Figure) -> None:
    """Let pyplot forget a figure."""
    import matplotlib.pyplot as plt  # noqa: PLC0415 - only who draws pays for it

    plt.close(figure)


def draw_with_pyplot(plot: Callable[[], Any], look: Look, ending: str, *, close_new: bool = True) -> bytes:
    """The bytes of the figure that a function draws through pyplot.

    Args:
        plot: Draws into the current figure, which is a new one, or makes one of its own. A figure
            that it returns is taken; otherwise the one that is current when it returns.
            ``plt.show()`` in it does nothing.
        look: What the figure gets besides.
        ending: One of :data:`FORMATS`.
        close_new: Close every figure made meanwhile; else what was drawn stays open and current.

    Raises:
        Exception: What ``plot`` and drawing raise; all figures made meanwhile are closed.
    """
    import matplotlib.pyplot as plt  # noqa: PLC0415 - only who draws pays for it

    with _one_at_a_time, plt.rc_context(_PRETTY if look.pretty else {}), _nothing_shown(plt), _new_figures() as new:
        blank = new.open()
        returned = plot()
        figure: Figure = returned if isinstance(returned, type(blank)) else new.current() or blank
        dress(figure, look)
        content = encode(figure, ending, bbox_inches="tight")
        if not close_new:
            new.keep(figure)
    return content


def draw(plot: Callable[[Axes], object], look: Look, ending: str) -> bytes:
    """The bytes of a figure that a function draws into axes, without pyplot.

    Args:
        plot: Draws into the axes it is given.
        look: What the figure gets besides.
        ending: One of :data:`FORMATS`.

    Raises:
        Exception: What ``plot`` and drawing raise.
    """
    import matplotlib as mpl  # noqa: PLC0415 - only who draws pays for it
    from matplotlib.figure import Figure  # noqa: PLC0415 - only who draws pays for it

    with _one_at_a_time, mpl.rc_context(_PRETTY if look.pretty else {}):
        figure = Figure()
        plot(figure.subplots())
        dress(figure, look)
        return encode(figure, ending, bbox_inches="tight")


def dress(figure: Figure, look: Look) -> None:
    """Give a figure its labels, title, grid and legend.

    Subplots share labels and title, and are moved apart unless they have a layout. No grid covers
    an image. A legend that was drawn is kept; else one names what has a label.
    """
    figure.gca()  # a figure without axes gets some
    places = _places(figure)
    several = len(places) > 1
    first = next(iter(places.values()))[0]
    if look.xlabel:
        (figure.supxlabel if several else first.set_xlabel)(look.xlabel)
    if look.ylabel:
        (figure.supylabel if several else first.set_ylabel)(look.ylabel)
    if look.title:
        (figure.suptitle if several else first.set_title)(look.title)
    for axes, *_ in places.values():
        if not _shows_image(axes):
            axes.set_axisbelow(True)
            axes.grid(**_GRID)
    if look.legend_outside:
        _add_legend_outside(figure, places)
    else:
        _add_legends(places)
    if several:
        _make_room(figure)


def _make_room(figure: Figure) -> None:
    engine = figure.get_layout_engine()
    if engine is None or type(engine).__name__ == _LAID_OUT_ONCE:
        with contextlib.suppress(RuntimeError):  # colour bars that another layout has placed
            figure.set_layout_engine("constrained")


def _places(figure: Figure) -> dict[Any, list[Axes]]:
    """The axes by where they are: twins are in the same place. Colour bars are left out."""
    places: dict[Any, list[Axes]] = {}
    for axes in figure.axes:
        if axes.get_label() != _COLORBAR:
            places.setdefault(axes.get_position().bounds, []).append(axes)
    return places


def _add_legends(places: dict[Any, list[Axes]]) -> None:
    """One for each place that has none."""
    for twins in places.values():
        if all(axes.get_legend() is None for axes in twins) and (named := _named(twins)):
            twins[-1].legend(named.values(), named)


def _add_legend_outside(figure: Figure, places: dict[Any, list[Axes]]) -> None:
    """One for all, right of everything."""
    own = list(itertools.chain.from_iterable(places.values()))
    if named := _named(own):
        for axes in own:
            if (legend := axes.get_legend()) is not None:
                legend.remove()
        right_of: Figure | Axes = own[0] if len(figure.axes) == 1 else figure
        right_of.legend(named.values(), named, loc="center left", bbox_to_anchor=(1.02, 0.5))


def _named(several: list[Axes]) -> dict[str, Any]:
    """Label -> what it names: as the legend of the axes has it, or could."""
    named: dict[str, Any] = {}
    for axes in several:
        handles: list[Any]
        handles, labels = axes.get_legend_handles_labels()
        if (legend := axes.get_legend()) is not None:
            handles, labels = list(legend.legend_handles), [text.get_text() for text in legend.get_texts()]
        for label, handle in zip(labels, handles, strict=True):
            named.setdefault(label, handle)
    return named


def _shows_image(axes: Axes) -> bool:
    return bool(axes.images) or any(type(one).__name__ == "QuadMesh" for one in axes.collections)


@contextlib.contextmanager
def _nothing_shown(plt: Any) -> Iterator[None]:
    """Let ``plt.show()`` do nothing in this thread: it may wait for a window to be closed."""
    shown, thread = plt.show, threading.get_ident()

    def show(*args: Any, **kwargs: Any) -> Any:
        return None if threading.get_ident() == thread else shown(*args, **kwargs)

    plt.show = show
    try:
        yield
    finally:
        plt.show = shown


@contextlib.contextmanager
def _new_figures() -> Iterator[_NewFigures]:
    new = _NewFigures()
    try:
        yield new
    finally:
        new.close()


class _NewFigures:
    """The figures of pyplot that were not there before.

    pyplot makes figures for its backend only, which may open a window, or fail in a thread. So
    ours is made in memory, and registered in pyplot's list by the door that IPython uses as well.
    """

    def __init__(self) -> None:
        from matplotlib._pylab_helpers import Gcf  # noqa: PLC0415 - only who draws pays for it

        self._list: Any = Gcf
        self._before: list[Any] = Gcf.get_all_fig_managers()
        self._active = Gcf.get_active()
        self._kept: Figure | None = None

    def open(self) -> Figure:
        """Make a figure the current one."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - only who draws pays for it
        from matplotlib.figure import Figure  # noqa: PLC0415 - only who draws pays for it

        figure = Figure()
        number = max((manager.num for manager in self._before), default=0) + 1
        self._list._set_new_active_manager(FigureCanvasAgg.new_manager(figure, number))  # noqa: SLF001 - see the class
        return figure

    def current(self) -> Figure | None:
        manager = self._list.get_active()
        return manager.canvas.figure if manager is not None else None

    def keep(self, figure: Figure) -> None:
        self._kept = figure

    def close(self) -> None:
        for manager in self._list.get_all_fig_managers():
            if manager not in self._before and manager.canvas.figure is not self._kept:
                self._list.destroy(manager)
        if self._kept is None and self._active in self._list.get_all_fig_managers():
            self._list.set_active(self._active)
