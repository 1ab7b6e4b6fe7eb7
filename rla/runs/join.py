"""Record into the run of the job that this process is: one training, one row.

A job finds its run in ``RLA_RUN_ID`` and ``RLA_RUN_DIR``. The first run that it starts is that one; every later one,
in this process or another of the same job, is a run of its own with the job's run as its parent.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from rla.core import manifest
from rla.core.layout import JobRunPaths, JobTreePaths, RunPaths
from rla.core.manifest import Manifest, State
from rla.errors import RunStartError
from rla.fsio.atomic_write import atomic_write
from rla.fsio.file_lock import FileLock
from rla.runs.create import NewRun, RunRequest
from rla.runs.root import read_root_id

RUN_ID: Final = "RLA_RUN_ID"
RUN_DIR: Final = "RLA_RUN_DIR"
_UID: Final = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True)
class JobSeat:
    """The run of this job, free to be recorded into.

    Attributes:
        tree: The tree of jobs that it lies in.
        paths: Its files.
        manifest: What its job said of it.
    """

    tree: JobTreePaths
    paths: JobRunPaths
    manifest: Manifest

    def take(
        self,
        request: RunRequest,
        furnish: Callable[[RunPaths, Manifest], None],
        fill: Callable[[RunPaths, str], None] = lambda _paths, _uid: None,
    ) -> NewRun | None:
        """Record into it from now on; None when somebody else of this job was faster.

        Args:
            request: What the run is to be; its hyperparameters go over those of the job.
            furnish: As in :func:`~rla.runs.create.create_run`.
            fill: As there.

        Raises:
            RunStartError: Its directory cannot be written.
        """
        record = msgspec.structs.replace(
            self.manifest, hyperparameters={**self.manifest.hyperparameters, **request.hyperparameters}
        )
        try:
            self.paths.joined.touch(exist_ok=False)
            fill(self.paths, record.uid)
            furnish(self.paths, record)
            state = State(heartbeat=time.time(), hyperparameters=request.hyperparameters, parent_uid=request.parent_uid)
            atomic_write(self.paths.state, manifest.encode(state))
        except FileExistsError:
            return None
        except OSError as error:
            text = f"the run of the job could not be recorded into: {error.strerror or error}"
            raise RunStartError(error.errno or 0, text, str(self.paths.log)) from error
        root_id = read_root_id(self.tree) or ""
        return NewRun(self.tree, self.paths, record, FileLock(self.paths.manifest), root_id, None, joined=True)


def seat_of(environ: Mapping[str, str] = os.environ) -> JobSeat | None:
    """The run of the job that this process is; None outside of jobs, and where another run took it already."""
    uid, directory = job_of(environ), environ.get(RUN_DIR, "")
    if uid is None or not directory:
        return None
    for levels in JobTreePaths(Path()).depths:
        parents = Path(directory).parents
        if len(parents) < levels:
            continue
        tree = JobTreePaths(parents[levels - 1])
        paths = JobRunPaths(tree.root, Path(directory).relative_to(tree.root).as_posix())
        if read_root_id(tree) is not None and not paths.joined.exists():
            record = _manifest(paths)
            return JobSeat(tree, paths, record) if record is not None and record.uid == uid else None
    return None


def job_of(environ: Mapping[str, str] = os.environ) -> str | None:
    """The uid of the run of the job that this process is, or None."""
    uid = environ.get(RUN_ID, "")
    return uid if _UID.fullmatch(uid) else None


def _manifest(paths: JobRunPaths) -> Manifest | None:
    try:
        return manifest.decode(paths.manifest.read_bytes(), Manifest)
    except (OSError, ValueError):
        return None
