"""The directory of a run's checkpoints: what lies there, what is put there, what is removed."""

from __future__ import annotations

import contextlib
import operator
import os
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Final, SupportsIndex

from rla.artifacts.checkpoints.file import CheckedFile, Fingerprint, fingerprint_of
from rla.artifacts.checkpoints.record import (
    RECORD_SUFFIX,
    Record,
    Stored,
    file_stem,
    listed,
    read_record,
    record_path,
    step_pattern,
    stored_at,
)
from rla.errors import CheckpointError, CheckpointNotFoundError, RlaWarning
from rla.fsio.atomic_write import sync_directory

_HOUR: Final = 3600.0


class CheckpointDirectory:
    """The files of one suffix in a directory, with their records."""

    def __init__(self, directory: Path, suffix: str) -> None:
        """Look at nothing yet."""
        self.directory = directory
        self._suffix = suffix
        self._newest: dict[str, int] = {}

    def path_of(self, step: SupportsIndex, name: str) -> Path:
        """Where the checkpoint of a step is, or would be.

        Raises:
            CheckpointError: The name is empty, or the step is no integer.
        """
        try:
            return self.directory / f"{file_stem(name)}_{operator.index(step)}{self._suffix}"
        except TypeError:
            raise CheckpointError(f"a checkpoint's step is an integer, not {step!r}") from None

    def stored(self, name: str | None = None) -> list[Stored]:
        """The checkpoints of a name, or of all names, the last saved first."""
        found = [stored for path in self._with_record(name) if (stored := stored_at(path)) is not None]
        return sorted(
            (each for each in found if self._is_in_place(each, name)), key=lambda each: each.order, reverse=True
        )

    def damaged_records(self, name: str) -> list[Path]:
        """Checkpoints of which nothing is known, because their record cannot be read."""
        found = []
        for path in self._with_record(name):
            with contextlib.suppress(OSError):
                if path.exists() and read_record(record_path(path)) is None:
                    found.append(path)
        return found

    def without_record(self, name: str) -> list[int]:
        """The steps of files that have a checkpoint's name and are not ours, ascending."""
        pattern = step_pattern(file_stem(name), self._suffix)
        files = set(self._files())
        matches = (pattern.fullmatch(file) for file in files if file + RECORD_SUFFIX not in files)
        return sorted(int(match[1]) for match in matches if match)

    def next_number(self, name: str) -> int:
        """The time, but greater than that of every checkpoint of the name even if the clock went back."""
        if name not in self._newest:
            self._newest[name] = max((stored.record.saved for stored in self.stored(name)), default=0)
        self._newest[name] = max(time.time_ns() // 1000, self._newest[name] + 1)
        return self._newest[name]

    def rotate(self, name: str, keep: int) -> None:
        """Remove what is older than the newest to keep, and old records that a killed process left."""
        kept = 0
        for stored in self.stored(name):
            if kept < keep:
                kept += stored.is_complete
            else:
                _remove(stored.path)
        for path in self._with_record(name):
            _remove_orphan(path)

    def not_found(self, message: str, name: str) -> CheckpointNotFoundError:
        """The error that lists what there is instead."""
        found: dict[str, list[int]] = {}
        for stored in self.stored():
            found.setdefault(stored.record.name, []).append(stored.record.step)
        text = f"{message} in {self.directory}. Saved there: {listed(found)}"
        if foreign := self.without_record(name):
            text += f". Files of other programs, to be loaded by their step: {listed({name: foreign})}"
        return CheckpointNotFoundError(text, path=self.directory)

    def _with_record(self, name: str | None) -> list[Path]:
        """The paths of which there are records."""
        stem = None if name is None else file_stem(name)
        pattern = step_pattern(stem, self._suffix + RECORD_SUFFIX)
        return [self.directory / file.removesuffix(RECORD_SUFFIX) for file in self._files() if pattern.fullmatch(file)]

    def _is_in_place(self, stored: Stored, name: str | None) -> bool:
        """A record that was copied to another name tells nothing of the file beside it."""
        record = stored.record
        return name in {None, record.name} and stored.path == self.path_of(record.step, record.name)

    def _files(self) -> Iterator[str]:
        try:
            yield from os.listdir(self.directory)  # noqa: PTH208 - names are enough
        except FileNotFoundError:
            return


def known_record(target: Path, name: str) -> Record | None:
    """The record of the step, if it was saved before.

    Raises:
        CheckpointError: The file there is not a checkpoint of this name.
    """
    record = None
    with contextlib.suppress(FileNotFoundError):
        record = read_record(record_path(target))
    if record is not None and record.name == name:
        return record
    if record is not None:
        raise CheckpointError(f"{target} is a checkpoint of {record.name!r}: take another name", path=target)
    for path in (target, record_path(target)):
        if os.path.lexists(path):
            raise CheckpointError(
                f"{path} is not known to be rla's and is not overwritten: move it, or save under another name",
                path=path,
            )
    return None


def publish(stage: Path, target: Path, record: Record, previous: Record | None) -> None:
    """Put a file and its record in place; the rename of the file completes the save.

    A step that is saved again keeps its place among the others until its new content is there, and
    its record allows both contents meanwhile: after a power cut, too.
    """
    _put_record(stage, target, record if previous is None else _either(previous, record))
    if previous is not None:
        sync_directory(target.parent)
    os.replace(stage / target.name, target)  # noqa: PTH105 - one system call
    sync_directory(target.parent)
    if previous is not None:
        _put_record(stage, target, record)
        sync_directory(target.parent)


def _either(old: Record, new: Record) -> Record:
    return Record(name=old.name, step=old.step, saved=old.saved, contents=new.contents + old.contents)


def _put_record(stage: Path, target: Path, record: Record) -> None:
    beside = record_path(target)
    with CheckedFile(stage / beside.name) as file:
        file.write(record.encode())
    os.replace(stage / beside.name, beside)  # noqa: PTH105


def verify(stored: Stored) -> None:
    """Read the file and compare it with its record.

    Raises:
        CheckpointError: It is not what was saved.
        FileNotFoundError: It is gone.
    """
    record: Record | None = stored.record
    known = None
    while record is not None and record != known:  # it may be saved anew while it is read
        content, known = _content(stored.path), record
        if content in known.contents:
            return
        record = read_record(record_path(stored.path))
    assert known is not None
    expected = known.contents[0] if known.contents else content
    what = f"{content.size} bytes long instead of {expected.size}" if content.size != expected.size else "changed"
    raise CheckpointError(f"{stored.path} is damaged: it is {what}", path=stored.path)


def _content(path: Path) -> Fingerprint:
    try:
        return fingerprint_of(path)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}", path=path) from error


def _remove(path: Path) -> None:
    """The file, then its record: a kill between the two leaves nothing that counts."""
    try:
        path.unlink(missing_ok=True)
        record_path(path).unlink(missing_ok=True)
    except OSError as error:
        warnings.warn(f"the old checkpoint {path} could not be removed: {error.strerror}", RlaWarning, stacklevel=4)


def _remove_orphan(path: Path) -> None:
    """A record without its file is removed when it is old: a young one may belong to a save under way."""
    record = record_path(path)
    with contextlib.suppress(OSError):
        if not path.exists() and time.time() - record.stat().st_mtime > _HOUR:
            record.unlink()
