"""One run of an item: its directory, its manifest, its state."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec

from rla.batch.code_state import Capture
from rla.batch.outcome import Outcome
from rla.batch.workload import CommandLine, Item, Workload
from rla.core import manifest, states
from rla.core.layout import JobRunPaths, JobTreePaths
from rla.core.manifest import Manifest, State
from rla.errors import RunStartError
from rla.fsio.atomic_write import atomic_write
from rla.fsio.claim_dir import claim_with_lock
from rla.fsio.file_lock import FileLock

SECRETS: Final = ("RLA_TELEGRAM_TOKEN", "RLA_NOTIFY_URLS")
"""Variables that no job gets."""
_TICK: Final = timedelta(microseconds=1)
_ERROR_LENGTH: Final = 10_000


@dataclass
class JobRun:
    """A run of an item.

    Attributes:
        item: Of which.
        paths: Where its files are.
        created: When its directory was claimed, in local time.
        uid: Its opaque id.
        attempt: The how manieth run of its item in this call, from 1.
        code: What it is started from.
        lock: The lock of its draft, until the job gets it.
        record: Its manifest, once it has one.
        command: What it runs, once that is known.
    """

    item: Item
    paths: JobRunPaths
    created: datetime
    uid: str
    attempt: int = 1
    code: Capture = field(default_factory=Capture)
    lock: FileLock | None = None
    record: Manifest | None = None
    command: CommandLine | None = None

    @property
    def identifier(self) -> str:
        """The name of its directory."""
        return self.paths.log.name

    def manifest(self) -> Manifest:
        """Its manifest, which it has from its start on."""
        assert self.record is not None
        return self.record


class Claims:
    """Gives each run a directory of its own; time goes on by at least a microsecond from one to the next."""

    def __init__(self, tree: JobTreePaths, workload: Workload) -> None:
        """Nothing is claimed yet."""
        self._tree = tree
        self._workload = workload
        self._last = datetime.min  # noqa: DTZ901 - local time, as every index name

    def claim(self, item: Item, attempt: int) -> JobRun:
        """Claim a directory that nobody has, with a draft of the manifest in it whose lock is held.

        Raises:
            RunStartError: It cannot be made.
        """
        created = max(datetime.now(), self._last + _TICK)  # noqa: DTZ005 - the index is in local time
        while True:
            paths = JobRunPaths(self._tree.root, self._workload.place(item, created))
            try:
                lock = claim_with_lock(paths.log, paths.draft.name)
            except FileExistsError:
                created += _TICK
            except OSError as error:
                raise start_error(paths.log, error) from error
            else:
                self._last = created
                return JobRun(item, paths, created, os.urandom(8).hex(), attempt, lock=lock)


def write_end(run: JobRun, outcome: Outcome) -> State:
    """Write down how a run ended, beside what its script has recorded. A disk that is full changes nothing else.

    Returns:
        The whole state.
    """
    said = read_state(run.paths)
    state = msgspec.structs.replace(
        said,
        state=outcome.state,
        heartbeat=max(outcome.result.ended, said.heartbeat or 0.0),
        ended=outcome.result.ended,
        exit_code=outcome.result.exit_code,
        error=None if outcome.error is None else outcome.error[-_ERROR_LENGTH:],
    )
    with contextlib.suppress(OSError):
        atomic_write(run.paths.state, manifest.encode(state), durable=False)
        if run.paths.joined.exists():
            run.paths.joined.write_text("ended\n", encoding="ascii")
    return state


def is_settled(paths: JobRunPaths) -> bool:
    """Whether nobody but its batch has said how a run ended; a script that records into it says so before."""
    try:
        return paths.joined.stat().st_size > 0
    except OSError:
        return True


def inherited_environment() -> dict[str, str]:
    """What every job gets of this process's variables; none of its secrets."""
    return {**{name: value for name, value in os.environ.items() if name not in SECRETS}, "PYTHONUNBUFFERED": "1"}


def read_state(paths: JobRunPaths) -> State:
    """What a script has said of its run; where it says nothing or nonsense, that it goes on."""
    try:
        return manifest.decode(paths.state.read_bytes(), State)
    except (OSError, ValueError):
        return State(state=states.RUNNING)


def start_error(directory: Path, error: OSError) -> RunStartError:
    """Why a run could not be started."""
    where = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else str(directory)
    return RunStartError(error.errno or 0, f"the job could not be started: {error.strerror or error}", where)
