"""Load a stored run: its checkpoint for another task, or all of it to go on from.

====================================  ==================================================================
to                                    call
====================================  ==================================================================
start anew                            nothing
use a pretrained model                ``load_from_record_date``
resume                                ``fork_log_files``, then ``load_from_record_date``
resume with other settings            ``import_hyper_parameters(hp_to_overwrite)`` before the start, then both
====================================  ==================================================================
"""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NoReturn, SupportsIndex

from rla.artifacts.checkpoints.store import DEFAULT_NAME
from rla.core.hyperparams import flatten, lookup, overwritten
from rla.core.selection import Selection
from rla.easy_log.continuing import Wanted, load_checkpoint_of, take_over
from rla.easy_log.current import current
from rla.easy_log.losses import warn
from rla.easy_log.tester import exp_manager
from rla.easy_log.time_step import time_step_holder
from rla.errors import CheckpointError, ConfigError, RunNotFoundError
from rla.runs.database import open_database
from rla.runs.old_rla import OldRun, find_old_run
from rla.runs.query import select_runs
from rla.runs.run import Run

_OWN: Final = ("loaded_task_name", "loaded_date")
"""Hyperparameters that say what this run loads, whatever that one had loaded."""
_NOT_GIVEN: Final = frozenset({"", "True", "False", "None"})


class ExperimentLoader:
    """Loads one stored run, named by task and time stamp.

    What :meth:`config` did not say is taken from ``loaded_task_name`` and ``loaded_date`` of the manager's
    hyperparameters, and from its data root, when it is needed. Where no run is named every method does
    what a new task needs: nothing.
    """

    def __init__(self) -> None:
        """Nothing is named yet."""
        self._task: str | None = None
        self._date: str | None = None
        self._root: Path | None = None

    def config(
        self,
        task_name: str | None = None,
        record_date: str | None = None,
        root: str | os.PathLike[str] | None = None,
    ) -> None:
        """Name the run.

        Args:
            task_name: Its task.
            record_date: Its time stamp ``YYYY/MM/DD/HH-MM-SS-ffffff`` or the beginning of one, or its uid.
            root: The data root that it is in; by default the manager's.
        """
        self._task, self._date = task_name, record_date
        self._root = None if root is None else Path(root)

    @property
    def is_valid_config(self) -> bool:
        """Whether a run is named."""
        return bool(self.load_date)

    @property
    def task_name(self) -> str:
        """The task of the run; empty when it was not said."""
        return _given(self._task, "loaded_task_name")

    @property
    def load_date(self) -> str:
        """The time stamp or uid of the run; empty when it was not said."""
        return _given(self._date, "loaded_date")

    @property
    def root(self) -> Path:
        """The data root that the run is in.

        Raises:
            NotConfiguredError: Neither :meth:`config` nor ``exp_manager.configure`` has said it.
        """
        return self._root if self._root is not None else Path(exp_manager.data_root)

    def import_hyper_parameters(
        self, hp_to_overwrite: Iterable[str] | None = None, sync_timestep: bool = False
    ) -> Namespace:
        """The hyperparameters to go on with: those of the run, but for the ones named here.

        The manager is not changed: give it the result.

        Args:
            hp_to_overwrite: Those that keep the manager's present value; a dotted name reaches inside.
            sync_timestep: Move the time step to that of the run's newest checkpoint.

        Returns:
            The manager's hyperparameters, with the values of the run in their place.

        Raises:
            RunNotFoundError: There is no such run.
            ConfigError: One of ``hp_to_overwrite`` is no hyperparameter of the manager.
        """
        mine = dict(exp_manager.hyper_param)
        if not self.is_valid_config:
            return Namespace(**mine)
        run = self._run()
        theirs = run.hyperparameters() if isinstance(run, OldRun) else run.hyperparameters
        _tell_unknown(mine, theirs)
        kept = [*(hp_to_overwrite or ()), *(key for key in _OWN if key in mine)]
        merged = overwritten({**mine, **theirs}, {key: lookup(mine, key) for key in kept})
        if sync_timestep:
            time_step_holder.set_time(load_checkpoint_of(self._own(run), _wanted()).step)
        return Namespace(**merged)

    def load_from_record_date(
        self,
        var_prefix: str | None = None,
        variable_list: Sequence[str] | None = None,
        verbose: bool = True,
        ckp_index: SupportsIndex | None = None,
        checkpoint_name: str = DEFAULT_NAME,
        trust: bool = False,
    ) -> tuple[int, Any, dict[str, Any]]:
        """Load a checkpoint of the run.

        Args:
            var_prefix: Of TensorFlow 1; accepted for old scripts, and does nothing.
            variable_list: The variables to return; None for all.
            verbose: As ``var_prefix``.
            ckp_index: The time step; None for the newest checkpoint that is whole.
            checkpoint_name: Whose.
            trust: Let a file of another program run code while it is loaded.

        Returns:
            The time step, what was saved as ``model_dict``, and the related variables and custom data by
            name. ``(0, {}, {})`` where no run is named.

        Raises:
            RunNotFoundError: There is no such run.
            CheckpointError: There is no such checkpoint, or it is damaged, or not safe and not trusted.
            ConfigError: The checkpoint has no such variable.
        """
        del var_prefix, verbose
        if not self.is_valid_config:
            return 0, {}, {}
        loaded = load_checkpoint_of(self._own(self._run()), _wanted(ckp_index, checkpoint_name, trust=trust))
        variables = {**loaded.custom, **loaded.related, "time-step": loaded.step}
        if variable_list is not None:
            variables = {name: _variable(variables, name) for name in variable_list}
        return loaded.step, loaded.model, variables

    def fork_log_files(
        self,
        hp_to_overwrite: Iterable[str] | None = None,
        sync_timestep: bool = False,
        ckp_index: SupportsIndex | None = None,
        checkpoint_name: str = DEFAULT_NAME,
    ) -> None:
        """Let the manager's run, which has just started, begin with what the named run recorded and kept.

        Values after the checkpoint's time step stay behind. The named run is not touched, and becomes
        the parent. What this run was given as hyperparameters stays.

        Args:
            hp_to_overwrite: Accepted for old scripts: hyperparameters are never taken over here, see
                :meth:`import_hyper_parameters`.
            sync_timestep: Move the time step to that of the checkpoint.
            ckp_index: The time step of the checkpoint; None for the newest that is whole.
            checkpoint_name: Whose.

        Raises:
            NotConfiguredError: No run has started.
            RunNotFoundError: There is no such run.
            ResumeError: This run has values or files already, or that one is still being recorded.
            CheckpointError: There is no such checkpoint.
            OSError: Something could not be copied; this run is as it was.
        """
        del hp_to_overwrite
        run = current.require()
        if not self.is_valid_config or not run.uid:
            return
        source = self._own(self._run())
        before = time_step_holder.get_time()
        take_over(run, source, load_checkpoint_of(source, _wanted(ckp_index, checkpoint_name)), self.load_date)
        if not sync_timestep:
            time_step_holder.set_time(before)

    def _run(self) -> Run | OldRun:
        task, date = self.task_name, self.load_date
        try:
            return select_runs(
                open_database(self.root, exp_manager.index_url),
                Selection(task=task or None, uids=(date.rstrip("*"),), archived=True),
            ).one()
        except (RunNotFoundError, ConfigError):
            old = find_old_run(self.root, task, date)
            if old is None:
                raise
            return old

    def _own(self, run: Run | OldRun) -> Run:
        """The run, unless RLA stored it."""
        return run if isinstance(run, Run) else _refuse(run)


exp_loader = ExperimentLoader()
"""The process's one loader, as RLA has it."""


def fork_log_file_fn(
    root: str | os.PathLike[str],
    task_name: str,
    record_date: str,
    hp_to_overwrite: Iterable[str] | None = None,
    sync_timestep: bool = False,
) -> None:
    """:meth:`ExperimentLoader.fork_log_files` of one run."""
    loader = ExperimentLoader()
    loader.config(task_name, record_date, root)
    loader.fork_log_files(hp_to_overwrite, sync_timestep)


def update_hyper_parameters_fn(
    task_name: str,
    record_date: str,
    root: str | os.PathLike[str],
    hp_to_overwrite: Iterable[str] | None = None,
    sync_timestep: bool = False,
) -> Namespace:
    """:meth:`ExperimentLoader.import_hyper_parameters` of one run, and give them to the manager."""
    loader = ExperimentLoader()
    loader.config(task_name, record_date, root)
    imported = loader.import_hyper_parameters(hp_to_overwrite, sync_timestep)
    for key, value in vars(imported).items():
        exp_manager.update_hyper_param(key, value)
    return imported


def _given(said: str | None, key: str) -> str:
    """What was said, else what the hyperparameter of that name says."""
    value = said if said is not None else exp_manager.hyper_param.get(key)
    return value.strip() if isinstance(value, str) and value.strip() not in _NOT_GIVEN else ""


def _wanted(step: SupportsIndex | None = None, name: str = DEFAULT_NAME, *, trust: bool = False) -> Wanted:
    return Wanted(exp_manager.framework, step, name, trust)


def _tell_unknown(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> None:
    """A hyperparameter that only the old run knows is kept, and probably read by nobody."""
    known = {key for key, _ in flatten(mine)}
    unknown = [key for key, _ in flatten(theirs) if key not in known and key not in _OWN]
    if mine and unknown:
        warn(f"hyperparameters of the loaded run that this one does not have: {', '.join(unknown)}; they are kept")


def _variable(variables: Mapping[str, Any], name: str) -> Any:
    if name not in variables:
        known = ", ".join(map(repr, variables))
        raise ConfigError(f"the checkpoint has no variable {name!r}; it has {known}", key=name, allowed=[*variables])
    return variables[name]


def _refuse(old: OldRun) -> NoReturn:
    files = ", ".join(map(str, old.checkpoints()[-3:])) or "none"
    what = old.pickle or next(iter(old.directories.values()))
    raise CheckpointError(
        f"{what} was stored by RLA. Its pickle would run code when it is read, so that it is not opened; "
        f"import_hyper_parameters() reads the text files. Its checkpoints, for torch.load: {files}",
        path=old.pickle,
    )
