"""Checkpoints without a framework: NumPy's ``.npz``, with everything else as JSON inside."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Final

import msgspec
import numpy as np

from rla.artifacts.checkpoints.adapter import Adapter, packed, unpacked
from rla.artifacts.checkpoints.file import CheckedFile, Fingerprint
from rla.artifacts.checkpoints.plain_values import PlainValues
from rla.core import json_codec
from rla.errors import CheckpointError

CONTENT: Final = "content.json"
_MAX_HEADER: Final = 1 << 24
"""NumPy refuses longer ones lest reading takes long; a dtype of many fields has one."""

UNREADABLE: Final = (
    zipfile.BadZipFile, zlib.error, msgspec.MsgspecError, ValueError, TypeError, LookupError, EOFError,
    NotImplementedError, AttributeError, ImportError,
)  # fmt: skip


class NumpyAdapter(Adapter):
    """One ``.npz`` file: ``content.json``, and an array for each ``{"__rla__": "array"}`` in it.

    ``numpy.load(path, allow_pickle=False)`` reads the arrays without rla.
    """

    suffix: ClassVar[str] = ".npz"

    def write(self, path: Path, content: Mapping[str, Any]) -> Fingerprint:
        """See :class:`Adapter`."""
        values = ArchiveValues()
        held = packed(values, content)
        with CheckedFile(path) as file, zipfile.ZipFile(file, "w") as archive:  # type: ignore[call-overload]
            write_values(archive, held, values)
        return file.fingerprint

    def read(self, path: Path, *, trust: bool, map_location: Any = None) -> dict[str, Any]:
        """See :class:`Adapter`. Only in trusted files of other programs are arrays of objects read."""
        del map_location
        try:
            with zipfile.ZipFile(path) as archive:
                if CONTENT in archive.namelist():
                    return read_values(archive, path, ArchiveValues(archive))
            with np.load(path, allow_pickle=trust) as arrays:
                return {"model": dict(arrays)}
        except UNREADABLE as error:
            advice = "" if trust else ". If it holds objects and you know who wrote it, load it with trust=True"
            raise CheckpointError(f"{path} cannot be read: {error}{advice}", path=path) from error


class ArchiveValues(PlainValues):
    """What a zip file of arrays holds: one member per array, and its name in the JSON."""

    def __init__(self, archive: zipfile.ZipFile | None = None) -> None:
        """Collect arrays to be written, or read them from an archive."""
        self.arrays: dict[str, np.ndarray[Any, Any]] = {}
        self._archive = archive
        self._names: dict[int, str] = {}

    def pack_array(self, array: np.ndarray[Any, Any]) -> Any:
        """One member per array, however often it occurs."""
        name = self._names.setdefault(id(array), f"array_{len(self.arrays)}")
        self.arrays[name] = array
        return name

    def unpack_array(self, held: Any) -> np.ndarray[Any, Any]:
        """Read the member, once."""
        assert self._archive is not None
        if held not in self.arrays:
            with self._archive.open(f"{held}.npy") as member:
                self.arrays[held] = np.lib.format.read_array(member, allow_pickle=False, max_header_size=_MAX_HEADER)
        return self.arrays[held]


def write_values(archive: zipfile.ZipFile, held: dict[str, Any], values: ArchiveValues) -> None:
    """Write the JSON and its arrays, in pieces."""
    archive.writestr(CONTENT, json_codec.dumps(held))
    for name, array in values.arrays.items():
        with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
            version = None if array.dtype.names is None else (3, 0)  # the one for field names in any script
            np.lib.format.write_array(member, array, version, allow_pickle=False)


def read_values(archive: zipfile.ZipFile, path: Path, values: ArchiveValues) -> dict[str, Any]:
    """Read what :func:`write_values` wrote."""
    return unpacked(values, json_codec.loads(archive.read(CONTENT)), path)
