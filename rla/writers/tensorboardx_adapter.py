"""tensorboardX's ``SummaryWriter`` over the event file that a run writes anyway.

The only file that imports tensorboardX, which imports torch where that is installed: import it
when somebody asks for such a writer.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tensorboardX import SummaryWriter
from tensorboardX.writer import FileWriter

from rla.core.interrupts import pass_interrupt_on

HParamsSink = Callable[[Mapping[str, Any], Sequence[str]], object]


class SharedSummaryWriter(SummaryWriter):  # type: ignore[misc] # tensorboardX has no types
    """Everything a ``SummaryWriter`` can do, in one file and as one TensorBoard run.

    Closing it does not close the file. It keeps no thread and no queue.
    """

    def __init__(
        self,
        directory: Path,
        sink: Callable[[bytes], object],
        hparams: HParamsSink,
        on_error: Callable[[str, Exception], object] | None = None,
    ) -> None:
        """Join an event file.

        Args:
            directory: Where the event file lies; side files (of ``add_embedding``) go there too.
            sink: Takes each encoded event.
            hparams: Takes what ``add_hparams`` is given: the hyperparameters, the names of the metrics.
            on_error: Told what an ``add_*`` method raises, which then goes no further; by default it is raised.
        """
        self._on_error = on_error
        self._shared = _SharedFile(directory, sink)
        self._hparams_sink = hparams
        super().__init__(logdir=str(directory), write_to_disk=False)

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        return _guarded(self, name, found) if name.startswith("add_") and callable(found) else found

    def _get_file_writer(self) -> FileWriter:
        self.file_writer = self._shared
        self.all_writers = {self._shared.get_logdir(): self._shared}
        return self._shared

    def add_hparams(
        self,
        hparam_dict: Mapping[str, Any],
        metric_dict: Mapping[str, Any],
        name: str | None = None,  # noqa: ARG002 - the name of a sub-run, of which there is none
        global_step: int | None = None,
    ) -> None:
        """Record the metrics as scalars of this run, and its hyperparameters unless they are known."""
        self._hparams_sink(hparam_dict, list(metric_dict))
        for tag, number in metric_dict.items():
            self.add_scalar(tag, number, global_step)

    def add_scalars(
        self,
        main_tag: str,
        tag_scalar_dict: Mapping[str, Any],
        global_step: int | None = None,
        walltime: float | None = None,
    ) -> None:
        """Record each scalar as ``main_tag/tag`` of this run, not as runs of their own."""
        for tag, number in tag_scalar_dict.items():
            self.add_scalar(f"{main_tag}/{tag}", number, global_step, walltime)


def _guarded(writer: SharedSummaryWriter, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    """A method whose errors are told: a histogram of NaN must not end a training."""

    @functools.wraps(method)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        try:
            return method(*args, **kwargs)
        except Exception as error:
            pass_interrupt_on(error)
            if writer._on_error is None:  # noqa: SLF001 - a function of this file
                raise
            writer._on_error(name, error)  # noqa: SLF001

    return guarded


class _SharedFile(FileWriter):  # type: ignore[misc] # tensorboardX has no types
    """tensorboardX's file, without the file: its base would open one and start a thread."""

    def __init__(self, directory: Path, sink: Callable[[bytes], object]) -> None:
        self.event_writer = _EventSink(directory, sink)
        self._default_metadata: dict[str, Any] = {}


class _EventSink:
    """What tensorboardX calls an event writer."""

    def __init__(self, directory: Path, sink: Callable[[bytes], object]) -> None:
        self._directory = str(directory)
        self._sink = sink

    def get_logdir(self) -> str:
        return self._directory

    def add_event(self, event: Any) -> None:
        self._sink(event.SerializeToString())

    def flush(self) -> None:
        """Every event is in the file already."""

    def close(self) -> None:
        """The file belongs to the run."""

    def reopen(self) -> None:
        """It was never closed."""
