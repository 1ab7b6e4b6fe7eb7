"""Tell state.json and the index how a run stands, without ever holding the training up."""

from __future__ import annotations

from pathlib import Path

from rla.core import manifest
from rla.core.interrupts import pass_interrupt_on
from rla.core.manifest import Notes, State
from rla.easy_log.losses import Losses
from rla.fsio.atomic_write import atomic_write
from rla.runs import spool
from rla.runs.create import NewRun
from rla.runs.root import index_location, is_shared_by_files

BUDGET = 0.5
"""Seconds that a running or ending run waits for the index."""


class Reporter:
    """Writes the state of one run: to its file first, then to its row, else to the spool."""

    def __init__(self, run: NewRun, index_url: str | None, losses: Losses) -> None:
        """Report on a run that was just made."""
        self._run = run
        self._losses = losses
        self._index: str | Path = index_location(run.root, index_url)
        self._files_only = run.joined or is_shared_by_files(run.root, index_url)
        self._waits = run.index_error is not None

    def report(self, state: State, *, final: bool) -> None:
        """Never raises: what cannot be told now is told by the next reader, from the files."""
        gone = self._is_gone()
        if gone:
            self._losses.say("run", f"{self._run.paths.log} is gone: the run was deleted, or its data root moved")
        else:
            self._write_file(state, durable=final)
        if self._files_only:
            return
        try:
            self._write_row(state, make=not gone)
        except Exception as error:  # noqa: BLE001 - recording never harms training, whatever breaks in the index
            pass_interrupt_on(error)
            self._losses.say("index", f"the index could not be reached ({error}); the run goes on in its files")
            if not gone:
                self._spool()

    def _is_gone(self) -> bool:
        """Whether the run's directory was deleted or moved: then nothing of it may be made anew."""
        try:
            self._run.paths.manifest.stat()
        except (FileNotFoundError, NotADirectoryError):
            return True
        except OSError:
            return False
        return False

    def _write_file(self, state: State, *, durable: bool) -> None:
        content = manifest.encode(state)
        for last_try in (False, True):
            try:
                atomic_write(self._run.paths.state, content, durable=durable)
            except OSError as error:
                if last_try:
                    self._losses.add("state.json", f"state.json could not be written: {error}")
            else:
                return

    def _write_row(self, state: State, *, make: bool) -> None:
        """Bring the row up to date; ``make`` it, and the index, where they are missing."""
        from rla.store.engine import open_index  # noqa: PLC0415 - SQLAlchemy; loaded since the run's start
        from rla.store.run_row import Place, row_of, state_columns  # noqa: PLC0415
        from rla.store.run_table import RunTable  # noqa: PLC0415

        run = self._run
        table = RunTable(open_index(self._index, budget=BUDGET, create=make))
        if not table.update(run.manifest.uid, **state_columns(state)) and make:
            row = row_of(run.manifest, state, Notes())
            table.upsert(row, Place(run.manifest.uid, run.root_id, run.paths.place))
        self._waits = False

    def _spool(self) -> None:
        if self._waits:
            return
        try:
            spool.leave_entry(self._run.root, self._run.manifest.uid, self._run.paths.place)
            self._waits = True
        except OSError as error:
            self._losses.add("spool", f"the run could not be put into the spool: {error}")
