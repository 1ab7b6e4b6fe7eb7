"""A batch that is about to run, and its run from the first item to the last row."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rla.batch.batch_file import BatchAbout, BatchFile
from rla.batch.code_state import CodeState
from rla.batch.continuing import Continuation, Wish
from rla.batch.events import BatchReport, Listener
from rla.batch.interrupts import Interrupts
from rla.batch.ledger import Ledger
from rla.batch.runner import BatchOptions, BatchRunner
from rla.batch.slots import Slots
from rla.batch.workload import Workload
from rla.core.layout import JobTreePaths, RootPaths
from rla.errors import ConfigError, RunStartError
from rla.jobs.local import LocalExecutor
from rla.runs import machine


@dataclass(frozen=True)
class Batch:
    """A batch that is about to run, all of it checked.

    Attributes:
        workload: Its items.
        total: How many there are.
        slots: How many run at once.
        tree: Where its runs lie.
        root: The database.
        index_url: The address of its index when that is elsewhere.
        directory: Where the items run.
        code: The state of the code.
        options: How it is run.
        source: The file that lists the items, if one does.
    """

    workload: Workload
    total: int
    slots: Slots
    tree: JobTreePaths
    root: RootPaths
    index_url: str | None
    directory: Path
    code: CodeState
    options: BatchOptions = field(default_factory=BatchOptions)
    source: Path | None = None


def run_batch(batch: Batch, listener: Listener, wish: Wish = Wish.EVERYTHING) -> BatchReport:
    """Run the items of a batch.

    Args:
        batch: What to run.
        listener: Hears what happens.
        wish: Which of the items.

    Raises:
        ConfigError: Another process runs the batch, and one of the two goes on with it.
        RunStartError: The directory of the runs cannot be written.
        StoreError: The table is needed to know what is done, and cannot be read.
    """
    with Interrupts() as interrupts, _code(batch), _announced(batch, wish):
        ledger = _ledger(batch, listener)
        try:
            runner = _runner(batch, ledger, listener)
            continuation = Continuation(batch, wish, listener)
            report = runner.run(continuation.settle(runner, ledger), interrupts)
            report.skipped = continuation.skipped
        finally:
            ledger.close()
    return report


@contextmanager
def _code(batch: Batch) -> Iterator[None]:
    """Look at the code while other work is done."""
    batch.code.begin()
    try:
        yield
    finally:
        batch.code.end()


@contextmanager
def _announced(batch: Batch, wish: Wish) -> Iterator[None]:
    """Be the process that runs a batch, and say so."""
    file = BatchFile(batch.tree, batch.workload.batch)
    about = _about(batch)
    try:
        _announce(batch, file, about, wish)
        yield
        _write_quietly(file, about, ended=time.time())
    finally:
        file.release()


def _announce(batch: Batch, file: BatchFile, about: BatchAbout, wish: Wish) -> None:
    try:
        batch.tree.root.mkdir(parents=True, exist_ok=True)
        if not file.take(alone=wish is not Wish.EVERYTHING):
            raise ConfigError(_busy(file, about.name))
        file.write(about)
    except OSError as error:
        raise _start_error(error, batch.tree.root) from error


def _about(batch: Batch) -> BatchAbout:
    return BatchAbout(
        name=batch.workload.batch,
        origin=batch.workload.origin,
        total=batch.total,
        slots=batch.slots.count,
        source=str(batch.source or ""),
        directory=str(batch.directory),
        host=machine.host_name(),
        pid=os.getpid(),
        started=time.time(),
    )


def _write_quietly(file: BatchFile, about: BatchAbout, ended: float) -> None:
    about.ended = ended
    try:
        file.write(about)
    except OSError:  # a full disk: the rows tell, too
        return


def _ledger(batch: Batch, listener: Listener) -> Ledger:
    try:
        return Ledger(batch.root, batch.tree, batch.index_url, listener.noted)
    except OSError as error:
        raise _start_error(error, batch.root.root) from error


def _start_error(error: OSError, directory: Path) -> RunStartError:
    where = str(error.filename or directory)
    return RunStartError(error.errno or 0, f"nothing was started: {error.strerror or error}", where)


def _busy(file: BatchFile, name: str) -> str:
    about = file.read()
    by = "" if about is None else f" (process {about.pid} on {about.host})"
    return f"the batch {name!r} runs already{by}: wait for it, or end it first"


def _runner(batch: Batch, ledger: Ledger, listener: Listener) -> BatchRunner:
    return BatchRunner(
        batch.workload,
        batch.tree,
        batch.slots,
        batch.options,
        executor=LocalExecutor(),
        ledger=ledger,
        listener=listener,
        code=batch.code.capture,
    )
