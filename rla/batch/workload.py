"""What a batch runs: its items, and what is done before and after each."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rla.batch.job_run import JobRun
    from rla.batch.outcome import Outcome


@dataclass(frozen=True)
class Item:
    """One thing that is to be run once with success.

    Attributes:
        key: Names it within its batch, in every call: the same work has the same key.
        task: The task of its runs.
        label: How messages name it.
        hyperparameters: What goes in.
        tracked: The hyperparameters in the index name, by key.
        shown: Whether its output goes to the console, too.
        payload: What else the workload knows of it.
    """

    key: str
    task: str
    label: str
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    tracked: tuple[str, ...] = ()
    shown: bool = False
    payload: Any = None


@dataclass(frozen=True)
class CommandLine:
    """What an item runs, once its run has a directory.

    Attributes:
        words: The command.
        directory: Where it runs.
        environment: Variables beside those of this process.
    """

    words: tuple[str, ...]
    directory: Path
    environment: Mapping[str, str] = field(default_factory=dict)


class Workload(ABC):
    """The items of a batch, and what belongs to each.

    Attributes:
        batch: The batch's name.
        origin: What makes the runs, as the table calls it.
        parent: The uid of the run that all of them belong to, or None.
        foreseen: Whether the next item is known before others have ended.
    """

    batch: str
    origin: str
    parent: str | None = None
    foreseen: bool = True

    @abstractmethod
    def items(self) -> Iterator[Item]:
        """The items, anew at each call."""

    def same_work(self, key: str) -> str:
        """The part of an item's key that says what is done: items of earlier calls are known again by it."""
        return key

    @abstractmethod
    def place(self, item: Item, created: datetime) -> str:
        """Where a run of the item lies in the tree: ``<directory>/.../<identifier>``."""

    @abstractmethod
    def command(self, item: Item, run: JobRun) -> CommandLine:
        """What a run of the item runs."""

    @abstractmethod
    def furnish(self, run: JobRun) -> None:
        """Write what the run's directory holds beside its manifest, before the command begins.

        Raises:
            OSError: It could not be written; the command does not begin.
            RlaError: The item cannot run.
        """

    def judge(self, run: JobRun, outcome: Outcome) -> Outcome:
        """How a run ended for those who know more of it than its exit code."""
        del run
        return outcome

    @abstractmethod
    def settle(self, run: JobRun, outcome: Outcome) -> list[str]:
        """Do what belongs to a run's end; what goes wrong is told, and loses nothing else."""
