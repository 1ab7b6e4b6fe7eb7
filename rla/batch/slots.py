"""How many jobs run at once, and what each place gives to the job in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Slot:
    """A place for one job.

    Attributes:
        number: Which, from 0.
        environment: The variables that a job in it gets.
    """

    number: int
    environment: Mapping[str, str] = field(default_factory=dict)


class Slots:
    """The places of a batch.

    Attributes:
        count: How many there are.
        are_alike: Whether a job gets nothing of the one it runs in.
    """

    def __init__(self, slots: Sequence[Slot]) -> None:
        """All of them are free."""
        self._free = list(reversed(slots))
        self.count = len(slots)
        self.are_alike = not any(slot.environment for slot in slots)

    @property
    def is_any_free(self) -> bool:
        """Whether a job could start: an item is asked for only then, because it may be chosen by the ends of others."""
        return bool(self._free)

    def take(self) -> Slot | None:
        """A free place, the first one first, or None."""
        return self._free.pop() if self._free else None

    def give_back(self, slot: Slot) -> None:
        """The job in a place has ended."""
        self._free.append(slot)
        self._free.sort(key=lambda free: free.number, reverse=True)


def plain_slots(count: int) -> Slots:
    """So many places that are alike."""
    return Slots([Slot(number) for number in range(count)])


def gpu_slots(gpus: Sequence[str]) -> Slots:
    """A place for each mention of a GPU; a job sees that one only."""
    return Slots([Slot(number, {"CUDA_VISIBLE_DEVICES": gpu}) for number, gpu in enumerate(gpus)])
