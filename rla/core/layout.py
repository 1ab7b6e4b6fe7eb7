"""The only file that spells the names of rla's files and directories.

A run's place is a relative path below its root, ``<task>/YYYY/MM/DD/<name>``; each kind of
data has a parallel tree: ``<root>/<kind>/<place>``.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Final

LOG: Final = "log"
CODE: Final = "code"
CHECKPOINT: Final = "checkpoint"
RESULTS: Final = "results"
HYPERPARAMETER: Final = "hyperparameter"
TMP_DATA: Final = "tmp_data"
ARCHIVE_TESTER: Final = "archive_tester"
ARCHIVED: Final = "arc"

KINDS: Final = (LOG, CODE, CHECKPOINT, RESULTS, HYPERPARAMETER, TMP_DATA, ARCHIVE_TESTER)
"""The parallel trees of a data root; ``log`` holds the manifest that makes a run a run."""

CONFIG_FILE: Final = "rla_config.yaml"
DEFAULT_DATA_ROOT: Final = "rla_data"
EXPERIMENTS: Final = "experiments"
"""Where hermes puts what its jobs leave; a database of its own where there is no other."""
DATABASE_FILE: Final = "rla.db"
STATE_DIR: Final = ".rla"
JOB_STATE_DIR: Final = ".rla-jobs"
"""What ``.rla`` is to a data root, to a tree of jobs."""
MANIFEST_FILE: Final = "run.json"
DRAFT_FILE: Final = ".draft.rla-tmp"
"""What becomes the manifest of a job's run."""
TRASH_BESIDE: Final = ".rla-trash"
"""The trash at the top of a tree that lies on another disk than ``.rla``."""
STAGE_BESIDE: Final = ".rla-stage"
"""Where copies are made, at the top of the tree they are for."""
CHECKOUT: Final = ".rla-checkout"
"""What rla adds to code that it gives back, out of the way of the code's own names."""
CURVES: Final = "curves"
"""The cache of recorded values, in ``.rla/cache`` and in the user's cache directory alike."""
EVENT_FILES: Final = "events.out.tfevents.*"
"""What TensorBoard takes for event files."""
FORKED_EVENTS: Final = "events.out.tfevents.0000000000.fork.0.0"
"""The event file of a run that continues another; it sorts before all others."""
PLAN_FILE: Final = "plan.json"
"""What an operation did, beside what it put into the trash."""
DOOMED_FILE: Final = "doomed.json"
"""The same, once the trash is being emptied."""


def user_cache_dir() -> Path:
    """Where this user keeps what can be made again, as the system names it."""
    if chosen := os.environ.get("XDG_CACHE_HOME"):
        return Path(chosen) / "rla"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home())) / "rla"
    return Path.home() / ("Library/Caches/rla" if sys.platform == "darwin" else ".cache/rla")


@dataclass(frozen=True)
class RootPaths:
    """The files of one data root that do not belong to a run."""

    depths: ClassVar[tuple[int, ...]] = (5,)
    """How many levels the place of a run has."""

    root: Path

    @property
    def database(self) -> Path:
        """The SQLite index."""
        return self.root / DATABASE_FILE

    @property
    def state_dir(self) -> Path:
        """Where rla keeps what is its own."""
        return self.root / STATE_DIR

    @property
    def root_json(self) -> Path:
        """This root's id."""
        return self.state_dir / "root.json"

    @property
    def spool(self) -> Path:
        """One entry per run that the index has not taken in yet."""
        return self.state_dir / "spool"

    @property
    def code_store(self) -> Path:
        """The content of backed-up code, each file once."""
        return self.state_dir / "code-store"

    @property
    def curve_cache(self) -> Path:
        """Columns of recorded values as they were read: they can be read anew at any time."""
        return self.state_dir / "cache" / CURVES

    @property
    def journal(self) -> Path:
        """One file per operation that is under way."""
        return self.state_dir / "journal"

    @property
    def trash(self) -> Path:
        """What was deleted, one directory per operation, until ``rla gc``."""
        return self.state_dir / "trash"

    @property
    def trees(self) -> Path:
        """One file per tree of jobs that belongs to this database: where it lies."""
        return self.state_dir / "trees"

    @property
    def unsettled(self) -> Path:
        """One file per batch whose runs the index may not know yet, locked while the batch goes on."""
        return self.state_dir / "unsettled"

    @property
    def batches(self) -> Path:
        """What is known of each batch, by its name."""
        return self.state_dir / "batches"

    @property
    def operation_lock(self) -> Path:
        """Locked by the command that changes runs."""
        return self.state_dir / "operation.lock"

    @property
    def reserve(self) -> Path:
        """Space that is kept for deleting on a full disk."""
        return self.state_dir / "reserve"

    def kind(self, kind: str) -> Path:
        """The tree of one kind."""
        return self.root / kind

    def base(self, *, archived: bool) -> Path:
        """What the trees lie in, or those of the archived copies."""
        return self.root / ARCHIVED if archived else self.root

    def tree(self, kind: str, *, archived: bool = False) -> Path:
        """The tree of one kind, or of its archived copies."""
        return self.base(archived=archived) / kind

    def below(self, kind: str, place: str) -> str:
        """Where a run's directory of a kind lies in the tree of that kind."""
        del kind
        return place

    def run(self, place: str) -> RunPaths:
        """The files of the run at a place."""
        return self.copy(place, archived=False)

    def copy(self, place: str, *, archived: bool) -> RunPaths:
        """The files of the live or the archived copy of the run at a place."""
        return RunPaths(self.base(archived=archived), place)


@dataclass(frozen=True)
class JobTreePaths(RootPaths):
    """A tree of jobs, as hermes makes one: each run is one directory, with its other kinds inside.

    A place is ``<script>/<identifier>`` or ``<script>/<name>/<identifier>``; a grid's is ``<name>/<name>_s<seed>``,
    with another level on both sides of the middle where the name has a ``/`` in it.
    """

    depths = (2, 3, 4)

    @property
    def state_dir(self) -> Path:
        """Another one than a database's: ``experiments/`` may be both."""
        return self.root / JOB_STATE_DIR

    def base(self, *, archived: bool) -> Path:
        """The tree itself; its archived copies are out of the way of the scripts' names."""
        return self.state_dir / ARCHIVED if archived else self.root

    def tree(self, kind: str, *, archived: bool = False) -> Path:
        """One tree for every kind."""
        del kind
        return self.base(archived=archived)

    def below(self, kind: str, place: str) -> str:
        """Every other kind lies inside the run's directory."""
        return place if kind == LOG else f"{place}/{kind}"

    def copy(self, place: str, *, archived: bool) -> RunPaths:
        """The files of the live or the archived copy of the run at a place."""
        return JobRunPaths(self.base(archived=archived), place)


@dataclass(frozen=True)
class RunPaths:
    """The files of one run: its root and its place below each kind."""

    root: Path
    place: str

    def directory(self, kind: str) -> Path:
        """The run's directory of one kind."""
        return self.root / kind / self.place

    @cached_property
    def log(self) -> Path:
        """The directory that makes the run: manifest, values, texts."""
        return self.directory(LOG)

    @property
    def manifest(self) -> Path:
        """``run.json``: written once, at the start."""
        return self.log / MANIFEST_FILE

    @property
    def state(self) -> Path:
        """``state.json``: written by the run only."""
        return self.log / "state.json"

    @property
    def notes(self) -> Path:
        """``notes.json``: written by managing commands only."""
        return self.log / "notes.json"

    @property
    def csv(self) -> Path:
        """One row per dump."""
        return self.log / "progress.csv"

    @property
    def json(self) -> Path:
        """One JSON object per dump, when asked for."""
        return self.log / "progress.json"

    @property
    def text(self) -> Path:
        """Tables and lines as people read them."""
        return self.log / "log.txt"

    @property
    def warnings(self) -> Path:
        """Lines of level WARN and ERROR."""
        return self.log / "warn.txt"

    @property
    def backup(self) -> Path:
        """The hyperparameters, a line each."""
        return self.log / "backup.txt"

    @property
    def events(self) -> Path:
        """The directory of the run's one TensorBoard event file."""
        return self.log / "tb" / "events"

    def parameters(self, kind: str) -> Path:
        """The hyperparameters as YAML, in one of the kinds that carry them."""
        return self.directory(kind) / "parameter.yaml"

    def marker(self, kind: str) -> Path:
        """The one-line file that tells whose directory of this kind it is."""
        return self.directory(kind) / ".rla-run"


@dataclass(frozen=True)
class JobRunPaths(RunPaths):
    """The files of a run that is a job: one directory that holds everything."""

    def directory(self, kind: str) -> Path:
        """The run's directory, or that of another kind inside it."""
        return self.root / self.place if kind == LOG else self.root / self.place / kind

    @property
    def draft(self) -> Path:
        """What becomes the manifest when the job begins; its maker holds its lock, then the job does."""
        return self.log / DRAFT_FILE

    @property
    def stdout(self) -> Path:
        """What the job printed."""
        return self.log / "stdout.log"

    @property
    def stderr(self) -> Path:
        """What the job printed to stderr."""
        return self.log / "stderr.log"

    @property
    def exit_code(self) -> Path:
        """The job's exit code, written at its end whoever still waits for it."""
        return self.log / "exit_code"

    @property
    def config(self) -> Path:
        """The parameters of a variant, as plotters of spinningup's output read them."""
        return self.log / "config.json"

    @property
    def progress_text(self) -> Path:
        """What a logger of spinningup's kind records."""
        return self.log / "progress.txt"

    @property
    def payload(self) -> Path:
        """What a variant's process is to call; there only until its end."""
        return self.log / ".payload"

    @property
    def returned(self) -> Path:
        """The numbers that a variant's function returned; there only if it returned."""
        return self.log / "returned.json"

    @property
    def joined(self) -> Path:
        """Made by the script that records into this run."""
        return self.log / ".joined"
