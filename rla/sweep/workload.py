"""The variants of a grid as a batch: their directories, their processes, what is kept with each."""

from __future__ import annotations

import dataclasses
import itertools
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any, Final

import msgspec

from rla.batch.job_run import JobRun, read_state
from rla.batch.outcome import Outcome, tail
from rla.batch.workload import CommandLine, Item, Workload
from rla.core import json_codec, manifest, origins, states
from rla.core.hyperparams import normalise
from rla.core.layout import KINDS, MANIFEST_FILE, STATE_DIR, RootPaths
from rla.errors import GridError
from rla.fsio.atomic_write import atomic_write
from rla.runs.join import job_of
from rla.sweep import mpi
from rla.sweep.naming import output_place
from rla.sweep.payload import write_payload
from rla.sweep.progress_text import take_in_progress
from rla.sweep.thunk import Call, Signature, call_of
from rla.sweep.variant import Variant, with_keys, work_of

RESULT: Final = "result"
"""What a number is recorded as that a function returns."""
_ENTRYPOINT: Final = Path(__file__).with_name("entrypoint.py")
_TAKEN: Final = frozenset({*KINDS, "arc", STATE_DIR})
"""Names at the top of a data root that are not for grids."""


@dataclass(frozen=True)
class Thunk:
    """What is run.

    Attributes:
        name: What it is called.
        function_of: The function for some parameters.
        key: The parameter that holds it, if one does.
        signatures: What functions take, by their id; filled while they are checked.
    """

    name: str
    function_of: Callable[[Mapping[str, Any]], Callable[..., object]]
    signature_of: Callable[[Mapping[str, Any]], Signature]
    key: str | None = None

    def call(self, variant: Variant, logger_kwargs: Mapping[str, Any]) -> Call:
        """The call of it for a variant."""
        parameters = {key: value for key, value in variant.parameters.items() if key != self.key}
        function = self.function_of(variant.parameters)
        return call_of(function, self.signature_of(variant.parameters), parameters, logger_kwargs)


@dataclass
class GridWorkload(Workload):
    """What one call of a grid runs.

    Attributes:
        batch: The grid's name, which is the task of its runs too.
        thunk: What is run.
        variants: With what; asked anew at each call of :meth:`items`.
        directory: Where the processes run.
        data_dir: What the output directories lie in.
        data_root: The database, whose own directories are not for grids.
        num_cpu: How many MPI processes each variant is.
        datestamp: Whether output directories carry their date.
        shown: Whether the variants' output goes to the console, too.
        parent: The run that started the grid.
        foreseen: Whether the variants are known before others have ended.
    """

    batch: str
    thunk: Thunk
    variants: Callable[[], Iterable[Variant]]
    directory: Path
    data_dir: Path
    data_root: RootPaths
    num_cpu: int = 1
    datestamp: bool = False
    shown: bool = False
    parent: str | None = None
    foreseen: bool = True
    origin: str = field(default=origins.SWEEP, init=False)
    _now: datetime = field(default_factory=datetime.now, init=False)

    def items(self) -> Iterator[Item]:
        """Every variant; its key is its name and what names its work."""
        for key, variant in with_keys(self.thunk.name, self.variants()):
            yield Item(
                key=key,
                task=self.batch,
                label=label_of(variant),
                hyperparameters=variant.parameters,
                tracked=variant.tracked,
                shown=self.shown,
                payload=variant,
            )

    def same_work(self, key: str) -> str:
        """Without the name, which changes when a parameter gets a second value."""
        return work_of(key)

    def place(self, item: Item, created: datetime) -> str:
        """``<name>/<name>_s<seed>``; with a number behind it where somebody has that directory."""
        del created
        place = self.place_of(item.payload)
        later = (f"{place}-{number}" for number in itertools.count(2))
        return next(free for free in itertools.chain([place], later) if not os.path.lexists(self.data_dir / free))

    def place_of(self, variant: Variant) -> str:
        """The documented output directory of a variant, below ``data_dir``.

        Raises:
            GridError: The name cannot be one.
        """
        name, seed = variant.name or self.batch, variant.seed
        place = output_place(name, seed, datestamp=self.datestamp, now=self._now)
        if seed is None:  # a run's directory never holds another run's
            place = f"{place}/{PurePosixPath(place).name}"
        self._require_free(name, place)
        return place

    def _require_free(self, name: str, place: str) -> None:
        above, root = (self.data_dir / place).parent, self.data_root.root
        if name.count("/") > 1 or "//" in f"{name}/" or name.startswith("."):
            raise GridError(f"the name {name!r} makes no directory: it may have one / inside, and no . before it")
        taken = above.relative_to(root).parts[0] if above.is_relative_to(root) else ""
        if taken in _TAKEN:
            what = f"the name {name!r} is taken" if self.data_dir == root else f"{self.data_dir} is taken"
            raise GridError(f"{what}: {taken}/ of a data root is rla's own; give another data_dir")
        levels = itertools.takewhile(lambda level: level != self.data_dir.parent, (above, *above.parents))
        if any((level / MANIFEST_FILE).exists() for level in levels):
            raise GridError(f"{self.data_dir / place} would lie inside another run; give another name")

    def command(self, item: Item, run: JobRun) -> CommandLine:
        """Python on the entrypoint, by way of ``mpirun`` where it is several processes."""
        del item
        files = (str(file.absolute()) for file in (run.paths.payload, run.paths.returned))
        words = (sys.executable, "-P", str(_ENTRYPOINT), *files)
        if self.num_cpu > 1:
            return CommandLine(mpi.command(self.num_cpu, words), self.directory, mpi.ENVIRONMENT)
        return CommandLine(words, self.directory)

    def furnish(self, run: JobRun) -> None:
        """Write ``config.json`` and the payload.

        Raises:
            OSError: One could not be written.
            GridError: The function or a parameter cannot be sent to a process.
        """
        variant: Variant = run.item.payload
        config = {"exp_name": variant.name, **normalise(variant.parameters)}
        ordered = json_codec.dumps(dict(sorted(config.items())))
        atomic_write(run.paths.config, f"{msgspec.json.format(ordered, indent=4)}\n".encode(), durable=False)
        logger_kwargs = {"output_dir": str(run.paths.log), "exp_name": variant.name}
        write_payload(run.paths.payload, self.thunk.call(variant, logger_kwargs))

    def judge(self, run: JobRun, outcome: Outcome) -> Outcome:
        """A process that ends well without its function having returned has not succeeded."""
        if not outcome.succeeded or run.paths.returned.exists():
            return outcome
        reason = "the process ended with exit code 0 before the function returned"
        error = "\n".join((*tail(run.paths.stderr), reason))
        return dataclasses.replace(outcome, state=states.FAILED, error=error)

    def settle(self, run: JobRun, outcome: Outcome) -> list[str]:
        """Remove the payload, and record what the function returned and what its own logger wrote."""
        run.paths.payload.unlink(missing_ok=True)
        state = take_in_progress(run.paths, read_state(run.paths))
        if outcome.succeeded:
            state.summary = {**numbers_of(run.paths.returned), **state.summary}
        if state.summary or state.time_step is not None:
            atomic_write(run.paths.state, manifest.encode(state), durable=False)
        return []


def label_of(variant: Variant) -> str:
    """How messages name a variant."""
    return variant.name if variant.seed is None else f"{variant.name} seed {variant.seed}"


def numbers_of(returned: Path) -> dict[str, float]:
    """The numbers that a function returned, by name.

    Raises:
        OSError: The file cannot be read.
        ValueError: It holds something else.
    """
    value = json.loads(returned.read_bytes())
    if isinstance(value, dict):
        return {str(key): number for key, number in value.items() if isinstance(number, int | float)}
    return {} if value is None else {RESULT: value}


def parent_run(environ: Mapping[str, str] = os.environ) -> str | None:
    """The run that starts the grid: the one that this process records, else the one it is the job of, or None."""
    recording = sys.modules.get("rla.easy_log.current")
    run = None if recording is None else recording.current.get()
    return run.uid if run is not None and run.is_recording else job_of(environ)
