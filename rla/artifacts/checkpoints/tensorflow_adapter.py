"""Checkpoints of TensorFlow 2: a zip of ``tf.train.Checkpoint``'s own files, and of the rest as JSON and arrays."""

# Where TensorFlow is not installed, its types are not known:
# mypy: disable-error-code="import-not-found,import-untyped"

from __future__ import annotations

import errno
import shutil
import tempfile
import zipfile
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Final

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf.trackable_object_graph_pb2 import TrackableObjectGraph

from rla.artifacts.checkpoints.adapter import Adapter, packed
from rla.artifacts.checkpoints.file import CheckedFile, Fingerprint
from rla.artifacts.checkpoints.numpy_adapter import UNREADABLE, ArchiveValues, read_values, write_values
from rla.artifacts.checkpoints.plain_values import MISSING, TAG
from rla.errors import CheckpointError
from rla.fsio.atomic_write import TEMP_MARK

_PREFIX: Final = "variables"
_KIND: Final = "tensorflow_object"
_OBJECT: Final = "object_{}"
_VALUE: Final = "VARIABLE_VALUE"
_GRAPH: Final = "_CHECKPOINTABLE_OBJECT_GRAPH"
_COPY_BYTES: Final = 1 << 20
_TF_ERRORS: Final = (tf.errors.OpError, ValueError, RuntimeError, AssertionError)


class SavedVariables(Mapping[str, np.ndarray]):
    """A model, optimizer or ``tf.Module`` as it was saved: its variables, by their paths in it.

    :meth:`restore` puts them into an object of the same structure.
    """

    def __init__(self, path: Path, number: int, values: Mapping[str, np.ndarray[Any, Any]]) -> None:
        """Made by loading a checkpoint."""
        self._path = path
        self._number = number
        self._values = dict(values)

    def __getitem__(self, key: str) -> np.ndarray[Any, Any]:
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def restore(self, target: Any) -> None:
        """Set the variables of an object, which has them already or makes them later.

        Args:
            target: What was saved, made anew.

        Raises:
            CheckpointError: It has another structure.
            OSError: The checkpoint's file is gone.
        """
        with zipfile.ZipFile(self._path) as archive, _extracted(archive) as prefix:
            try:
                status = tf.train.Checkpoint(**{_OBJECT.format(self._number): target}).read(prefix)
                status.expect_partial().assert_existing_objects_matched()
            except _TF_ERRORS as error:
                raise CheckpointError(f"{self._path} does not fit this {type(target).__name__}: {error}") from error


class TensorFlowAdapter(Adapter):
    """One ``.tf.zip`` file.

    It holds ``content.json`` and arrays as the NumPy adapter's file does, and the files of one
    ``tf.train.Checkpoint`` of all objects with variables: Keras models and optimizers, ``tf.Module``.
    These come back as :class:`SavedVariables`; a ``tf.Variable`` or tensor comes back as an array.
    """

    suffix: ClassVar[str] = ".tf.zip"

    def write(self, path: Path, content: Mapping[str, Any]) -> Fingerprint:
        """See :class:`Adapter`."""
        values = _TensorFlowValues()
        held = packed(values, content)
        stage = Path(tempfile.mkdtemp(suffix=TEMP_MARK, dir=path.parent))
        try:
            names = values.objects and _write_variables(values.objects, stage)
            with CheckedFile(path) as file, zipfile.ZipFile(file, "w") as archive:  # type: ignore[call-overload]
                write_values(archive, held, values)
                for name in names:
                    _copy_in(archive, stage / name)
        finally:
            shutil.rmtree(stage, ignore_errors=True)
        return file.fingerprint

    def read(self, path: Path, *, trust: bool, map_location: Any = None) -> dict[str, Any]:
        """See :class:`Adapter`. Reading variables runs no code, trusted or not."""
        del trust, map_location
        try:
            with zipfile.ZipFile(path) as archive:
                return read_values(archive, path, _TensorFlowValues(archive, path))
        except (*UNREADABLE, *_TF_ERRORS) as error:
            raise CheckpointError(f"{path} cannot be read: {error}", path=path) from error


class _TensorFlowValues(ArchiveValues):
    """The values of an archive, and objects whose variables TensorFlow saves."""

    def __init__(self, archive: zipfile.ZipFile | None = None, path: Path = Path()) -> None:
        super().__init__(archive)
        self.objects: list[Any] = []
        self._path = path
        self._loaded: dict[str, dict[str, np.ndarray[Any, Any]]] | None = None

    def pack_other(self, value: Any) -> Any:
        """Objects with variables, each once; variables and tensors are arrays."""
        if isinstance(value, (tf.Variable, tf.Tensor)):
            return {TAG: "array", "value": self.pack_array(value.numpy())}
        if not _is_trackable(value):
            return MISSING
        if not any(known is value for known in self.objects):
            self.objects.append(value)
        return {TAG: _KIND, "value": next(n for n, known in enumerate(self.objects) if known is value)}

    def unpack_other(self, kind: str, held: Any) -> Any:
        """The variables of an object."""
        if kind != _KIND:
            return super().unpack_other(kind, held)
        if self._loaded is None:
            assert self._archive is not None
            with _extracted(self._archive) as prefix:
                self._loaded = _variables(prefix)
        return SavedVariables(self._path, held, self._loaded[_OBJECT.format(held)])


def _is_trackable(value: Any) -> bool:
    """Whether TensorFlow knows the variables of an object; containers are taken apart by us."""
    if isinstance(value, (tf.Module, tf.train.Checkpoint)):
        return True
    return isinstance(value, tf.__internal__.tracking.Trackable) and not isinstance(value, (Mapping, list, tuple))


def _write_variables(objects: list[Any], stage: Path) -> list[str]:
    """Let TensorFlow write its files; returns their names."""
    try:
        named = {_OBJECT.format(number): each for number, each in enumerate(objects)}
        tf.train.Checkpoint(**named).write(str(stage / _PREFIX))
    except tf.errors.ResourceExhaustedError as error:
        raise OSError(errno.ENOSPC, f"no space left on the device ({error.message})", str(stage)) from error
    except _TF_ERRORS as error:
        raise CheckpointError(f"TensorFlow cannot save the variables: {error}") from error
    return sorted(file.name for file in stage.iterdir() if file.name.startswith(_PREFIX))


def _variables(prefix: str) -> dict[str, dict[str, np.ndarray[Any, Any]]]:
    """The variables of each object by their paths in it; two objects may share some, stored once."""
    reader = tf.train.load_checkpoint(prefix)
    graph = TrackableObjectGraph.FromString(reader.get_tensor(_GRAPH))
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    objects = {}
    for child in graph.nodes[0].children:
        keys = _variable_keys(graph, child.node_id)
        arrays |= {key: reader.get_tensor(key) for key in keys.values() if key not in arrays}
        objects[child.local_name] = {name: arrays[key] for name, key in keys.items()}
    return objects


def _variable_keys(graph: Any, start: int) -> dict[str, str]:
    """Under which key the variables below a node of the object graph are stored, by their shortest path."""
    keys, seen, waiting = {}, {start}, deque([(start, "")])
    while waiting:
        number, path = waiting.popleft()
        for attribute in graph.nodes[number].attributes:
            if attribute.name == _VALUE:
                keys[path] = attribute.checkpoint_key
        for child in graph.nodes[number].children:
            if child.node_id not in seen:
                seen.add(child.node_id)
                waiting.append((child.node_id, f"{path}/{child.local_name}".removeprefix("/")))
    return keys


def _copy_in(archive: zipfile.ZipFile, file: Path) -> None:
    with archive.open(file.name, "w", force_zip64=True) as member, file.open("rb") as source:
        shutil.copyfileobj(source, member, _COPY_BYTES)


@contextmanager
def _extracted(archive: zipfile.ZipFile) -> Iterator[str]:
    """TensorFlow's files in a directory for a while; their prefix. Only names that are plain are taken out."""
    with tempfile.TemporaryDirectory() as directory:
        for name in archive.namelist():
            if name.startswith(_PREFIX) and Path(name).name == name:
                with archive.open(name) as member, (Path(directory) / name).open("wb") as target:
                    shutil.copyfileobj(member, target, _COPY_BYTES)
        yield str(Path(directory) / _PREFIX)
