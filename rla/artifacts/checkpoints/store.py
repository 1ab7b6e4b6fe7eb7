"""The checkpoints of one run: named, numbered by time step, whole or not there.

``CheckpointStore(directory, adapter_for("torch"))`` keeps ``<name>_<step>.pt`` files. A file counts
when its record lies beside it and tells its length and checksum (see ``checkpoint_record``). Files that
have none are never counted, changed or removed.
"""

from __future__ import annotations

import contextlib
import operator
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, SupportsIndex

from rla.artifacts.checkpoints import random_states as random_numbers
from rla.artifacts.checkpoints.adapter import Adapter
from rla.artifacts.checkpoints.directory import CheckpointDirectory, known_record, publish, verify
from rla.artifacts.checkpoints.record import Record, Stored, record_path, stored_at
from rla.artifacts.checkpoints.staging import staging
from rla.errors import CheckpointError, ConfigError, MissingDependencyError, RlaWarning
from rla.fsio.claim_dir import make_dirs

__all__ = ["BARE_SAVE", "Adapter", "CheckpointStore", "Loaded", "adapter_for"]

DEFAULT_NAME: Final = "checkpoint"
BARE_SAVE: Final = (
    "save_checkpoint() was called without a model: the step, the related variables and the custom data are saved, "
    "no weights. Give save_checkpoint(model_dict={...}) to keep them"
)
"""What to say, once, when a save has no model."""

_LOOKS: Final = 10
"""How often loading looks again when a training process rotates the files away meanwhile."""


def adapter_for(framework: str) -> Adapter:
    """The adapter of a framework; only now is its library imported.

    Args:
        framework: ``torch``, ``tensorflow`` or ``numpy``.

    Raises:
        ConfigError: There is no such framework.
        MissingDependencyError: Its library is not installed.
    """
    if framework not in _ADAPTERS:
        choice = ", ".join(_ADAPTERS)
        raise ConfigError(f"DL_FRAMEWORK {framework!r} is none of {choice}", key="DL_FRAMEWORK", allowed=[*_ADAPTERS])
    try:
        return _ADAPTERS[framework]()
    except ModuleNotFoundError as error:
        if error.name != framework:
            raise  # the library is there, but something of it is broken
        feature = f"saving checkpoints with DL_FRAMEWORK: {framework}"
        raise MissingDependencyError(framework, framework, feature) from error


def _torch_adapter() -> Adapter:
    from rla.artifacts.checkpoints.torch_adapter import TorchAdapter  # noqa: PLC0415 - heavy, and imported only when used

    return TorchAdapter()


def _tensorflow_adapter() -> Adapter:
    from rla.artifacts.checkpoints.tensorflow_adapter import TensorFlowAdapter  # noqa: PLC0415 - as torch

    return TensorFlowAdapter()


def _numpy_adapter() -> Adapter:
    from rla.artifacts.checkpoints.numpy_adapter import NumpyAdapter  # noqa: PLC0415 - as the others

    return NumpyAdapter()


_ADAPTERS: Final[dict[str, Callable[[], Adapter]]] = {
    "torch": _torch_adapter,
    "tensorflow": _tensorflow_adapter,
    "numpy": _numpy_adapter,
}


@dataclass(frozen=True)
class Loaded:
    """A checkpoint in memory.

    Attributes:
        step: Its time step.
        model: What was saved as the model, with state dicts where modules were; None for a bare save.
        related: The related variables.
        custom: The custom data, for ``CustomData.restore``.
        random_states: For ``random_states.restore``; None when they were not saved.
        path: The file.
        recorder: What the recorder needs to go on, as it gave it.
    """

    step: int
    model: Any
    related: dict[str, Any]
    custom: dict[str, Any]
    random_states: dict[str, Any] | None = field(repr=False)
    path: Path
    recorder: dict[str, Any] = field(default_factory=dict, repr=False)


class CheckpointStore:
    """Saves, loads and rotates the checkpoints in a directory; several stores may share it.

    Each name keeps its own newest ``max_to_keep``. What is the newest is told by the order of saving,
    which is written in the records: a run that was resumed from an earlier step does not lose its
    new checkpoints to its old ones.
    """

    def __init__(self, directory: Path, adapter: Adapter, max_to_keep: int | None = 5) -> None:
        """Look at nothing yet.

        Args:
            directory: Made when the first checkpoint is saved.
            adapter: From :func:`adapter_for`.
            max_to_keep: Of each name; None or 0 keeps all.

        Raises:
            ConfigError: ``max_to_keep`` is negative.
        """
        if max_to_keep is not None and max_to_keep < 0:
            raise ConfigError(f"max_to_keep is {max_to_keep}; give a number to keep, or None for all")
        self._adapter = adapter
        self._files = CheckpointDirectory(directory, adapter.suffix)
        self._max_to_keep = max_to_keep

    def save(
        self,
        step: SupportsIndex,
        model: Any = None,
        related: Mapping[str, Any] | None = None,
        custom: Mapping[str, Any] | None = None,
        *,
        name: str = DEFAULT_NAME,
        random_states: bool = False,
        recorder: Mapping[str, Any] | None = None,
    ) -> Path:
        """Save a checkpoint, whole or not at all; then remove old ones of its name.

        Saving a step again replaces it.

        Args:
            step: The time step.
            model: State dicts, modules, optimizers, arrays, in containers as you like.
            related: Variables that belong to it.
            custom: From ``CustomData.snapshot``.
            name: Whose checkpoint it is. In file names, what is not safe there is replaced and marked.
            random_states: Keep those of Python, NumPy and torch too.
            recorder: What the recorder needs to go on from here.

        Returns:
            The file, durable on the disk.

        Raises:
            CheckpointError: A value cannot be kept, or another program's file has that name.
            OSError: The disk refused; ``errno`` and ``filename`` tell. Older checkpoints are as they were.
        """
        target = self.path_of(step, name)
        number = operator.index(step)
        previous = known_record(target, name)
        content = {
            "step": number,
            "model": model,
            "related": {} if related is None else related,
            "custom": {} if custom is None else custom,
            "random_states": random_numbers.capture() if random_states else None,
            "recorder": {} if recorder is None else recorder,
        }
        with _disk_errors(target):
            make_dirs(self._files.directory)
            with staging(self._files.directory) as stage:
                fingerprint = self._adapter.write(stage / target.name, content)
                saved = self._files.next_number(name)
                publish(stage, target, Record(name=name, step=number, saved=saved, contents=[fingerprint]), previous)
        if self._max_to_keep:
            self._files.rotate(name, self._max_to_keep)
        return target

    def load(
        self,
        step: SupportsIndex | None = None,
        *,
        name: str = DEFAULT_NAME,
        trust: bool = False,
        map_location: Any = None,
    ) -> Loaded:
        """Load a checkpoint that is whole.

        Args:
            step: Its time step; None for the newest. Of those, a damaged one is passed over with a
                warning, and the one before is loaded.
            name: Whose checkpoint.
            trust: Let files of other programs run code. They are loaded by their step, or as the
                newest where nothing of ours is. Ours never run any.
            map_location: Where tensors go, as torch takes it; None for the CPU.

        Raises:
            CheckpointNotFoundError: There is none; the message lists what there is.
            CheckpointError: It is damaged, or not safe and not trusted.
        """
        if step is not None:
            return self._load_step(operator.index(step), name, trust, map_location)
        for path in self._files.damaged_records(name):
            _warn(f"{record_path(path)} is damaged, so that nobody knows whether {path.name} is whole; passing it over")
        for _ in range(_LOOKS):
            found = self._files.stored(name)
            with contextlib.suppress(FileNotFoundError):
                if (loaded := self._first_whole(found, map_location)) is not None:
                    return loaded
                if found:
                    break  # they are there, and damaged
        if trust and not self._files.stored(name) and (steps := self._files.without_record(name)):
            return self._load_step(steps[-1], name, trust, map_location)
        raise self._files.not_found(f"there is no whole checkpoint {name!r}", name)

    def steps(self, name: str = DEFAULT_NAME) -> list[int]:
        """The time steps of a name's checkpoints, ascending; not those whose length is wrong."""
        return sorted(stored.record.step for stored in self._files.stored(name) if stored.is_complete)

    def names(self) -> list[str]:
        """The names that have checkpoints, in order."""
        return sorted({stored.record.name for stored in self._files.stored()})

    def path_of(self, step: SupportsIndex, name: str = DEFAULT_NAME) -> Path:
        """Where the checkpoint of a step is, or would be.

        Raises:
            CheckpointError: The name is empty, or the step is no integer.
        """
        return self._files.path_of(step, name)

    def _first_whole(self, found: list[Stored], map_location: Any) -> Loaded | None:
        """The first that is whole, or None; FileNotFoundError when one goes while we look."""
        for stored in found:
            try:
                verify(stored)
                return self._read(stored.path, stored.record.step, map_location=map_location)
            except CheckpointError as error:
                _warn(f"{error}; taking the checkpoint before it")
        return None

    def _load_step(self, step: int, name: str, trust: bool, map_location: Any) -> Loaded:
        path = self.path_of(step, name)
        if not path.is_file():
            raise self._files.not_found(f"there is no checkpoint {name!r} of step {step}", name)
        stored = stored_at(path)
        if stored is not None and stored.record.name == name:
            verify(stored)
            return self._read(path, step, map_location=map_location)
        if record_path(path).exists():
            raise CheckpointError(f"{record_path(path)} is damaged: nobody knows whether {path} is whole", path=path)
        loaded = self._read(path, step, trust=trust, map_location=map_location)
        _warn(f"{path} was not saved by this rla, so that nobody knows whether it is whole")
        return loaded

    def _read(self, path: Path, step: int, *, trust: bool = False, map_location: Any = None) -> Loaded:
        content = self._adapter.read(path, trust=trust, map_location=map_location)
        return Loaded(
            step=content.get("step", step),
            model=content.get("model"),
            related=content.get("related", {}),
            custom=content.get("custom", {}),
            random_states=content.get("random_states"),
            path=path,
            recorder=content.get("recorder", {}),
        )


def _warn(message: str) -> None:
    warnings.warn(message, RlaWarning, stacklevel=4)


@contextlib.contextmanager
def _disk_errors(target: Path) -> Iterator[None]:
    """Name the checkpoint in every error of the disk."""
    try:
        yield
    except CheckpointError:
        raise
    except OSError as error:
        reason = f"the checkpoint was not saved ({error.strerror or error}); older ones are as they were"
        raise OSError(error.errno, reason, str(target)) from error
