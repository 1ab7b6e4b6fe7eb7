"""A data root as readers open it."""

from __future__ import annotations

import os
import shutil

import pytest

import rla
from rla.errors import AmbiguousRunError, ConfigError, RunNotFoundError
from rla.runs.database import open_database
from tests.conftest import csv_rows


def test_a_directory_that_is_no_database_stays_as_it_is(tmp_path):
    with pytest.raises(ConfigError, match="no database"):
        open_database(tmp_path)
    assert os.listdir(tmp_path) == []


def test_a_name_means_one_run_or_says_why_not(data_root):
    runs = [rla.init("t", {"n": n}, data_root=data_root) for n in range(2)]
    rla.exp_manager.close()
    database = open_database(data_root)
    assert database.find("last").uid == runs[1].uid
    assert database.find(runs[0].uid[:14]).uid == runs[0].uid
    with pytest.raises(RunNotFoundError):
        database.find("nosuch")
    with pytest.raises(AmbiguousRunError) as caught:
        database.find(runs[0].manifest.created[:10])
    assert set(caught.value.candidates) == {run.uid for run in runs}


def test_an_open_run_is_shown_as_its_files_say(data_root):
    run = rla.init("t", data_root=data_root)
    rla.time_step_holder.set_time(7)
    rla.logger.record_tabular("k", 2.5)
    rla.logger.dump_tabular()
    (shown,) = open_database(data_root).runs()
    assert (shown.state, shown.time_step, shown.summary) == ("running", 7, {"k": 2.5})
    assert len(csv_rows(run.paths.csv)) == 1


def test_an_open_run_whose_files_are_gone_is_lost_and_says_so(data_root):
    run = rla.init("t", data_root=data_root)
    open_database(data_root)
    shutil.rmtree(run.paths.log)
    (shown,) = open_database(data_root).runs()
    assert shown.state == "lost"
    assert "run.json" in shown.row["damaged"]


def test_a_data_root_that_was_moved_is_read_where_it_is(data_root, tmp_path):
    run = rla.init("t", data_root=data_root)
    run.close()
    moved = tmp_path / "elsewhere"
    data_root.rename(moved)
    (shown,) = open_database(moved).runs()
    assert shown.require_paths().log == moved / "log" / run.paths.place


def test_a_root_that_was_given_a_new_id_has_its_runs_where_they_were(data_root):
    run = rla.init("t", data_root=data_root)
    run.close()
    open_database(data_root)
    shutil.rmtree(data_root / ".rla")
    (shown,) = open_database(data_root).runs()
    assert shown.require_paths().log == run.paths.log
