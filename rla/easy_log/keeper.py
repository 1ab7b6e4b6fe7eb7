"""What the current run keeps besides values: checkpoints, and data collected for them."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, SupportsIndex

from rla.artifacts.checkpoints.custom_data import CustomData, Mode
from rla.easy_log.time_step import time_step_holder

if TYPE_CHECKING:
    from rla.artifacts.checkpoints.store import CheckpointStore, Loaded
    from rla.easy_log.losses import Losses

DEFAULT_MAX_TO_KEEP = 5


class Keeper:
    """The checkpoints and the custom data of one run."""

    def __init__(
        self,
        directory: Callable[[], Path],
        framework: str,
        losses: Losses,
        *,
        recorder: Callable[[], Mapping[str, Any]] = dict,
        silent: bool = False,
    ) -> None:
        """Keep into the directory that ``directory`` makes; a silent one keeps nothing.

        ``recorder`` gives what the run's recorder needs to go on from a checkpoint.
        """
        self.custom = CustomData()
        self._recorder = recorder
        self._directory = directory
        self._framework = framework
        self._losses = losses
        self._silent = silent
        self._store: CheckpointStore | None = None

    def new_saver(self, max_to_keep: int | None = DEFAULT_MAX_TO_KEEP) -> None:
        """Keep so many checkpoints of each name from now on; None keeps all."""
        from rla.artifacts.checkpoints.store import CheckpointStore, adapter_for  # noqa: PLC0415 - loads NumPy

        self._store = CheckpointStore(self._directory(), adapter_for(self._framework), max_to_keep)

    def save(self, model: Any, related: Mapping[str, Any] | None, name: str, *, random_states: bool) -> Path | None:
        """Save a checkpoint at the present time step; None in other ranks, which save nothing."""
        if self._silent:
            return None
        if model is None:
            from rla.artifacts.checkpoints.store import BARE_SAVE  # noqa: PLC0415

            self._losses.say("bare checkpoint", BARE_SAVE)
        return self._ready().save(
            time_step_holder.get_time(),
            model,
            related,
            self.custom.snapshot(),
            name=name,
            random_states=random_states,
            recorder=self._recorder(),
        )

    def load(self, step: SupportsIndex | None, name: str, *, trust: bool, random_states: bool) -> Loaded:
        """Load a checkpoint of this run, its custom data and, when asked, its random states."""
        loaded = self._ready().load(None if step is None else operator.index(step), name=name, trust=trust)
        self.custom.restore(loaded.custom)
        if random_states and loaded.random_states is not None:
            from rla.artifacts.checkpoints.random_states import restore  # noqa: PLC0415

            restore(loaded.random_states)
        return loaded

    def _ready(self) -> CheckpointStore:
        if self._store is None:
            self.new_saver()
        assert self._store is not None
        return self._store


__all__ = ["DEFAULT_MAX_TO_KEEP", "Keeper", "Mode"]
