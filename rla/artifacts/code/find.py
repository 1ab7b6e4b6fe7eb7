"""Which files a code backup is to hold, and where each of them lies in it.

Nothing is opened here but ignore files; the tree is looked at from the top downward, level by
level, so that limits cut off what lies deepest. Ignored files and clutter are left out without a
word; everything else that is left out is reported.
"""

# Paths are strings here: they keep any bytes, and no objects are made by the thousand.
# ruff: noqa: PTH112, PTH116

from __future__ import annotations

import os
import stat
from collections import deque
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from rla.artifacts.code.cache import Cache
from rla.artifacts.code.ignore import GITIGNORE, IgnoreRules, explicit_rules, nested_rules, rules_from_above
from rla.artifacts.code.kinds import CLUTTER, ENVIRONMENT_MARKS, is_source
from rla.artifacts.code.plan import BackupPlan, Entry, entries_of
from rla.artifacts.code.secrets import secret_by_name
from rla.core.layout import ARCHIVED, CHECKOUT, CODE, DATABASE_FILE, JOB_STATE_DIR, KINDS, STATE_DIR, RunPaths

_RUN_MARK: Final = RunPaths(Path(), "").marker(CODE).name
_LOOKED_AT_PER_FILE: Final = 20


class Found(NamedTuple):
    """A file to back up: its real path, its path in the backup, how it looks, and whether it comes before others."""

    source: str
    place: str
    stat: os.stat_result
    first: bool


@dataclass
class Findings:
    """What there is to back up.

    Attributes:
        files: The files.
        links: Real paths of symbolic links, and their paths in the backup.
        directories: The path in the backup of each directory that was looked at, by real path.
        left_out: Paths and reasons.
        warnings: What else is to be told.
        decisions: What ignore rules said, for the cache.
    """

    files: list[Found] = field(default_factory=list)
    links: list[tuple[str, str]] = field(default_factory=list)
    directories: dict[str, str] = field(default_factory=dict)
    left_out: list[tuple[str, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    decisions: dict[str, str] = field(default_factory=dict)


def find_code(plan: BackupPlan, cache: Cache) -> Findings:
    """Find everything that a plan asks for.

    Raises:
        ConfigError: A listed file of ignore patterns cannot be read, or ``lib`` has no run file.
    """
    findings = Findings()
    finder = _Finder(plan, cache, findings)
    for entry in entries_of(plan, findings.warnings):
        finder.add(entry)
    return findings


class _Finder:
    """Looks through the entries of one plan."""

    def __init__(self, plan: BackupPlan, cache: Cache, findings: Findings) -> None:
        self._plan = plan
        self._known = cache.decisions
        self._kept_before = cache.records
        self._out = findings
        self._root = os.path.realpath(plan.project_root)
        self._never = [os.path.realpath(path) for path in plan.never]
        self._script = "" if plan.script is None else os.path.realpath(plan.script)
        self._taken: dict[str, str] = {}
        self._looked_at = 0
        self._largest = plan.max_file_bytes
        self._most = plan.max_files
        explicit_rules(plan.ignore_files, self._root)  # a missing one is told before anything is looked at

    def add(self, entry: Entry) -> None:
        """Add what one entry names."""
        try:
            if os.path.isdir(entry.source):
                self._walk(entry)
            else:
                self._add_file(entry.source, entry.place, os.stat(entry.source), first=True)
        except OSError as error:
            self._leave_out(entry.place, f"cannot be read: {error.strerror}")

    def _walk(self, entry: Entry) -> None:
        explicit, nested = self._rules_of(entry)
        blocked = self._blocked(entry.source)
        pending = deque([(entry.source, entry.place, nested)])
        while pending:
            directory, place, rules = pending.popleft()
            items = self._listing(directory, place)
            names = {item.name for item in items}
            if directory != entry.source and self._is_foreign(directory, place, names, entry):
                continue
            if STATE_DIR in names:
                blocked |= _recorded(directory)
            if GITIGNORE in names and not entry.whole:
                rules = nested_rules(directory, rules)
            self._out.directories[directory] = place
            judge = _Judge(self._known, self._out.decisions, explicit, rules)
            below = self._add_items(items, f"{place}/" if place else "", judge, entry, blocked)
            pending.extend((path, inner, rules) for path, inner in below)

    def _add_items(
        self, items: list[os.DirEntry[str]], prefix: str, judge: _Judge, entry: Entry, blocked: AbstractSet[str]
    ) -> list[tuple[str, str]]:
        """Take in a directory's names; the directories among them, to be looked into."""
        below = []
        for item in items:
            name = item.name
            place = f"{prefix}{name}"
            if self._is_over():
                self._leave_out(place, f"and what follows: there are more than {self._most:,} files")
                break
            if (name in CLUTTER and not entry.whole) or name == CHECKOUT or name.startswith(DATABASE_FILE):
                continue  # and to open a database that is in use would drop its locks
            try:
                if not item.is_dir(follow_symlinks=False):
                    self._add_item(item, place, judge, entry)
                elif not judge.ignores(item.path, is_dir=True):
                    below.append((item.path, place))
            except OSError as error:
                self._leave_out(place, f"cannot be read: {error.strerror}")
        for path, place in below:
            if path in blocked:
                self._leave_out(place, "belongs to a data root")
        return [(path, place) for path, place in below if path not in blocked]

    def _add_item(self, item: os.DirEntry[str], place: str, judge: _Judge, entry: Entry) -> None:
        """Take in one name that is no directory."""
        path = item.path
        if (entry.sources_only and not is_source(item.name)) or judge.ignores(path, is_dir=False):
            return
        if item.is_symlink():
            self._out.links.append((path, place))
        else:
            self._add_file(path, place, item.stat(follow_symlinks=False))

    def _add_file(self, source: str, place: str, found: os.stat_result, *, first: bool = False) -> None:
        if place in self._taken:
            if self._taken[place] != source:
                self._leave_out(place, f"another file has that place: {self._taken[place]}")
        elif reason := self._unfit(source, found):
            self._leave_out(place, reason)
        else:
            self._taken[place] = source
            self._out.files.append(Found(source, place, found, first or source == self._script))

    def _unfit(self, source: str, found: os.stat_result) -> str:
        """Why a file is left out without being opened; empty if it is not."""
        if not stat.S_ISREG(found.st_mode):
            return "is no file but a socket, a pipe or a device"
        if found.st_size > self._largest:
            return f"is {in_mib(found.st_size)}, larger than {in_mib(self._largest)}"
        return "" if source in self._kept_before else secret_by_name(source)

    def _listing(self, directory: str, place: str) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(directory) as listing:
                return sorted(listing, key=lambda item: item.name)
        except OSError as error:
            self._leave_out(place or ".", f"cannot be read: {error.strerror}")
            return []

    def _rules_of(self, entry: Entry) -> tuple[IgnoreRules | None, IgnoreRules | None]:
        """The user's own rules and those of ``.gitignore`` files above an entry."""
        inside = f"{entry.source}/".startswith(f"{self._root.rstrip('/')}/")
        explicit = explicit_rules(self._plan.ignore_files, self._root if inside else entry.source)
        return explicit, None if entry.whole else rules_from_above(entry.source, self._root)

    def _blocked(self, top: str) -> frozenset[str]:
        """What is left out below an entry: other directories whole; of a data root around the code what rla made."""
        blocked: frozenset[str] = frozenset()
        for never in self._never:
            around = _is_below(top, never) or _is_below(self._script, never)
            blocked |= _recorded(never) if around else {never}
        return blocked

    def _is_foreign(self, directory: str, place: str, names: set[str], entry: Entry) -> bool:
        """Whether a directory is not code: a data root, a run's directory, a virtual environment."""
        if (
            _RUN_MARK in names
            or JOB_STATE_DIR in names
            or (STATE_DIR in names and not _is_below(self._script, directory))
        ):
            self._leave_out(place, "belongs to a data root")
            return True
        return not entry.whole and not ENVIRONMENT_MARKS.isdisjoint(names)

    def _is_over(self) -> bool:
        self._looked_at += 1
        return len(self._out.files) >= self._most or self._looked_at > _LOOKED_AT_PER_FILE * self._most

    def _leave_out(self, place: str, reason: str) -> None:
        self._out.left_out.append((place, reason))


class _Judge:
    """Says what ignore rules leave out in one directory, from the last backup's memory where it can."""

    def __init__(
        self, known: Mapping[str, str], seen: dict[str, str], explicit: IgnoreRules | None, rules: IgnoreRules | None
    ) -> None:
        self._known = known
        self._seen = seen
        self._ranked = [each for each in (explicit, rules) if each is not None]
        self._digest = "".join(each.digest for each in self._ranked)

    def ignores(self, path: str, *, is_dir: bool) -> bool:
        if not self._ranked:
            return False
        key = f"{path}/" if is_dir else path
        said = self._known.get(key, "")
        if said[1:] != self._digest:
            said = f"{'-' if self._decide(path, is_dir) else '+'}{self._digest}"
        self._seen[key] = said
        return said[0] == "-"

    def _decide(self, path: str, is_dir: bool) -> bool:
        verdicts = (rules.verdict(path, is_dir=is_dir) for rules in self._ranked)
        return next((verdict for verdict in verdicts if verdict is not None), False)


def in_mib(size: int) -> str:
    """A number of bytes as people read it."""
    return f"{size / 2**20:,.1f} MiB"


def _recorded(root: str) -> frozenset[str]:
    """What rla makes at the top of a data root."""
    return frozenset(f"{root}/{name}" for name in (*KINDS, ARCHIVED, STATE_DIR))


def _is_below(path: str, directory: str) -> bool:
    return f"{path}/".startswith(f"{directory.rstrip('/')}/")
