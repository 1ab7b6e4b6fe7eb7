"""RLA's queries under their names: what of a kind do the runs of a task have that a shell pattern fits.

:func:`rla.query` answers more, and faster. These exist so that scripts written for RLA go on.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from rla.core import layout
from rla.errors import AmbiguousRunError, ConfigError, RunNotFoundError
from rla.runs.query import query
from rla.runs.run import Run
from rla.runs.run_list import RunList

LOG: Final = layout.LOG
ARCHIVE_TESTER: Final = layout.ARCHIVE_TESTER
OTHER_RESULTS: Final = layout.RESULTS
TMP_DATA: Final = layout.TMP_DATA
HYPARAMETER: Final = layout.HYPERPARAMETER
CHECKPOINT: Final = layout.CHECKPOINT
CODE: Final = layout.CODE


class NotOneRunError(AmbiguousRunError, AssertionError):
    """A pattern that should fit one run fits several; RLA failed an assertion there."""


class NoRunError(RunNotFoundError, AssertionError):
    """A pattern that should fit one run fits none; RLA failed an assertion there."""


@dataclass(frozen=True)
class BasicQueryResult:
    """What every result has.

    Attributes:
        dirname: The run's directory of the kind that was asked for.
    """

    dirname: str


@dataclass(frozen=True)
class LogQueryResult(BasicQueryResult):
    """The log directory of a run, or the directory of its code."""


@dataclass(frozen=True)
class HyperParamResult(BasicQueryResult):
    """The hyperparameters of a run.

    Attributes:
        hyper_param: They themselves, nested as they were given.
    """

    hyper_param: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ArchiveQueryResult(BasicQueryResult):
    """What a run kept for resuming. RLA had an unpickled manager here; nothing is pickled any more.

    Attributes:
        run: The stored run: hyperparameters, summary, directories, curves.
        hyper_param: Its hyperparameters.
    """

    run: Run
    hyper_param: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class CkpResult(BasicQueryResult):
    """The checkpoints of a run.

    Attributes:
        all_ckps: The names of their files, the lowest time step first: ``[-1]`` is the newest.
    """

    all_ckps: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class OtherQueryResult(BasicQueryResult):
    """The results or temporary files of a run.

    Attributes:
        location: The paths of the files, sorted.
        ctime: When each was last written, in seconds since the epoch.
    """

    location: list[str] = field(default_factory=list)
    ctime: list[float] = field(default_factory=list)


def experiment_data_query(
    data_root: str | os.PathLike[str], task_table_name: str, reg: str, data_type: str, single_res_filter: bool = False
) -> dict[str, BasicQueryResult]:
    """What runs of a task have of one kind.

    Args:
        data_root: The database's directory.
        task_table_name: The task.
        reg: A shell pattern, matched against ``YYYY/MM/DD/<index name>`` level by level. It fits
            whole names: end it with ``*`` to fit what begins so. A pattern of fewer levels, as
            ``2026/03/*``, fits all runs below.
        data_type: ``LOG``, ``CODE``, ``CHECKPOINT``, ``OTHER_RESULTS``, ``TMP_DATA``,
            ``HYPARAMETER`` or ``ARCHIVE_TESTER``.
        single_res_filter: Exactly one run must fit.

    Returns:
        A result for each run that has a directory of this kind, by its time stamp
        ``YYYY/MM/DD/HH-MM-SS-ffffff``, oldest first. Of runs with the same one the later are
        ``<time stamp> <uid>``.

    Raises:
        ConfigError: There is no such kind, or no database.
        AmbiguousRunError: With ``single_res_filter``: several fit. It is an ``AssertionError`` too.
        RunNotFoundError: With ``single_res_filter``: none fits. It is an ``AssertionError`` too.
    """
    make = _RESULTS.get(data_type)
    if make is None:
        raise ConfigError(
            f"there is no kind of data {data_type!r}; there is {', '.join(_RESULTS)}", allowed=list(_RESULTS)
        )
    found = query(data_root, task=task_table_name, glob=reg)
    results: dict[str, BasicQueryResult] = {}
    for run in reversed(found):
        if run.paths is not None and run.paths.directory(data_type).is_dir():
            stamp = str(run.row["created"])
            results[stamp if stamp not in results else f"{stamp} {run.uid}"] = make(run, run.paths.directory(data_type))
    if single_res_filter and len(results) != 1:
        raise _not_one(reg, found, results)
    return results


def single_experiment_query(
    data_root: str | os.PathLike[str], task_table_name: str, log_date: str, data_type: str
) -> BasicQueryResult:
    """What one run has of one kind.

    Args:
        data_root: The database's directory.
        task_table_name: The task.
        log_date: The run's time stamp, or a beginning of it that no other run has.
        data_type: As in :func:`experiment_data_query`.

    Raises:
        ConfigError: There is no such kind, or no database.
        AmbiguousRunError: Several runs begin so. It is an ``AssertionError`` too.
        RunNotFoundError: No run begins so and has this kind. It is an ``AssertionError`` too.
    """
    (result,) = experiment_data_query(
        data_root, task_table_name, f"{log_date}*", data_type, single_res_filter=True
    ).values()
    return result


def _not_one(reg: str, found: RunList, results: dict[str, BasicQueryResult]) -> Exception:
    if results:
        return NotOneRunError(reg, list(results))
    hint = "runs fit, but have no directory of this kind" if found else "`rla ls --glob` tries a pattern out"
    return NoRunError(reg, hint=hint)


def _log(_run: Run, directory: Path) -> LogQueryResult:
    return LogQueryResult(str(directory))


def _hyperparameters(run: Run, directory: Path) -> HyperParamResult:
    return HyperParamResult(str(directory), run.hyperparameters)


def _archive(run: Run, directory: Path) -> ArchiveQueryResult:
    return ArchiveQueryResult(str(directory), run, run.hyperparameters)


def _checkpoints(run: Run, directory: Path) -> CkpResult:
    return CkpResult(str(directory), [file.name for file in run.checkpoints()])


def _others(_run: Run, directory: Path) -> OtherQueryResult:
    files = [file for file in _files(directory) if not Path(file).name.startswith(".")]
    return OtherQueryResult(str(directory), files, [Path(file).stat().st_mtime for file in files])


def _files(directory: Path) -> Sequence[str]:
    return sorted(os.path.join(where, name) for where, _, names in os.walk(directory) for name in names)  # noqa: PTH118


_RESULTS: Final[dict[str, Callable[[Run, Path], BasicQueryResult]]] = {
    LOG: _log,
    CODE: _log,
    HYPARAMETER: _hyperparameters,
    ARCHIVE_TESTER: _archive,
    CHECKPOINT: _checkpoints,
    OTHER_RESULTS: _others,
    TMP_DATA: _others,
}
