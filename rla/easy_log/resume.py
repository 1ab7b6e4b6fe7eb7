"""One line that goes on where a stored run stopped."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, SupportsIndex

from rla.core.hyperparams import overwritten
from rla.easy_log.continuing import Resumed, Wanted, continuation_of
from rla.easy_log.manager import ConfigSource
from rla.easy_log.recorder import Callback
from rla.easy_log.tester import exp_manager
from rla.runs.database import open_database
from rla.runs.named import WhichRun, data_root_of, one_run, tracked_keys_of
from rla.runs.query import located
from rla.runs.run import Run
from rla.runs.run_list import RunList


def resume(  # noqa: PLR0913 - one keyword per thing that may differ
    run: WhichRun,
    *,
    data_root: str | os.PathLike[str] | None = None,
    hyperparameters: Mapping[str, Any] | None = None,
    step: SupportsIndex | None = None,
    checkpoint_name: str = "checkpoint",
    trust: bool = False,
    random_states: bool = True,
    config: ConfigSource = None,
    log_used: Sequence[str] | None = None,
    callback: Callback | None = None,
) -> Resumed:
    """Start a run that goes on where a stored one stopped, and record it.

    ::

        with rla.resume("last") as resumed:
            model.load_state_dict(resumed.model["model"])
            for step in range(resumed.step + 1, 1000):
                ...

    The new run has the task, the hyperparameters and the index keys of the old one, its recorded
    values up to the checkpoint's time step, its checkpoints, results and temporary data. The old run is
    not touched. The run that this process recorded before ends. Build the model before: building one
    draws random numbers, and the random states of the checkpoint are put back here.

    Args:
        run: A uid or the beginning of one, a time stamp, ``last``, an expression as in
            ``rla.query(where=...)`` that one run fulfils, or what ``rla.query`` gave.
        data_root: The database's directory; without one it is found as every command finds it. A run that
            ``rla.query`` gave is continued in its own database.
        hyperparameters: Those that shall differ; a dotted name reaches inside.
        step: The time step of the checkpoint; without one the newest that is whole.
        checkpoint_name: The checkpoint's name.
        trust: Let a checkpoint of another program run code while it is loaded.
        random_states: Put back the random states that were saved with the checkpoint.
        config: As ``rla_config`` of :meth:`ExperimentManager.configure`.
        log_used: The formats to write; without it LOG_USED, but no table on stdout.
        callback: Called with each dumped row.

    Returns:
        The new run, with the step, the model and the related variables of the checkpoint.

    Raises:
        RunNotFoundError: No run is meant, or its files are not on this machine.
        AmbiguousRunError: Several are; the message lists them.
        ResumeError: The run is still being recorded. One of another machine, of which only a young heartbeat
            speaks, is continued when it is named by its uid: whoever does so knows that it is over.
        CheckpointError: There is no whole checkpoint, or it is another framework's, or not safe.
        RunStartError: The new run could not be made; nothing of it is left.
    """
    exp_manager.close()
    source = _source(run, data_root)
    root = data_root if data_root is not None else data_root_of(source)
    exp_manager.configure(source.task, config, root, log_callback_fn=callback, log_used=log_used, quiet=True)
    wanted = Wanted(exp_manager.framework, step, checkpoint_name, trust, random_states)
    continuation = continuation_of(source, wanted, run)
    exp_manager.set_hyper_param(overwritten(source.hyperparameters, hyperparameters or {}))
    exp_manager.clear_record_param()
    exp_manager.add_record_param(tracked_keys_of(source))
    resumed = exp_manager.log_files_gen(resume=continuation).resumed
    assert resumed is not None
    return resumed


def _source(which: WhichRun, data_root: str | os.PathLike[str] | None) -> Run:
    if isinstance(which, Run):
        return which
    if isinstance(which, RunList):
        return which.one()
    return one_run(open_database(*located(data_root)), which)
