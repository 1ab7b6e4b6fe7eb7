"""The end of a run: what belongs to it is brought in, then it is written down."""

from __future__ import annotations

import dataclasses

from rla.batch.job_run import JobRun, write_end
from rla.batch.outcome import Outcome
from rla.batch.workload import Workload
from rla.core.manifest import State


def end_run(workload: Workload, run: JobRun, outcome: Outcome) -> tuple[Outcome, State]:
    """Bring in what belongs to a run that has ended, and write down how it ended.

    Args:
        workload: What it was run for.
        run: The run.
        outcome: How it ended, judged.

    Returns:
        The outcome with what went wrong after the job, and the whole state. A job that succeeded has
        succeeded all the same.
    """
    troubles = _settled(workload, run, outcome)
    if troubles:
        error = "\n".join(filter(None, (outcome.error, *troubles)))
        outcome = dataclasses.replace(outcome, error=error, troubles=tuple(troubles))
    return outcome, write_end(run, outcome)


def _settled(workload: Workload, run: JobRun, outcome: Outcome) -> list[str]:
    try:
        return workload.settle(run, outcome)
    except Exception as error:  # noqa: BLE001 - what is wrong with one job's files must not lose the others
        return [f"{type(error).__name__}: {error}"]
