"""Run one function with one or many sets of parameters, each in a process of its own, each as a run."""

from __future__ import annotations

import difflib
import math
import os
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, Literal

from rla.batch.batch import Batch, run_batch
from rla.batch.code_state import CodeState
from rla.batch.continuing import Wish
from rla.batch.runner import BatchOptions
from rla.batch.slots import Slots, gpu_slots, plain_slots
from rla.core.config import RlaConfig, load_config
from rla.core.find_database import absolute, find_data_root
from rla.core.layout import DEFAULT_DATA_ROOT, JobTreePaths, RootPaths
from rla.errors import GridError
from rla.sweep import user_config
from rla.sweep.console import Console
from rla.sweep.mpi import process_count, require_launcher
from rla.sweep.payload import is_plain, serialised
from rla.sweep.report import GridReport
from rla.sweep.thunk import Call, Signature, call_of, check_parameters, signature_of
from rla.sweep.variant import Variant
from rla.sweep.workload import GridWorkload, Thunk, parent_run

OnFailure = Literal["continue", "stop"]
_GPU: Final = re.compile(r"[\w./-]+")


@dataclass(frozen=True)
class How:
    """How variants are run; :meth:`~rla.sweep.grid.ExperimentGrid.run` describes each."""

    num_cpu: int | str = 1
    data_dir: str | os.PathLike[str] | None = None
    datestamp: bool = False
    jobs: int | None = None
    gpus: Sequence[int | str] | None = None
    resume: bool = False
    retries: int = 0
    timeout: float | None = None
    on_failure: OnFailure = "continue"
    data_root: str | os.PathLike[str] | None = None
    quiet: bool = False
    show: bool = False


def how_of(given: Mapping[str, Any], others: Sequence[str] = (), without: Sequence[str] = ()) -> How:
    """How variants are run, from arguments that a call passes on.

    Args:
        given: The arguments.
        others: What else the call takes.
        without: What it does not take.

    Raises:
        GridError: One of them is no argument of the call.
    """
    own = [field.name for field in fields(How) if field.name not in {"show", *without}]
    for key in given:
        if key not in own:
            near = difflib.get_close_matches(key, [*own, *others], n=1)
            advice = f"did you mean {near[0]!r}?" if near else f"there are {', '.join([*others, *own])}"
            raise GridError(f"there is no argument {key!r}; {advice}", key=key)
    return How(**given)


def call_experiment(
    exp_name: str,
    thunk: Callable[..., object],
    seed: int | None = 0,
    num_cpu: int | str = 1,
    data_dir: str | os.PathLike[str] | None = None,
    datestamp: bool = False,
    **kwargs: Any,
) -> None:
    """Run a function once, in a process of its own, as a run of the database.

    Its output is shown, and kept in the run's directory, ``<data_dir>/<exp_name>/<exp_name>_s<seed>``.

    Args:
        exp_name: The run's name; also its task and its batch.
        thunk: The function. It gets ``seed`` and ``logger_kwargs`` if it takes them.
        seed: A number for it to begin its random numbers with.
        num_cpu: How many MPI processes to split into; ``"auto"`` for one per core.
        data_dir: What the run's directory lies in; by default ``DEFAULT_DATA_DIR``, else the data root.
        datestamp: Whether the run's directory carries its date.
        **kwargs: What else the function gets. ``env_name`` becomes ``env_fn``, if it takes that, a function
            that makes the Gymnasium environment of that name.

    Raises:
        GridError: The function cannot be run with these parameters; nothing was started.
        JobsFailedError: It failed.
    """
    variant = Variant(exp_name, {**kwargs, "seed": seed})
    how = How(num_cpu=num_cpu, data_dir=data_dir, datestamp=datestamp, show=True)
    run_variants(plan_variants(exp_name, thunk, lambda: [variant], how), how).check()


def run_variants(batch: Batch, how: How, console: Console | None = None) -> GridReport:
    """Run variants that were checked.

    Args:
        batch: The variants.
        how: How to run them.
        console: Hears what happens.

    Raises:
        JobsFailedError: One failed, and ``on_failure`` is ``"stop"``.
        KeyboardInterrupt: Somebody stopped it; the runs that were going on are interrupted.
    """
    console = console or Console(batch.total, quiet=how.quiet)
    if user_config.WAIT_BEFORE_LAUNCH > 0:
        time.sleep(user_config.WAIT_BEFORE_LAUNCH)
    found = run_batch(batch, console, Wish.UNDONE if how.resume else Wish.EVERYTHING)
    report = GridReport(batch.workload.batch, batch.root.root, found)
    console.end(report)
    if found.interrupted:
        raise KeyboardInterrupt
    if how.on_failure == "stop":
        report.check()
    return report


def plan_variants(
    name: str,
    thunk: Callable[..., object] | str,
    variants: Callable[[], Iterable[Variant]],
    how: How,
    likes: Sequence[Variant] | None = None,
) -> Batch:
    """Check everything that can be known before anything starts.

    Args:
        name: The batch and the task; empty for the name of the function.
        thunk: The function, or the name of the parameter that holds it.
        variants: The variants, anew at each call.
        how: How to run them.
        likes: What is checked in their place, where they are not known before they run.

    Raises:
        GridError: Something cannot be run.
        MissingDependencyError: What it takes is not installed.
        ConfigError: There is something wrong with the database or its configuration.
    """
    _check(how)
    num_cpu = process_count(how.num_cpu)
    require_launcher(num_cpu)
    known = list(variants()) if likes is None else likes
    run = _thunk(thunk, known)
    config, root = database_of(how.data_root)
    data_dir = how.data_dir or user_config.DEFAULT_DATA_DIR or root.root
    here = Path.cwd()
    tree = JobTreePaths(absolute(data_dir, what="data_dir"))
    workload = GridWorkload(
        batch=name or run.name,
        thunk=run,
        variants=variants,
        directory=here,
        data_dir=tree.root,
        data_root=root,
        num_cpu=num_cpu,
        datestamp=how.datestamp or user_config.FORCE_DATESTAMP,
        shown=how.show,
        parent=parent_run(),
        foreseen=likes is None,
    )
    for variant in {variant.name: variant for variant in known}.values():
        workload.place_of(variant)
    return Batch(
        workload=workload,
        total=len(known),
        slots=_slots(how),
        tree=tree,
        root=root,
        index_url=config.index_url,
        directory=here,
        code=CodeState(here, never=[tree.root, root.root], captures=config.capture_environment),
        options=BatchOptions(how.retries, 1 if how.on_failure == "stop" else None, how.timeout),
    )


def _check(how: How) -> None:
    if how.on_failure not in {"continue", "stop"}:
        raise GridError(f"on_failure is 'continue' or 'stop'; it is {how.on_failure!r}", key="on_failure")
    if how.jobs is not None and (type(how.jobs) is not int or how.jobs < 1):
        raise GridError(f"jobs is a number from 1 on; it is {how.jobs!r}", key="jobs")
    if type(how.retries) is not int or how.retries < 0:
        raise GridError(f"retries is a number from 0 on; it is {how.retries!r}", key="retries")
    if how.timeout is not None and not _is_time(how.timeout):
        raise GridError(f"timeout is a time above 0 in seconds; it is {how.timeout!r}", key="timeout")
    if how.gpus is not None and not _is_gpus(how.gpus):
        raise GridError(
            f"gpus is a list of GPUs, as [0, 1], or [0, 0, 1] for two variants at once on GPU 0; it is {how.gpus!r}",
            key="gpus",
        )


def _is_time(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf


def _is_gpus(value: object) -> bool:
    """Whether it is a list of numbers and names: an empty name would hide every GPU without a word."""
    if isinstance(value, str) or not isinstance(value, Sequence) or not value:
        return False
    return all((type(gpu) is int and gpu >= 0) or (isinstance(gpu, str) and _GPU.fullmatch(gpu)) for gpu in value)


def _slots(how: How) -> Slots:
    """One per GPU, or as many as are asked for, dealt out to the GPUs in turn."""
    if how.gpus is None:
        return plain_slots(how.jobs or 1)
    names = [str(gpu) for gpu in how.gpus]
    return gpu_slots([names[number % len(names)] for number in range(how.jobs or len(names))])


def database_of(data_root: str | os.PathLike[str] | None) -> tuple[RlaConfig, RootPaths]:
    """The configuration and the database: as ``rla.init`` finds it, and where it makes one."""
    here, config = Path.cwd(), load_config(None)
    return config, RootPaths(find_data_root(data_root, config, os.environ, here) or here / DEFAULT_DATA_ROOT)


def _thunk(thunk: Callable[..., object] | str, variants: Sequence[Variant]) -> Thunk:
    """What is run, checked with every set of parameters.

    Raises:
        GridError: A function cannot be called so, or sent to a process.
    """
    key = thunk if isinstance(thunk, str) else None

    def function_of(parameters: Mapping[str, Any]) -> Any:
        if key is not None and key not in parameters:
            known = ", ".join(map(repr, parameters))
            raise GridError(f"no parameter {key!r} holds the function to run; the parameters are {known}", key=key)
        return thunk if key is None else parameters[key]

    functions: dict[int, tuple[Any, Signature]] = {}

    def signature(parameters: Mapping[str, Any]) -> Signature:
        function = function_of(parameters)
        known = functions.get(id(function))
        if known is None:
            known = functions[id(function)] = (function, signature_of(function))
        return known[1]

    checked: set[tuple[int, tuple[str, ...]]] = set()
    sent: set[tuple[str, int]] = set()
    for variant in variants:
        taken = signature(variant.parameters)
        function, given = function_of(variant.parameters), tuple(key for key in variant.parameters if key != thunk)
        if (id(function), given) not in checked:
            check_parameters(taken, given)
            serialised(Call(function, {}))
            checked.add((id(function), given))
        call_of(function, taken, variant.parameters, {})
        _check_values(function, variant, sent)
    names = {known.name for _, known in functions.values()}
    return Thunk(key or next(iter(names), "grid"), function_of, signature, key)


def _check_values(function: Any, variant: Variant, sent: set[tuple[str, int]]) -> None:
    """Refuse what cannot be sent to a process; each value is tried once, however many variants have it."""
    for key, value in variant.parameters.items():
        if is_plain(value) or (key, id(value)) in sent:
            continue
        serialised(Call(function, {key: value}))
        sent.add((key, id(value)))
