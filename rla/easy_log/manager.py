"""The experiment manager: says what the next run is to be, starts it, and stands for it while it records."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from rla.artifacts.code.plan import BackupPlan
from rla.core import layout
from rla.core.config import RlaConfig, load_config
from rla.core.find_database import find_data_root
from rla.core.hyperparams import normalise, tracked_text
from rla.core.layout import DEFAULT_DATA_ROOT, RootPaths
from rla.easy_log import reproducing, run_files, time_used_recorder
from rla.easy_log.active_run import ActiveRun, silent_run, start_run
from rla.easy_log.checkpoints import Checkpoints
from rla.easy_log.current import current
from rla.easy_log.directories import Directories
from rla.easy_log.losses import warn
from rla.easy_log.rank import records_here
from rla.easy_log.recorder import Callback
from rla.easy_log.run_plan import RunPlan, code_plan
from rla.easy_log.time_step import time_step_holder
from rla.errors import ConfigError, NotConfiguredError
from rla.runs import machine
from rla.runs.create import RunRequest

if TYPE_CHECKING:
    from rla.easy_log.continuing import Continuation, Resumed

QUIET_FORMATS = ("log", "tensorboard", "csv")

ConfigSource = str | os.PathLike[str] | Mapping[str, Any] | None


@dataclass
class _Draft:
    """What the next run is to be called and to know; a used one belongs to a run that started."""

    hyperparameters: dict[str, Any] = field(default_factory=dict)
    tracked: list[str] = field(default_factory=list)
    used: bool = False


@dataclass(frozen=True)
class _Settings:
    """Where the next run goes, from :meth:`ExperimentManager.configure`."""

    task: str
    config: RlaConfig
    root: RootPaths
    callback: Callback | None
    code: BackupPlan | None

    def plan(self, request: RunRequest, going_on: Continuation | None) -> RunPlan:
        """How a run is recorded."""
        return RunPlan(
            root=self.root,
            request=request if going_on is None else replace(request, parent_uid=going_on.source.uid),
            fork=None if going_on is None else going_on.fork,
            log_used=self.config.log_used,
            callback=self.callback,
            framework=self.config.dl_framework,
            code=self.code,
            environment_of=self.config.project_root if self.config.capture_environment else None,
        )


class ExperimentManager(Directories, Checkpoints):
    """Makes runs, one at a time; ``exp_manager`` is the process's one instance.

    ::

        exp_manager.set_hyper_param(env_id="Hopper-v4", lr=1e-3)
        exp_manager.add_record_param(["env_id"])
        exp_manager.configure("demo_task", data_root="./data")
        exp_manager.log_files_gen()

    Starting a run, or configuring anew, ends the run before it.
    """

    def __init__(self) -> None:
        """Nothing is configured."""
        self._draft = _Draft()
        self._settings: _Settings | None = None

    # --- what the next run is to be

    def set_hyper_param(self, hyperparameters: object = None, /, **argkw: Any) -> None:
        """Set the hyperparameters of the next run; they replace those set before.

        Args:
            hyperparameters: A mapping, ``argparse.Namespace``, dataclass or OmegaConf configuration.
            **argkw: Hyperparameters by name.

        Raises:
            ConfigError: ``hyperparameters`` is none of these.
        """
        self._fresh_draft().hyperparameters = {**normalise(hyperparameters), **normalise(argkw)}

    def update_hyper_param(self, k: str, v: Any) -> None:
        """Set one hyperparameter of the next run; after a start, the others are those of the run that started."""
        before = self._draft
        draft = self._fresh_draft()
        if before.used:  # as the last run, but for this one
            draft.hyperparameters, draft.tracked = dict(before.hyperparameters), list(before.tracked)
        draft.hyperparameters.update(normalise({k: v}))

    def add_record_param(self, keys: str | Sequence[str]) -> None:
        """Track hyperparameters: put them into the index name, in this order.

        Args:
            keys: Their names; ``run_params.seed`` is ``seed`` inside ``run_params``.
        """
        draft = self._fresh_draft()
        for key in [keys] if isinstance(keys, str) else keys:
            if key not in draft.tracked:
                draft.tracked.append(key)

    def clear_record_param(self) -> None:
        """Track nothing."""
        self._fresh_draft().tracked.clear()

    def configure(  # noqa: PLR0913, PLR0917 - the seeds fix its arguments and their older names
        self,
        task_table_name: str | None = None,
        rla_config: ConfigSource = None,
        data_root: str | os.PathLike[str] | None = None,
        ignore_file_path: str | None = None,
        run_file: str | list[str] | None = None,
        is_master_node: bool = False,
        code_root: str | os.PathLike[str] | None = None,
        log_callback_fn: Callback | None = None,
        *,
        task_name: str | None = None,
        private_config_path: ConfigSource = None,
        log_root: str | os.PathLike[str] | None = None,
        log_used: Sequence[str] | None = None,
        quiet: bool = False,
    ) -> None:
        """Say where runs go from now on. Ends the run before, if one is recorded.

        Args:
            task_table_name: The task.
            rla_config: The path of ``rla_config.yaml``, or its content as a dict; without one the
                nearest file upward counts, else the defaults.
            data_root: The database's directory, relative to the present working directory.
            ignore_file_path: A file of gitignore rules for the code backup.
            run_file: Files that the code backup in ``lib`` mode copies too.
            is_master_node: Never send anything, whatever SEND_LOG_FILE says.
            code_root: What relative paths of the configuration are relative to.
            log_callback_fn: Called with each dumped row.
            task_name: The older name of ``task_table_name``.
            private_config_path: The older name of ``rla_config``.
            log_root: The older name of ``data_root``.
            log_used: The formats to write, instead of LOG_USED.
            quiet: Where nobody sets LOG_USED, write no table to stdout.

        Raises:
            ConfigError: There is no task, or the configuration is wrong.
        """
        del is_master_node  # sending is not there yet
        task = task_table_name if task_table_name is not None else task_name
        if not isinstance(task, str) or not task.strip():
            raise ConfigError("configure needs a task: exp_manager.configure('my_task', ...)", key="task_name")
        source = rla_config if rla_config is not None else private_config_path
        config = load_config(
            source,
            code_root=code_root,
            overrides={"LOG_USED": None if log_used is None else list(log_used)},
            defaults={"LOG_USED": list(QUIET_FORMATS)} if quiet else None,
        )
        chosen = data_root if data_root is not None else log_root
        root = reproducing.forced_root() or find_data_root(chosen, config, os.environ, Path.cwd())
        paths = RootPaths(root or Path.cwd() / DEFAULT_DATA_ROOT)
        run_files = [run_file] if isinstance(run_file, str) else run_file or []
        code = code_plan(config, paths, ignore_file=ignore_file_path, run_files=run_files)
        current.end()
        self._settings = _Settings(task, config, paths, log_callback_fn, code)

    # --- the run

    def log_files_gen(self, resume: str | Continuation | None = None) -> ActiveRun:
        """Start the run: its directories, its manifest, its row.

        Args:
            resume: A stored run to go on from, by any of its names, with the hyperparameters that are
                set here; ``auto`` for this job's own last run, if that did not finish; ``never`` for
                none. By default what RLA_RESUME says.

        Returns:
            The run, which is also what the manager stands for from now on. Its ``resumed`` has the
            step and the model of the run that it goes on from, and is None when it begins anew.

        Raises:
            NotConfiguredError: :meth:`configure` was not called.
            ResumeError: The run to go on from is still being recorded.
            RunNotFoundError: There is no such run.
            CheckpointError: It has no checkpoint to go on from.
            ConfigError: A tracked key is not among the hyperparameters.
            RunStartError: The directories could not be written; nothing of the run is left.
        """
        settings = self._require_settings()
        current.end()
        request = RunRequest(
            task=settings.task,
            hyperparameters=self._draft.hyperparameters,
            tracked_keys=tuple(self._draft.tracked),
            name_format=settings.config.index_name_format,
            index_url=settings.config.index_url,
        )
        request = replace(request, parent_uid=reproducing.reproduced_uid(request))
        with _going_on(resume, settings, request) as going_on:
            run = start_run(settings.plan(request, going_on)) if records_here() else silent_run(settings.task)
        time_step_holder.set_time(0)
        time_used_recorder.reset()
        current.begin(run)
        self._draft.used = True
        if going_on is not None:
            run.resumed = going_on.apply(run)
        return run

    def print_args(self) -> None:
        """Write the hyperparameters to stdout and log.txt; backup.txt has them since the start."""
        for line in run_files.parameter_lines(self._draft.hyperparameters):
            current.logger().log(line)

    def print_log_dir(self) -> None:
        """Write where the run's files are to stdout and log.txt."""
        for kind in layout.KINDS:
            current.logger().log(f"{kind}: {current.require().paths.directory(kind)}")

    def sync_log_file(self, skip_error: bool = False) -> None:
        """Send the run's files to the main node; does nothing while SEND_LOG_FILE is False."""
        del skip_error
        if self._settings is not None and self._settings.config.send_log_file:
            warn("SEND_LOG_FILE is True, but this version of rla does not send files: copy the data root with rsync")

    def close(self) -> None:
        """End the run: dump what is left, and mark it finished."""
        current.end()

    # --- what scripts read

    @property
    def hyper_param(self) -> dict[str, Any]:
        """The hyperparameters, as they are stored."""
        return self._draft.hyperparameters

    @property
    def hyper_param_record(self) -> list[str]:
        """The tracked ``key=value`` texts of the current run."""
        record = current.require().manifest
        return [tracked_text(record.hyperparameters, [key]) for key in record.tracked_keys]

    @property
    def resumed(self) -> Resumed | None:
        """What the current run goes on from: its step and model; None when it begins anew."""
        return current.require().resumed

    @property
    def framework(self) -> str:
        """The library whose checkpoints are saved: DL_FRAMEWORK."""
        return self._config.dl_framework

    @property
    def index_url(self) -> str | None:
        """The address of the table of runs, when INDEX_URL has moved it."""
        return self._config.index_url

    @property
    def task_table_name(self) -> str:
        """The task."""
        return self._require_settings().task

    @property
    def data_root(self) -> str:
        """The database's directory."""
        return str(self._require_settings().root.root)

    @property
    def ipaddr(self) -> str:
        """This machine's address, as the index has it."""
        return machine.ip_address()

    def get_task_table_name(self) -> str:
        """The task."""
        return self.task_table_name

    def get_timestep(self) -> int:
        """The time step that the next dump gets."""
        return time_step_holder.get_time()

    get_timstep = get_timestep

    def set_timestep(self, ts: int) -> None:
        """Move to a time step."""
        time_step_holder.set_time(ts)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Itself: there is one in a process, and what holds it may be copied."""
        return self

    def __enter__(self) -> Self:
        current.require()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        current.require().__exit__(kind, error, trace)

    def _fresh_draft(self) -> _Draft:
        """A run that has started keeps what it was given: the next one starts clean."""
        if self._draft.used:
            self._draft = _Draft()
        return self._draft

    @property
    def _config(self) -> RlaConfig:
        """The configuration; before ``configure`` that of the file and the environment, for what only reads."""
        return load_config() if self._settings is None else self._settings.config

    def _require_settings(self) -> _Settings:
        if self._settings is None:
            raise NotConfiguredError("where runs go is not known yet: call exp_manager.configure(task, ...) first")
        return self._settings


def _going_on(
    resume: str | Continuation | None, settings: _Settings, request: RunRequest
) -> AbstractContextManager[Continuation | None]:
    """What the next run goes on from; inside, nobody else goes on from it."""
    wanted = os.environ.get("RLA_RESUME") if resume is None else resume
    if not wanted or wanted == "never":
        return nullcontext()
    if not isinstance(wanted, str):
        return nullcontext(wanted)
    from rla.easy_log.continuing import Wanted, chosen_continuation  # noqa: PLC0415 - SQLAlchemy, NumPy

    return chosen_continuation(wanted, settings.root, request, Wanted(settings.config.dl_framework))
