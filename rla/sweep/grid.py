"""The grid: a declaration that runs, and that knows what became of its variants."""

from __future__ import annotations

import copy
import importlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal

from rla.core import origins
from rla.core.find_database import absolute
from rla.core.hyperparams import normalise
from rla.errors import GridError, MissingDependencyError
from rla.sweep.declaration import Declaration
from rla.sweep.launch import How, OnFailure, database_of, how_of, plan_variants, run_variants
from rla.sweep.naming import SEED
from rla.sweep.variant import Variant
from rla.sweep.workload import GridWorkload

if TYPE_CHECKING:
    from rla.batch.status import BatchStatus
    from rla.runs.database import Database
    from rla.runs.frame import DataFrame
    from rla.sweep.optuna_adapter import Study
    from rla.sweep.report import GridReport


class ExperimentGrid(Declaration):
    """Runs a function with every combination of its parameters' values.

    ::

        grid = ExperimentGrid("first")
        grid.add("lr", [1e-3, 1e-4])
        grid.add("seed", [0, 1, 2])
        grid.run(train, jobs=2)
        print(grid.frame())
    """

    def __init__(self, name: str = "") -> None:
        """An empty grid.

        Args:
            name: What the names of variants begin with; also the batch and the task of its runs.
        """
        super().__init__(name)
        self._ran: tuple[str, str | os.PathLike[str] | None] | None = None

    def run(  # noqa: PLR0913 - spinningup's arguments, and by name only what it lacks
        self,
        thunk: Callable[..., object] | str,
        num_cpu: int | str = 1,
        data_dir: str | os.PathLike[str] | None = None,
        datestamp: bool = False,
        *,
        jobs: int | None = None,
        gpus: Sequence[int | str] | None = None,
        resume: bool = False,
        retries: int = 0,
        timeout: float | None = None,
        on_failure: OnFailure = "continue",
        data_root: str | os.PathLike[str] | None = None,
        quiet: bool = False,
    ) -> GridReport:
        """Run every variant in a process of its own, each as a run of the database.

        Args:
            thunk: The function; or the name of a parameter whose values are functions. It gets the
                variant's parameters, and ``seed`` and ``logger_kwargs`` if it takes them.
            num_cpu: How many MPI processes each variant is split into; ``"auto"`` for one per core.
            data_dir: What the output directories lie in; by default ``DEFAULT_DATA_DIR``, else the data root.
            datestamp: Whether output directories carry their date.
            jobs: How many variants run at once; by default one, or one per GPU.
            gpus: The GPUs to deal out: each variant sees one.
            resume: Leave out what has finished in an earlier call, and take over what goes on.
            retries: How often a variant that failed is run again.
            timeout: How long a variant may run, in seconds.
            on_failure: ``"stop"``: start nothing more after a failure, and raise an error at the end.
            data_root: The database; by default as ``rla.init`` finds it.
            quiet: Write nothing to stdout and stderr.

        Returns:
            What became of the variants.

        Raises:
            GridError: The grid cannot be run so; nothing was started.
            JobsFailedError: A variant failed, and ``on_failure`` is ``"stop"``.
            KeyboardInterrupt: Somebody stopped it; ``resume`` goes on from there.
        """
        how = How(
            num_cpu, data_dir, datestamp, jobs, gpus, resume, retries, timeout, on_failure, data_root, quiet=quiet
        )
        batch = plan_variants(self._name, thunk, self.points, how)
        if not quiet:
            self.print()
        report = run_variants(batch, how)
        self._ran = report.batch, report.data_root
        return report

    def sample(self, n: int, *, seed: int = 0, low_discrepancy: bool = False) -> ExperimentGrid:
        """A grid of points that are drawn instead of all combinations.

        A parameter is drawn from its distribution, or from its list. Seeds are not drawn: each point is
        there with each seed of the list.

        Args:
            n: How many points.
            seed: The same one draws the same points.
            low_discrepancy: Spread the points evenly, rather than independently of one another.

        Raises:
            GridError: The grid has no parameters.
        """
        drawn = copy.copy(self)
        drawn.keys, drawn.vals = list(self.keys), list(self.vals)
        drawn.shs, drawn.in_names = list(self.shs), list(self.in_names)
        drawn._points = self._draw(n, seed, low_discrepancy=low_discrepancy)  # noqa: SLF001 - one of ourselves
        return drawn

    def search(
        self,
        thunk: Callable[..., object] | str,
        n: int,
        *,
        metric: str = "result",
        study: Study | None = None,
        direction: Literal["maximize", "minimize"] = "maximize",
        **how: Any,
    ) -> Study:
        """Let Optuna choose the points, from what earlier ones have come to.

        A trial is a run for each seed that is listed, and its value the mean of theirs.

        Args:
            thunk: As for :meth:`run`.
            n: How many trials.
            metric: The recorded value whose last one counts; ``"result"`` is the number that the function returns.
            study: An Optuna study, with any sampler and storage; by default a new one in memory.
            direction: What a new study wants of the metric.
            **how: Any other argument of :meth:`run`, but ``resume``.

        Returns:
            The study. Each trial's user attributes name its runs.

        Raises:
            GridError: The grid cannot be run so; nothing was started.
            MissingDependencyError: Optuna is not installed.
            JobsFailedError: A run failed, and ``on_failure`` is ``"stop"``.
        """
        adapter = _optuna_adapter()
        if type(n) is not int or n < 1:
            raise GridError(f"search({n!r}): the number of trials is from 1 on")
        if "resume" in how:
            raise GridError("search takes no resume: give it a study that has a storage, and it goes on with that")
        settings = how_of(how, ("metric", "study", "direction"), without=["resume"])
        study = adapter.new_study(direction) if study is None else adapter.checked_study(study)
        search = adapter.Search(self, study, n, metric, quiet=settings.quiet)
        likes = list(self.sample(1).points())
        batch = replace(plan_variants(self._name, thunk, search.points, settings, likes), total=search.total)
        try:
            report = run_variants(batch, settings, search)
        finally:
            search.close()
        self._ran = report.batch, report.data_root
        return study

    def points(self) -> Iterator[Variant]:
        """Every variant with its name, one at a time.

        Raises:
            GridError: The grid has no parameters, or one that is to be drawn.
        """
        several = [key for key, values, _, in_name in self._declared() if len(values) > 1 or in_name]
        tracked = tuple(key.replace(":", ".") for key in several)
        for variant in self.variants():
            variant.setdefault(SEED, 0)
            yield Variant(self.variant_name(variant), variant, tracked)

    def preview(self, thunk: Callable[..., object] | str, **how: Any) -> list[tuple[str, Path, dict[str, Any]]]:
        """What :meth:`run` would run, after the same checks; nothing is started or written.

        Args:
            thunk: As for :meth:`run`.
            **how: Any other argument of :meth:`run`.

        Returns:
            Each variant's name, its output directory (another one if somebody has that), and its
            parameters as they are recorded.

        Raises:
            GridError: The grid cannot be run so.
        """
        workload = plan_variants(self._name, thunk, self.points, how_of(how)).workload
        assert isinstance(workload, GridWorkload)
        return [
            (item.payload.name, workload.data_dir / workload.place_of(item.payload), normalise(item.hyperparameters))
            for item in workload.items()
        ]

    def status(self, data_root: str | os.PathLike[str] | None = None) -> BatchStatus:
        """How many variants stand in which state, what failed, and about how long the rest will take.

        Args:
            data_root: The database; by default that of the last call of :meth:`run`, else the one that is found.

        Raises:
            GridError: The grid was never run.
        """
        from rla.batch.status import status_of  # noqa: PLC0415 - loads SQLAlchemy

        batch, database = self._stored(data_root)
        status = status_of(database, batch, origins.SWEEP)
        if status is None:
            raise GridError(f"the grid {batch!r} was never run with the database {database.root.root}")
        return status

    def frame(self, data_root: str | os.PathLike[str] | None = None, columns: Sequence[str] | None = None) -> DataFrame:
        """The results so far: a row for the newest run of each variant, in the order of the grid's runs.

        Args:
            data_root: As for :meth:`status`.
            columns: Which columns; by default state, times, every hyperparameter and every last value.
        """
        from rla.batch.standing import newest_runs  # noqa: PLC0415 - loads SQLAlchemy
        from rla.runs.query import query  # noqa: PLC0415 - as above

        batch, database = self._stored(data_root)
        uids = [run.uid for run in reversed(newest_runs(database, batch, origins.SWEEP))]
        return query(database.root.root, uids=uids, sort="started").frame(columns)

    def _stored(self, data_root: str | os.PathLike[str] | None) -> tuple[str, Database]:
        from rla.runs.database import open_database  # noqa: PLC0415 - loads SQLAlchemy

        batch, found = self._ran or (self._name, None)
        if not batch:
            raise GridError("a grid without a name has no batch before it has run: ExperimentGrid('name')")
        config, root = database_of(data_root or found)
        return batch, open_database(absolute(root.root), config.index_url)


def _optuna_adapter() -> ModuleType:
    try:
        return importlib.import_module("rla.sweep.optuna_adapter")
    except ModuleNotFoundError as error:
        raise MissingDependencyError("optuna", "optuna", "grid.search") from error
