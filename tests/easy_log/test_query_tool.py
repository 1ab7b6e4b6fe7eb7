"""RLA's queries under their names."""

from __future__ import annotations

from pathlib import Path

import pytest

import rla
from rla.easy_log import query_tool
from rla.easy_log.query_tool import (
    ARCHIVE_TESTER,
    CHECKPOINT,
    CODE,
    HYPARAMETER,
    LOG,
    OTHER_RESULTS,
    TMP_DATA,
    experiment_data_query,
    single_experiment_query,
)
from rla.errors import AmbiguousRunError, ConfigError, RunNotFoundError


@pytest.fixture
def runs(data_root):
    """Five recorded runs with every kind of data, oldest first."""
    made = []
    for seed in range(5):
        with rla.init("demo", {"seed": seed, "env": {"id": "x"}}, track=["seed"], data_root=data_root) as run:
            (run.checkpoint_dir / f"net_{seed + 9}.pt").touch()
            (run.checkpoint_dir / f"net_{seed + 8}.pt").touch()
            (run.results_dir / "sub").mkdir()
            (run.results_dir / "sub/10-figure.png").write_text("png")
        made.append(run)
    with rla.init("other", {"seed": 0}, track=["seed"], data_root=data_root):
        pass
    return made


def stamp(run) -> str:
    return run.manifest.created


def test_a_pattern_gives_every_run_that_it_fits_by_its_time_stamp(data_root, runs):
    found = experiment_data_query(data_root, "demo", "*", LOG)
    assert list(found) == [stamp(run) for run in runs]
    assert [Path(result.dirname) for result in found.values()] == [run.log_dir for run in runs]


def test_a_pattern_fits_whole_names_and_whole_days(data_root, runs):
    day = stamp(runs[0])[:10]
    query = lambda pattern: [key[-15:] for key in experiment_data_query(data_root, "demo", pattern, LOG)]
    assert query(f"{day}/*seed=3") == [stamp(runs[3])[-15:]]
    assert len(query(day)) == len(query(f"{day}/*")) == len(query(f"{day[:7]}/*")) == 5
    assert query(f"{day}/*seed=") == query("seed=3") == query("1999/*") == []


def test_hyperparameters_belong_to_their_run(data_root, runs):
    found = experiment_data_query(data_root, "demo", "*", HYPARAMETER)
    assert [result.hyper_param for result in found.values()] == [{"seed": n, "env": {"id": "x"}} for n in range(5)]
    assert {Path(result.dirname) for result in found.values()} == {run.hyperparameter_dir for run in runs}


def test_the_last_checkpoint_is_the_newest(data_root, runs):
    found = experiment_data_query(data_root, "demo", "*", CHECKPOINT)
    assert [result.all_ckps for result in found.values()] == [[f"net_{n + 8}.pt", f"net_{n + 9}.pt"] for n in range(5)]


def test_other_results_are_files_with_their_times(data_root, runs):
    found = experiment_data_query(data_root, "demo", "*seed=0", OTHER_RESULTS)
    assert found == {}
    result = single_experiment_query(data_root, "demo", stamp(runs[0]), OTHER_RESULTS)
    assert result.location == [str(runs[0].results_dir / "sub/10-figure.png")]
    assert result.ctime == [(runs[0].results_dir / "sub/10-figure.png").stat().st_mtime]


def test_only_runs_with_data_of_the_kind_are_given(data_root, runs):
    runs[2].paths.directory(TMP_DATA).mkdir(parents=True)
    runs[3].paths.directory(ARCHIVE_TESTER).mkdir(parents=True)
    assert list(experiment_data_query(data_root, "demo", "*", TMP_DATA)) == [stamp(runs[2])]
    ((_, archived),) = experiment_data_query(data_root, "demo", "*", ARCHIVE_TESTER).items()
    assert (archived.run.uid, archived.hyper_param["seed"]) == (runs[3].uid, 3)
    assert len(experiment_data_query(data_root, "demo", "*", CODE)) == 5


def test_a_single_run_is_named_by_the_beginning_of_its_stamp(data_root, runs):
    assert single_experiment_query(data_root, "demo", stamp(runs[1]), LOG).dirname == str(runs[1].log_dir)


@pytest.mark.parametrize("error", [AmbiguousRunError, AssertionError, LookupError])
def test_a_beginning_of_several_is_an_error_as_it_was_in_rla(data_root, runs, error):
    with pytest.raises(error, match=stamp(runs[4])[-15:]):
        single_experiment_query(data_root, "demo", stamp(runs[0])[:10] + "/", LOG)


@pytest.mark.parametrize("error", [RunNotFoundError, AssertionError, LookupError])
def test_a_beginning_of_none_is_an_error_as_it_was_in_rla(data_root, runs, error):
    with pytest.raises(error, match="1999"):
        single_experiment_query(data_root, "demo", "1999/", LOG)


def test_one_run_can_be_demanded_of_a_pattern(data_root, runs):
    day = stamp(runs[0])[:10]
    assert len(experiment_data_query(data_root, "demo", f"{day}/*seed=3", LOG, single_res_filter=True)) == 1
    with pytest.raises(AssertionError, match="names 5 runs"):
        experiment_data_query(data_root, "demo", "*", LOG, single_res_filter=True)
    with pytest.raises(AssertionError, match="no directory of this kind"):
        experiment_data_query(data_root, "demo", f"{day}/*seed=3", TMP_DATA, single_res_filter=True)


def test_runs_that_share_a_time_stamp_are_all_given(data_root, runs):
    from rla.runs.database import open_database

    table = open_database(data_root).table
    table.update(runs[1].uid, created=stamp(runs[0]))
    found = experiment_data_query(data_root, "demo", "*", LOG)
    assert len(found) == 5
    assert len([key for key in found if key.startswith(stamp(runs[0]))]) == 2


def test_an_unknown_kind_is_an_error_that_names_those_there_are(data_root):
    with pytest.raises(ConfigError, match="checkpoint"):
        experiment_data_query(data_root, "demo", "*", "logs")


def test_the_names_of_rla_are_there():
    names = "BasicQueryResult ArchiveQueryResult LogQueryResult HyperParamResult CkpResult OtherQueryResult".split()  # noqa: SIM905
    assert all(hasattr(query_tool, name) for name in names)
    assert rla.experiment_data_query is experiment_data_query
    assert rla.single_experiment_query is single_experiment_query
