"""What a command did."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Report:
    """What became of each run of an operation.

    Attributes:
        action: ``delete``, ``archive``, ``migrate``, ``restore`` or ``gc``.
        operation: Its id, by which it can be undone; None when there was nothing to do.
        done: The uids of the runs that it was done to.
        gone: The uids of those that somebody else had done it to before.
        failed: The uids of those it could not be done to, and why; they are as they were.
        notes: Uids, and what the user should know of them.
        bytes: How many bytes were moved, copied or freed.
    """

    action: str
    operation: str | None = None
    done: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)
    bytes: int = 0

    def add(self, other: Report) -> None:
        """Take in what was done to the runs of another root."""
        self.operation = self.operation or other.operation
        self.done += other.done
        self.gone += other.gone
        self.failed += other.failed
        self.notes += other.notes
        self.bytes += other.bytes
