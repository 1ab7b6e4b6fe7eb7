"""Learning curves of runs that still grow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from rla.easy_plot.learning_curves import draw_lines
from rla.easy_plot.lines import Lines, Plan, make_lines
from rla.easy_plot.saving import save_figure
from rla.easy_plot.text_plot import mark_notes, text_plot
from rla.errors import PlotDataError
from rla.runs.run import Run

if TYPE_CHECKING:
    from rla.easy_plot.figure import Look


@dataclass
class LiveCurves:
    """Look at a selection again and again. What was read before is in the cache, so a look costs little.

    Attributes:
        find: The runs as they are now.
        plan: What the lines are made of.
        goes_on: Whether some run was still being recorded, or waited to be, at the last look.
        trouble: Why there was nothing to draw at the last look, or empty.
        notes: What could not be used at the last look, and what was odd, a sentence each.
    """

    find: Callable[[], Sequence[Run]]
    plan: Plan
    goes_on: bool = field(default=True, init=False)
    trouble: str = field(default="", init=False)
    notes: list[str] = field(default_factory=list, init=False)

    def look(self) -> Lines | None:
        """The lines as they are now; None when no run has a value yet."""
        runs = list(self.find())
        self.goes_on = any(run.is_open for run in runs)
        self.trouble = "" if runs else "no runs"
        try:
            made = make_lines(runs, self.plan) if runs else None
        except PlotDataError as error:
            self.trouble, made = str(error), None
        self.notes = [] if made is None else made.notes
        return made

    def text(self, columns: int, rows: int) -> list[str]:
        """The lines as they are now in plain characters, or why there are none yet."""
        made = self.look()
        if made is None:
            return [self.trouble]
        self.notes = [*made.notes, *mark_notes(made.lines)]
        return text_plot(made.lines, self.plan.x, str(self.plan.band), columns, rows)

    def save(self, path: Path, look: Look) -> bool:
        """Replace a figure's file by the lines as they are now; False when there are none yet.

        Raises:
            ConfigError: The ending is no format.
            OSError: The file cannot be written.
        """
        made = self.look()
        if made is not None:
            drawing = draw_lines(made, self.plan, look)
            self.notes = drawing.notes
            save_figure(drawing.figure, path, force=True)
        return made is not None
