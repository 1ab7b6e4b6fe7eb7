"""What a run begins with that continues another: its values up to a time step, and what it kept.

Nothing here writes to the source. Its checkpoints are linked where the file system allows it, because
nobody changes a checkpoint in place; everything else is copied.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rla.artifacts.checkpoints.record import RECORD_SUFFIX, read_record
from rla.core.layout import CHECKPOINT, FORKED_EVENTS, LOG, RESULTS, TMP_DATA, RunPaths
from rla.fsio.atomic_write import TEMP_MARK, atomic_write, sync_directory
from rla.fsio.copy_tree import CopyRules, copy_tree, sync_tree
from rla.fsio.tree_walk import open_directory
from rla.runs.kinds import make_kind
from rla.writers.cut import cut_csv, cut_events, cut_json

KEPT_KINDS: Final = (CHECKPOINT, RESULTS, TMP_DATA)
_STEP_PREFIX: Final = re.compile(r"(-?\d+)-")


@dataclass
class Fork:
    """What a new run takes over.

    Attributes:
        uid: The run that is continued.
        source: Its files.
        step: The time step after which nothing is taken.
        closing_dump: The timestamp of the row that the source wrote only because it ended: it is left out.
        last_dump: When the last row that was taken was dumped, once it was; None without any.
    """

    uid: str
    source: RunPaths
    step: int
    closing_dump: float | None = None
    last_dump: float | None = None

    def fill(self, paths: RunPaths, uid: str) -> None:
        """Put everything into the directories of a run that has no manifest yet, and wait for the disk.

        Raises:
            OSError: Something could not be read or written.
        """
        atomic_write(paths.marker(LOG), f"{uid}\n".encode(), durable=False)
        self.take_kinds(paths, uid)
        self.take_values(paths)
        sync_tree(open_directory(str(paths.log)))

    def take_values(self, paths: RunPaths) -> None:
        """Copy the recorded values up to the step.

        Raises:
            OSError: They could not be copied, or the run has values already.
        """
        if self.source.csv.is_file():
            self.last_dump = cut_csv(self.source.csv, paths.csv, self.step, self.closing_dump)
        if self.source.json.is_file():
            cut_json(self.source.json, paths.json, self.step, self.closing_dump)
        if self.source.events.is_dir():
            paths.events.mkdir(parents=True, exist_ok=True)
            cut_events(self.source.events, paths.events / FORKED_EVENTS, self.step, self.closing_dump)

    def take_kinds(self, paths: RunPaths, uid: str) -> None:
        """Link or copy checkpoints, results and temporary data up to the step.

        Raises:
            OSError: They could not be copied.
        """
        for kind in KEPT_KINDS:
            source = self.source.directory(kind)
            if source.is_dir():
                make_kind(paths, kind, uid)
                _copy(source, paths.directory(kind), self._rules(kind, source))

    def _rules(self, kind: str, source: Path) -> CopyRules:
        if kind == CHECKPOINT:
            return _checkpoint_rules(source, self.step)
        is_later = self._is_later_result if kind == RESULTS else lambda _path: False
        return CopyRules(leave_out=lambda path: _is_own(path) or is_later(path), compare=False)

    def _is_later_result(self, path: str) -> bool:
        """Figures and videos have the time step before their name."""
        match = _STEP_PREFIX.match(path.rpartition("/")[2])
        return match is not None and int(match[1]) > self.step


def _checkpoint_rules(directory: Path, step: int) -> CopyRules:
    """Our checkpoints are linked, those of later steps are left out, files of others are copied."""
    ours, later = set[str](), set[str]()
    for file in directory.glob(f"*{RECORD_SUFFIX}"):
        if (record := read_record(file)) is not None:
            (later if record.step > step else ours).update((file.name, file.name.removesuffix(RECORD_SUFFIX)))
    return CopyRules(
        leave_out=lambda path: _is_own(path) or path in later,
        may_share=lambda path: path in ours,
        compare=False,
    )


def _is_own(path: str) -> bool:
    """The marker, and what a killed process was writing."""
    return path == _MARKER or path.endswith(TEMP_MARK)


def _copy(source: Path, target: Path, rules: CopyRules) -> None:
    keep_link: Callable[[str, str], bool] = lambda _directory, _text: True  # noqa: E731 - links are data of the user's
    copy_tree(open_directory(str(source)), open_directory(str(target)), keep_link, rules=rules)
    sync_tree(open_directory(str(target)))
    sync_directory(target.parent)


_MARKER: Final = RunPaths(Path(), "").marker(LOG).name
