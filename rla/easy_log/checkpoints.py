"""The manager's calls for checkpoints and for the data that is saved with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, SupportsIndex

from rla.easy_log.current import current
from rla.easy_log.keeper import DEFAULT_MAX_TO_KEEP, Mode


class Checkpoints:
    """A part of the manager: what the current run keeps of its model."""

    def new_saver(
        self, max_to_keep: int | None = DEFAULT_MAX_TO_KEEP, var_prefix: str | None = None, verbose: bool = True
    ) -> None:
        """Say how many checkpoints of each name to keep; without this call it is 5.

        Args:
            max_to_keep: The newest of each name; None keeps all.
            var_prefix: Of TensorFlow 1; accepted for old scripts, and does nothing.
            verbose: As ``var_prefix``.

        Raises:
            MissingDependencyError: DL_FRAMEWORK names a library that is not installed.
        """
        del var_prefix, verbose
        current.require().keeper.new_saver(max_to_keep)

    def save_checkpoint(
        self,
        model_dict: Any = None,
        related_variable: Mapping[str, Any] | None = None,
        checkpoint_name: str = "checkpoint",
        random_states: bool = False,
    ) -> str | None:
        """Save a checkpoint at the present time step, with the custom data; whole or not at all.

        Args:
            model_dict: State dicts, modules, optimizers or arrays, by name; without it only the rest is
                saved, which is told once.
            related_variable: Values that belong to it.
            checkpoint_name: Each name keeps its own newest ones.
            random_states: Keep the random states of Python, NumPy and torch too.

        Returns:
            The file; None in ranks that do not record.

        Raises:
            CheckpointError: A value cannot be kept without running code when it is loaded.
            OSError: The disk refused; older checkpoints are as they were.
        """
        saved = current.require().keeper.save(
            model_dict, related_variable, checkpoint_name, random_states=random_states
        )
        return None if saved is None else str(saved)

    def load_checkpoint(
        self,
        ckp_index: SupportsIndex | None = None,
        checkpoint_name: str = "checkpoint",
        trust: bool = False,
        random_states: bool = False,
    ) -> tuple[int, Any]:
        """Load a checkpoint of the current run; its custom data become the manager's.

        Args:
            ckp_index: Its time step; None for the newest that is whole.
            checkpoint_name: Whose.
            trust: Let a file of another program run code while it is loaded.
            random_states: Put back the random states that were saved with it.

        Returns:
            Its time step, and what was saved as ``model_dict``.

        Raises:
            CheckpointNotFoundError: There is none.
            CheckpointError: It is damaged, or not safe and not trusted.
        """
        keeper = current.require().keeper
        loaded = keeper.load(ckp_index, checkpoint_name, trust=trust, random_states=random_states)
        return loaded.step, loaded.model

    def add_custom_data(
        self, key: str, data: Any, dtype: type = list, max_len: int = -1, mode: Mode = "append"
    ) -> None:
        """Collect data for every checkpoint; see :meth:`rla.artifacts.checkpoints.custom_data.CustomData.add`."""
        current.require().keeper.custom.add(key, data, dtype, max_len, mode)

    def get_custom_data(self, key: str) -> Any:
        """What was collected under a key.

        Raises:
            ConfigError: Nothing was.
        """
        return current.require().keeper.custom.get(key)

    def clear_custom_data(self, key: str) -> None:
        """Empty what was collected under a key.

        Raises:
            ConfigError: Nothing was.
        """
        current.require().keeper.custom.clear(key)

    def print_custom_data(self, key: str, prefix: str = "") -> None:
        """Record the mean of what was collected, under the prefix and the key.

        Raises:
            ConfigError: Nothing was, or it has no mean.
        """
        run = current.require()
        run.logger.logkv(f"{prefix}{key}", run.keeper.custom.mean(key))
