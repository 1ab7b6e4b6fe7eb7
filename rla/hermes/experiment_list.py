"""Several experiments."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, SupportsIndex, overload

from rla.hermes.experiment import Experiment


class ExperimentList(list[Experiment]):
    """A list of experiments that can be searched."""

    def __init__(self, exp_iterable: Iterable[Experiment] = ()) -> None:
        """Take experiments in their order."""
        super().__init__(exp_iterable)

    def filter_by_exec_args(self, *args: str) -> ExperimentList:
        """Those that have all of some arguments, as ``"-lr 0.001"`` or ``"--doubledqn"``."""
        wanted = set(args)
        return ExperimentList(each for each in self if wanted <= each.exec_args)

    def latest(self) -> Experiment:
        """The one that was started last.

        Raises:
            ValueError: There is none.
        """
        if not self:
            raise ValueError("the list of experiments is empty: there is no latest one")
        return max(self, key=lambda each: (each.start_time or datetime.min, each.get_identifier()))  # noqa: DTZ901

    @overload
    def __getitem__(self, index: SupportsIndex, /) -> Experiment: ...
    @overload
    def __getitem__(self, index: slice, /) -> ExperimentList: ...
    def __getitem__(self, index: Any, /) -> Any:
        """One experiment, or a list of some."""
        found = super().__getitem__(index)
        return ExperimentList(found) if isinstance(index, slice) else found
