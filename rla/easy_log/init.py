"""One line that records a run: a thin layer over the process's manager."""

from __future__ import annotations

import os
from collections.abc import Sequence

from rla.easy_log.active_run import ActiveRun
from rla.easy_log.manager import ConfigSource
from rla.easy_log.recorder import Callback
from rla.easy_log.tester import exp_manager


def init(  # noqa: PLR0913 - one keyword per thing that may be said of a run
    task: str,
    hyperparameters: object = None,
    track: Sequence[str] = (),
    *,
    data_root: str | os.PathLike[str] | None = None,
    config: ConfigSource = None,
    log_used: Sequence[str] | None = None,
    callback: Callback | None = None,
    resume: str | None = None,
) -> ActiveRun:
    """Start a run and record it; a run that this process recorded before ends.

    ::

        with rla.init("demo_task", {"env_id": "CartPole-v1", "lr": 0.01, "seed": 0}, track=["lr", "seed"]) as run:
            rla.logger.record_tabular("episode_return", 21.0)
            rla.logger.dump_tabular()

    Args:
        task: The task.
        hyperparameters: A mapping, ``argparse.Namespace``, dataclass or OmegaConf configuration.
        track: The hyperparameters to put into the index name.
        data_root: The database's directory; without one it is found as every command finds it, and
            made as ``./rla_data`` when there is none.
        config: As ``rla_config`` of :meth:`ExperimentManager.configure`.
        log_used: The formats to write; without it LOG_USED, but no table on stdout.
        callback: Called with each dumped row.
        resume: As in :meth:`ExperimentManager.log_files_gen`: ``auto`` goes on from this job's own last
            run if that did not finish; ``run.resumed`` tells.

    Returns:
        The run; ``with`` ends it, else the process's end does.

    Raises:
        ConfigError: An argument or the configuration is wrong.
        RunStartError: The run's directories could not be written; nothing of it is left.
    """
    exp_manager.configure(task, config, data_root, log_callback_fn=callback, log_used=log_used, quiet=True)
    exp_manager.clear_record_param()
    exp_manager.set_hyper_param(hyperparameters)
    exp_manager.add_record_param(track)
    return exp_manager.log_files_gen(resume)
