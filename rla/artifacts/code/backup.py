"""Keep the code that a run was started with, as ordinary files in the run's code directory.

A first look finds what is to be kept (``find``). A file that has not changed since the last
backup is not read: it is linked from the code store (``code_store``), which costs no disk. Any
other file is read, judged (``code_secrets``) and put into the store; where it cannot be linked it
is copied. The list of hashes (``code_list``) is written last and makes the backup whole.

One file that cannot be kept never stops the rest; it is reported. A full disk raises, and leaves
what older backups hold as it was.
"""

# Paths are strings here: they keep any bytes, and no objects are made by the thousand.
# ruff: noqa: PTH103

from __future__ import annotations

import errno
import os
import stat
import time
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final

from rla.artifacts.code.cache import Cache, Record, settled_signature, signature
from rla.artifacts.code.find import Findings, Found, find_code, in_mib
from rla.artifacts.code.listing import OWN_FILES, CodeList, digest, verify_code, write_list
from rla.artifacts.code.plan import BackupPlan
from rla.artifacts.code.secrets import is_config, secret_in
from rla.artifacts.code.store import CodeStore, Spot, digest_of, entry_name, open_directory, open_plain, write_copy

__all__ = ["BackupPlan", "BackupReport", "back_up_code", "verify_code"]

_BAD_PLACE: Final = frozenset(
    {errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ, errno.EEXIST, errno.ENOTDIR, errno.EISDIR}
)
"""What a file system says of a name it cannot have, or has for something else."""
_TRIES: Final = 2


@dataclass
class BackupReport:
    """What a backup did.

    Attributes:
        files: How many files it holds.
        bytes: Their size together.
        linked: How many of them cost no disk.
        copied: How many of them had to be copied.
        left_out: Paths in the backup, and why they are not there.
        warnings: What the user should know, one sentence each.
    """

    files: int = 0
    bytes: int = 0
    linked: int = 0
    copied: int = 0
    left_out: list[tuple[str, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def back_up_code(plan: BackupPlan, target: Path, store: Path) -> BackupReport:
    """Back up the code of a run.

    Args:
        plan: What to back up.
        target: The run's code directory; it exists. Its marker and parameter file are left as they are.
        store: The data root's code store; it is made when needed.

    Raises:
        ConfigError: A listed file of ignore patterns cannot be read, or ``lib`` has no run file.
        OSError: The disk is full, or the target cannot be written. There is no list then, so that
            nobody takes the backup for a whole one; older backups are untouched.
    """
    cache = Cache(store, plan)
    found = find_code(plan, cache)
    keeper = _Keeper(target, CodeStore(store, cache.written), cache, plan.max_file_bytes)
    keeper.report.left_out = found.left_out
    keeper.report.warnings = found.warnings
    try:
        for file in keeper.keep_unchanged(_within_limit(found, plan)):
            keeper.keep(file)
        keeper.keep_links(found)
        return keeper.finish(found)
    finally:
        keeper.close()


class _LeftOutError(Exception):
    """A file cannot be kept; the message is the reason."""


class _Keeper:
    """Puts one file after the other into a run's code directory."""

    def __init__(self, target: Path, store: CodeStore, cache: Cache, largest: int) -> None:
        self.report = BackupReport()
        self._largest = largest
        self._target = target
        self._store = store
        self._cache = cache
        self._secrets: dict[tuple[str, bool], str] | None = None
        self._records: dict[str, Record] = {}
        self._files: dict[str, str] = {}
        self._links: dict[str, str] = {}
        self._places: dict[str, str] = {}
        self._renamed: dict[str, str] = {}
        self._folder: str | None = None
        self._directory: int | None = None

    def keep_unchanged(self, files: Iterable[Found]) -> list[Found]:
        """Link the files that have not changed since the last backup, without reading any; the others are returned."""
        known, others = self._cache.records, []
        for file in files:
            record = known.get(file.source)
            if (
                record is None
                or not record.store_inode
                or record[4:] != signature(file.stat)
                or file.place in OWN_FILES
            ):
                others.append(file)
                continue
            try:
                linked = self._store.link_known(record, self._spot(file.place))
            except OSError:
                linked = False  # what it is shows when the file is kept the other way
            if linked:
                self.report.linked += 1
                self._note(file.source, file.place, record)
            else:
                others.append(file)
        return others

    def keep(self, file: Found) -> None:
        """Keep a file, or report why not."""
        place = self._own_name(file.place)
        try:
            record = self._known_secret(file) or self._keep_read(file.source, place)
        except _LeftOutError as error:
            self.report.left_out.append((place, str(error)))
            return
        except OSError as error:
            if error.errno not in _BAD_PLACE:
                raise
            self.report.left_out.append((place, f"cannot have that name here: {error.strerror}"))
            return
        if record.secret:
            self._records[file.source] = record
            self.report.left_out.append((place, record.secret))
        else:
            self._note(file.source, place, record)

    def keep_links(self, found: Findings) -> None:
        """Keep the symbolic links that point to something in the backup."""
        if not found.links:
            return
        folders = {str(parent) for place in self._files for parent in PurePosixPath(place).parents} | {""}
        targets = self._places | {real: place for real, place in found.directories.items() if place in folders}
        for source, place in found.links:
            try:
                self._keep_link(source, place, targets)
            except _LeftOutError as error:
                self.report.left_out.append((place, str(error)))
            except OSError as error:
                self.report.left_out.append((place, f"is a link that cannot be made: {error.strerror}"))

    def finish(self, found: Findings) -> BackupReport:
        """Write the list, then what the next backup may use."""
        if self.report.copied and self._store.refused:
            self.report.warnings.append(
                f"{self.report.copied} files were copied, because the code store refused: {self._store.refused}"
            )
        self.report.left_out.sort()
        code = CodeList(self._files, self._links, self.report.left_out, self.report.warnings, self._renamed)
        write_list(self._target, code)
        self._cache.save(self._records, found.decisions)
        self._store.drop_abandoned()
        return self.report

    def close(self) -> None:
        """Let go of the directories."""
        self._store.close()
        if self._directory is not None:
            os.close(self._directory)

    def _note(self, source: str, place: str, record: Record) -> None:
        self._records[source] = record
        self._files[place] = digest_of(record.entry)
        self._places[source] = place
        self.report.files += 1
        self.report.bytes += record.size

    def _known_secret(self, file: Found) -> Record | None:
        """What is known of an unchanged file that holds a secret."""
        record = self._cache.records.get(file.source)
        return record if record and record.secret and record.signature == signature(file.stat) else None

    def _keep_read(self, source: str, place: str) -> Record:
        before = time.time_ns()
        data, found = _read(source, self._largest)
        name = entry_name(digest(data), found.st_mode)
        if secret := self._secret(source, name, data):
            return Record(name, secret, 0, 0, *settled_signature(found, before))
        spot = self._spot(place)
        try:
            entry = self._put(name, data, found, spot)
        except FileExistsError:
            self._clear(place, spot)
            entry = self._put(name, data, found, spot)
        return Record(*entry, *settled_signature(found, before))

    def _put(self, name: str, data: bytes, found: os.stat_result, spot: Spot) -> tuple[str, str, int, int]:
        """Link or copy a content; what its record says of the store."""
        entry = self._store.link_data(name, data, found.st_mode, found.st_mtime_ns, spot)
        if entry is None:
            write_copy(spot, data, found.st_mode)
            self.report.copied += 1
            return name, "", 0, 0
        self.report.linked += 1
        return entry.name, "", entry.inode, entry.mtime

    def _secret(self, source: str, name: str, data: bytes) -> str:
        if self._secrets is None:
            self._secrets = self._cache.secrets()
        key = (name, is_config(source))
        if key not in self._secrets:
            self._secrets[key] = secret_in(source, data)
        return self._secrets[key]

    def _keep_link(self, source: str, place: str, targets: dict[str, str]) -> None:
        try:
            real = os.path.realpath(source, strict=True)
        except OSError as error:
            raise _LeftOutError("is a link that leads nowhere") from error
        if real not in targets:
            raise _LeftOutError("is a link to what is not in the backup")
        place = self._own_name(place)
        spot = self._spot(place)
        text = os.path.relpath(targets[real] or ".", place.rpartition("/")[0] or ".")
        try:
            os.symlink(text, spot.name, dir_fd=spot.directory)
        except FileExistsError:
            self._clear(place, spot)
            os.symlink(text, spot.name, dir_fd=spot.directory)
        self._links[place] = text

    def _own_name(self, place: str) -> str:
        """Where a file lies that has the name of one of rla's own."""
        if place not in OWN_FILES:
            return place
        self.report.warnings.append(f"{place} is kept as _{place}, because rla has a file of that name there")
        self._renamed[f"_{place}"] = place
        return f"_{place}"

    def _spot(self, place: str) -> Spot:
        """Where a path of the backup lies; its directory is made, and stays open for the next one."""
        folder, _, name = place.rpartition("/")
        if folder != self._folder:
            self._enter(folder)
        return Spot(name if self._directory is not None else f"{self._target}/{place}", self._directory)

    def _enter(self, folder: str) -> None:
        if self._directory is not None:
            os.close(self._directory)
        self._folder, self._directory = None, None
        path = f"{self._target}/{folder}"
        os.makedirs(path, exist_ok=True)
        self._folder, self._directory = folder, open_directory(path)

    def _clear(self, place: str, spot: Spot) -> None:
        """Remove what a broken-off backup left at a place; what this one put there stays."""
        name = _folded(place)
        for taken in (*self._files, *self._links):
            if _folded(taken) == name:
                raise _LeftOutError(f"its name means the same file here as {taken}")
        os.unlink(spot.name, dir_fd=spot.directory)


def _read(path: str, largest: int) -> tuple[bytes, os.stat_result]:
    """The content of a file that stays as it is while it is read."""
    for _ in range(_TRIES):
        try:
            with open(path, "rb", opener=open_plain) as file:
                before = os.fstat(file.fileno())
                if not stat.S_ISREG(before.st_mode) or before.st_size > largest:
                    break
                data = file.read(before.st_size + 1)
                after = os.fstat(file.fileno())
        except OSError as error:
            raise _LeftOutError(f"cannot be read: {error.strerror}") from error
        same = (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns)
        if same and len(data) == after.st_size:
            return data, after
    raise _LeftOutError("changed while it was read")


def _within_limit(found: Findings, plan: BackupPlan) -> list[Found]:
    """The files that fit into the size of a backup: if not all do, the smallest."""
    total = sum(file.stat.st_size for file in found.files)
    if total <= plan.max_bytes:
        return found.files
    kept, size = set(), 0
    for file in sorted(found.files, key=lambda file: (not file.first, file.stat.st_size)):
        size += file.stat.st_size
        if size > plan.max_bytes:
            break
        kept.add(file.place)
    reason = f"does not fit into {in_mib(plan.max_bytes)} beside the smaller files"
    found.left_out += [(file.place, reason) for file in found.files if file.place not in kept]
    found.warnings.append(
        f"the code has {in_mib(total)}, more than {in_mib(plan.max_bytes)}: "
        f"{len(found.files) - len(kept)} of the largest are left out; list what to ignore in a .gitignore"
    )
    return [file for file in found.files if file.place in kept]


def _folded(place: str) -> str:
    """A name as a file system may see it that does not tell capitals apart."""
    return unicodedata.normalize("NFC", place).casefold()
