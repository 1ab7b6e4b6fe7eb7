"""What lies beside each checkpoint: whose it is, and by what it is known to be whole.

``checkpoint_100.pt`` has ``checkpoint_100.pt.json``. The record comes first and the rename of the
checkpoint itself is what completes a save: a record alone means nothing, and a file without one is
not ours. While a step is saved again the record knows both contents, so that either is whole.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from rla.artifacts.checkpoints.file import Fingerprint
from rla.core import json_codec
from rla.core.index_name import task_directory
from rla.errors import CheckpointError

RECORD_SUFFIX: Final = ".json"


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """The content of a record.

    Attributes:
        name: The exact name of the checkpoint.
        step: Its time step.
        saved: When it was saved, in microseconds since the epoch; later ones have a greater number.
        contents: The contents that are whole, the newest first.
        check: :meth:`hash` of the other fields.
    """

    name: str
    step: int
    saved: int
    contents: list[Fingerprint]
    check: str = ""

    def encode(self) -> bytes:
        """The record as one line of JSON, with a hash by which damage to the record is seen."""
        fields = msgspec.to_builtins(msgspec.structs.replace(self, check=self.hash()))
        return json_codec.dumps(fields).encode() + b"\n"

    def hash(self) -> str:
        """A hash of all fields but ``check``."""
        fields = msgspec.to_builtins(msgspec.structs.replace(self, check=""))
        return hashlib.blake2b(json_codec.dumps(fields).encode(), digest_size=8).hexdigest()

    def allows(self, size: int) -> bool:
        """Whether a file of this size may be the checkpoint."""
        return any(content.size == size for content in self.contents)


@dataclass(frozen=True)
class Stored:
    """One checkpoint that lies in the directory with its record."""

    path: Path
    record: Record
    size: int

    @property
    def is_complete(self) -> bool:
        """Whether it has the length it should have; its content is checked when it is loaded."""
        return self.record.allows(self.size)

    @property
    def order(self) -> tuple[int, int]:
        """What sorts the newest last: when it was saved, not its step, which a resumed run may repeat."""
        return self.record.saved, self.record.step


def read_record(path: Path) -> Record | None:
    """Read a record; None when the file is none.

    Raises:
        FileNotFoundError: There is no such file.
    """
    try:
        record = msgspec.convert(json_codec.loads(path.read_bytes()), Record)
    except (msgspec.MsgspecError, ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return None
    return record if record.name and record.check == record.hash() else None


def record_path(checkpoint: Path) -> Path:
    """Where the record of a checkpoint is."""
    return checkpoint.with_name(checkpoint.name + RECORD_SUFFIX)


def file_stem(name: str) -> str:
    """What the files of a checkpoint name begin with: the name, or a safe form with a hash of it.

    Two names never share one.

    Raises:
        CheckpointError: The name is empty, or no text.
    """
    if not isinstance(name, str) or not name:
        raise CheckpointError(f"a checkpoint's name is a text that is not empty, not {name!r}")
    return task_directory(name)  # the rule is the same as for the names of tasks


def step_pattern(stem: str | None, suffix: str) -> re.Pattern[str]:
    """Matches the names of checkpoints, of one stem or of all; the group is the step."""
    begin = ".+" if stem is None else re.escape(stem)
    return re.compile(rf"{begin}_(0|-?[1-9][0-9]*){re.escape(suffix)}", re.DOTALL)


def stored_at(path: Path) -> Stored | None:
    """The checkpoint at a path, or None when there is none, or none of ours."""
    try:
        record = read_record(record_path(path))
        return None if record is None else Stored(path, record, path.stat().st_size)
    except OSError:
        return None


def listed(found: dict[str, list[int]], most: int = 5) -> str:
    """Names with their last steps, as a message shows them."""
    parts = []
    for name, steps in sorted(found.items()):
        shown = ", ".join(map(str, sorted(steps)[-most:]))
        parts.append(f"{name!r}: {'..., ' if len(steps) > most else ''}{shown}")
    return "; ".join(parts) or "none"
