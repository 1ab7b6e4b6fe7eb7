"""Open the files of a new run's log directory, and write what they start with."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rla.core.hyperparams import flatten, value_text
from rla.core.layout import CODE, EVENT_FILES, HYPERPARAMETER, LOG, RootPaths, RunPaths
from rla.core.manifest import Manifest
from rla.runs.kinds import make_kind
from rla.writers.base import Writer
from rla.writers.csv_writer import CsvWriter
from rla.writers.json_writer import JsonWriter
from rla.writers.tensorboard_writer import TensorBoardWriter
from rla.writers.text_writer import LogWriter, StdoutWriter

if TYPE_CHECKING:
    from rla.artifacts.code.plan import BackupPlan
    from rla.easy_log.losses import Losses
    from rla.easy_log.run_plan import RunPlan
    from rla.runs.create import RunRequest

_PARAMETER_KINDS = (LOG, CODE, HYPERPARAMETER)


def open_writers(paths: RunPaths, log_used: Sequence[str]) -> list[Writer]:
    """One writer per format of LOG_USED; each goes on with what a run has taken over from another.

    Raises:
        OSError: A file could not be made.
    """
    makers: dict[str, Callable[[], Writer]] = {
        "stdout": StdoutWriter,
        "log": lambda: LogWriter(paths.text),
        "csv": lambda: CsvWriter(paths.csv),
        "json": lambda: JsonWriter(paths.json),
        "tensorboard": lambda: TensorBoardWriter(paths.events, continued=next(paths.events.glob(EVENT_FILES), None)),
    }
    return [makers[name]() for name in makers if name in log_used]


def write_parameters(paths: RunPaths, record: Manifest) -> None:
    """The hyperparameters as YAML, in the three kinds that carry them.

    Raises:
        OSError: A file could not be written.
    """
    content = _yaml(record.hyperparameters)
    for kind in _PARAMETER_KINDS:
        make_kind(paths, kind, record.uid)
        paths.parameters(kind).write_bytes(content)  # nobody reads this directory yet


def _yaml(hyperparameters: dict[str, Any]) -> bytes:
    import yaml  # noqa: PLC0415 - only a starting run needs it

    fast = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    try:
        text = yaml.dump(hyperparameters, Dumper=fast, sort_keys=False, allow_unicode=True)
    except UnicodeEncodeError:  # a lone surrogate, which the slow one escapes
        text = yaml.safe_dump(hyperparameters, sort_keys=False)
    return text.encode()


def with_environment(plan: RunPlan) -> RunRequest:
    """The request with the run's git state and environment; git answers while the index is loaded."""
    if plan.environment_of is None:
        return plan.request
    from rla.artifacts.environment.capture import EnvironmentCapture  # noqa: PLC0415 - only when it is asked for

    capture = EnvironmentCapture(plan.environment_of, never=[plan.root.root])
    try:
        importlib.import_module("rla.store.run_table")
        git, environment = capture.finish()
    except BaseException:
        capture.cancel()
        raise
    return replace(plan.request, git=git, environment=environment)


def back_up(code: BackupPlan, paths: RunPaths, root: RootPaths, losses: Losses) -> None:
    """Keep the run's code; what is left out is told, what cannot be kept at all stops the start.

    Raises:
        ConfigError: A file that the caller named is not there.
        OSError: The disk is full.
    """
    from rla.artifacts.code.backup import back_up_code  # noqa: PLC0415 - loads pathspec

    report = back_up_code(code, paths.directory(CODE), root.code_store)
    for number, warning in enumerate(report.warnings):
        losses.say(f"code {number}", warning)


def parameter_lines(hyperparameters: dict[str, Any]) -> list[str]:
    """The hyperparameters a line each, sorted by key."""
    return [f"key: {key}, value: {value_text(value)}" for key, value in sorted(hyperparameters.items())]


def describe_in_tensorboard(writer: TensorBoardWriter, hyperparameters: dict[str, Any]) -> None:
    """The hyperparameters for TensorBoard's HParams page, and as a table of its Text page."""
    flat = dict(flatten(hyperparameters))
    writer.add_hparams(flat)
    rows = [f"| {_cell(key)} | {_cell(value_text(value))} |" for key, value in flat.items()]
    writer.add_text("hyperparameters", "\n".join(["| key | value |", "|---|---|", *rows]), 0)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
