"""What a terminal shows while something takes longer than a second; nothing where nobody looks."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

PATIENCE: Final = 1.0
"""Seconds that go by before anything is shown."""


@contextmanager
def waiting(text: str) -> Iterator[None]:
    """Something whose end cannot be foretold."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    status = Console(stderr=True).status(text, spinner="line")
    timer = threading.Timer(PATIENCE, status.start)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        status.stop()


class Bar:
    """Called with how much is done and of how much, as the library does it; draws a bar on stderr.

    Attributes:
        done: What it was told last.
        total: The same, of how much.
    """

    def __init__(self, text: str, *, is_bytes: bool = False) -> None:
        """Prepare a bar.

        Args:
            text: What goes on.
            is_bytes: It is bytes that are counted.
        """
        self.done = 0
        self.total = 0
        self._text = text
        self._is_bytes = is_bytes
        self._begin = time.monotonic()
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def __call__(self, done: int, total: int) -> None:
        """Move on."""
        self.done, self.total = done, total
        if self._bar is None and sys.stderr.isatty() and time.monotonic() - self._begin >= PATIENCE:
            self._start()
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=done, total=total)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def _start(self) -> None:
        from rich import progress
        from rich.console import Console

        counted = progress.DownloadColumn(binary_units=True) if self._is_bytes else progress.MofNCompleteColumn()
        columns = (progress.TextColumn("{task.description}"), progress.BarColumn(), counted)
        bar = progress.Progress(*columns, progress.TimeRemainingColumn(), console=Console(stderr=True), transient=True)
        self._task = bar.add_task(self._text, total=None)
        self._bar = bar
        bar.start()
