"""Take an operation forward, run by run: each one whole or not at all, and none hides the others."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from typing import Final

from rla.core.layout import RootPaths
from rla.fsio.safe_move import Spot, make_durable
from rla.manage.operation import Progress, locked, refusal
from rla.manage.record import Copy, Item, Record, write_record
from rla.manage.report import Report

_TAKEN: Final = frozenset({errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR})
Step = Callable[[Item], list[Spot]]


def each_run(
    root: RootPaths, record: Record, report: Report, act: Step, undo: Step, progress: Progress | None = None
) -> list[Item]:
    """Do something to every run of an operation, and undo it for those where it fails.

    Afterwards every move is on disk, and the journal holds only the runs it was done to.

    Args:
        root: The data root.
        record: The operation; the runs where it failed are taken out.
        report: Told what became of each.
        act: Changes one run, and tells which places it touched; doing it again changes nothing.
        undo: Takes the same back.
        progress: Called with the number of runs that were tried, and of all.

    Returns:
        The runs it was done to.

    Raises:
        OSError: A run could be neither finished nor put back: the journal knows of it.
    """
    changed: list[Spot] = []
    done = []
    for number, item in enumerate(record.runs, 1):
        try:
            changed += act(item)
        except OSError as error:
            report.failed.append((item.uid, reason(error)))
            changed += _undone(undo, item, report)
        else:
            done.append(item)
        if progress is not None:
            progress(number, len(record.runs))
    make_durable(changed)
    if len(done) < len(record.runs):
        record.runs = done
        write_record(root, record)
    report.done += [item.uid for item in done]
    report.bytes += sum(item.bytes for item in done)
    return done


def alone(root: RootPaths, item: Item, change: Callable[[Copy], list[Spot]], *, force: bool) -> list[Spot]:
    """Change every copy of a run while nobody records it, under its own lock.

    Raises:
        OSError: It is being recorded, or could not be changed.
    """
    changed: list[Spot] = []
    for copy in sorted(item.copies, key=lambda copy: copy.archived):  # the live one tells whether it may be done
        if copy.archived:
            changed += change(copy)
            continue
        alive = refusal(root, copy.path, {}, force=force)
        if alive is not None:
            raise OSError(errno.EBUSY, alive)
        with locked(root, copy.path) as taken:
            if not taken:
                raise OSError(errno.EBUSY, "it is being recorded: its lock is held")
            changed += change(copy)
    return changed


def reason(error: OSError) -> str:
    """An error in the words of a report."""
    where = f" ({os.fsdecode(error.filename)})" if isinstance(error.filename, str | bytes) else ""
    return f"{error.strerror or error}{where}"


def _undone(undo: Step, item: Item, report: Report) -> list[Spot]:
    try:
        return undo(item)
    except OSError as error:
        if error.errno not in _TAKEN:
            raise
        report.notes.append((item.uid, f"a part of it could not be put back: {reason(error)}"))
        return []
