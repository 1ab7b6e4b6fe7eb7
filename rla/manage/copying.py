"""Copy runs: stage some, wait for the disk once, then give each its name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Final

from rla.fsio.copy_tree import ONE_BY_ONE, SyncedDisks
from rla.fsio.safe_move import make_durable
from rla.manage.operation import Progress
from rla.manage.record import Item
from rla.manage.report import Report
from rla.manage.roll import reason
from rla.manage.staging import Twin, copy_to_stage, discard, publish, sync_stage

_BATCH_BYTES: Final = 2**28
_BATCH_RUNS: Final = 64
Twins = Callable[[Item], list[Twin]]


class Copier:
    """Copies the runs of one operation, and tells a report what became of each."""

    def __init__(
        self, twins: Twins, report: Report, finish: Callable[[Item], None], progress: Progress | None, total: int
    ) -> None:
        """Prepare to copy.

        Args:
            twins: The leaves of a run and their copies, the log last.
            report: Told of failures, and of what was left out.
            finish: Changes a staged copy before it gets its name.
            progress: Called with the bytes that were copied, and those of all.
            total: How many bytes there are, about.
        """
        self._twins = twins
        self._report = report
        self._finish = finish
        self._progress = progress
        self._total = total
        self._done = 0
        self._copied = 0

    def copy(self, items: Iterable[Item]) -> Iterator[list[Item]]:
        """Copy runs, some at a time.

        Yields:
            Those whose copies are whole, verified, on disk and in their place.

        Raises:
            OSError: What was begun of a run could not be removed.
        """
        for batch in _batches(items):
            files = {item.uid: count for item in batch if (count := self._stage(item)) is not None}
            staged = [item for item in batch if item.uid in files]
            yield self._publish(self._sync(staged, sum(files.values())))

    def _stage(self, item: Item) -> int | None:
        """The number of files that were copied, or None when that failed."""
        files = 0
        try:
            for pair in self._twins(item):
                copied = copy_to_stage(pair, self._advance)
                files += copied.files
                skipped = [f"{pair.source.tree}: {path} is left out: {why}" for path, why in copied.skipped]
                self._report.notes += [(item.uid, text) for text in skipped]
            self._finish(item)
        except OSError as error:
            self._fail(item, error)
            return None
        finally:
            self._done, self._copied = self._done + item.bytes, 0
            self._advance(0)
        return files

    def _sync(self, staged: list[Item], files: int) -> list[Item]:
        synced = []
        at_once = SyncedDisks() if files > ONE_BY_ONE else None
        for item in staged:
            try:
                for pair in self._twins(item):
                    sync_stage(pair, at_once)
            except OSError as error:
                self._fail(item, error)
            else:
                synced.append(item)
        return synced

    def _publish(self, synced: list[Item]) -> list[Item]:
        published, changed = [], []
        for item in synced:
            try:
                changed += publish(self._twins(item))
            except OSError as error:
                self._fail(item, error)
            else:
                published.append(item)
        make_durable(changed)
        return published

    def _fail(self, item: Item, error: OSError) -> None:
        self._report.failed.append((item.uid, reason(error)))
        for pair in reversed(self._twins(item)):
            with suppress(OSError):  # the end of the operation tries again, and the journal knows
                discard(pair)

    def _advance(self, size: int) -> None:
        """Bytes are counted as the disk counts them, so that a run's share may be used up before its end."""
        self._copied += size
        if self._progress is not None:
            self._progress(min(self._done + self._copied, self._total), self._total)


def _batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    batch: list[Item] = []
    for item in items:
        batch.append(item)
        if len(batch) >= _BATCH_RUNS or sum(each.bytes for each in batch) >= _BATCH_BYTES:
            yield batch
            batch = []
    if batch:
        yield batch
