"""Variants that are several MPI processes."""

from __future__ import annotations

import os
import sys

import pytest

from rla.errors import MissingDependencyError
from rla.sweep import mpi
from tests.processes import is_alive
from tests.sweep.test_grid import local
from tests.timing import wait_for, with_time_enough


def ranks(place):
    import os
    from pathlib import Path

    from mpi4py import MPI

    world = MPI.COMM_WORLD
    (Path(place) / f"rank-{world.rank}-of-{world.size}").touch()
    assert os.environ["OMP_NUM_THREADS"] == "1"
    return world.allreduce(world.rank + 1) + 100 * world.rank


def test_a_variant_is_as_many_processes_as_asked_and_rank_0_returns_for_all(grid, stored, place):
    grid(place=str(place)).run(local(ranks), num_cpu=2, quiet=True)
    (run,) = stored()
    assert run.state == "finished", run.row["error"]
    assert run.summary == {"result": 3}
    assert sorted(file.name for file in place.glob("rank-*")) == ["rank-0-of-2", "rank-1-of-2"]


def test_only_rank_0_records(grid, stored):
    def train(lr):
        import rla

        with rla.init("task", {"lr": lr}):
            rla.logger.record_tabular("return", 1.0)
            rla.logger.dump_tabular()

    grid(lr=[1]).run(local(train), num_cpu=2, quiet=True)
    (run,) = stored()
    assert run.state == "finished", run.row["error"]
    assert list(run.curve("return")[1]) == [1.0]


def test_a_rank_that_fails_fails_the_variant(grid, stored):
    def train(lr):
        import os

        assert os.environ["PMI_RANK"] == "0", "only one of us is well"

    grid(lr=[1]).run(local(train), num_cpu=2, quiet=True)
    (run,) = stored()
    assert run.state == "failed"
    assert "only one of us is well" in (run.log_dir / "stderr.log").read_text()


def test_no_rank_is_left_when_the_time_is_up(grid, stored, place):
    def hang(place):
        import os
        import time
        from pathlib import Path

        (Path(place) / f"pid-{os.getpid()}").touch()
        time.sleep(600)

    def pids_of_ranks(seconds):
        for file in place.glob("pid-*"):
            file.unlink()
        grid(place=str(place)).run(local(hang), num_cpu=2, timeout=seconds, quiet=True)
        return [int(file.name.partition("-")[2]) for file in place.glob("pid-*")]

    pids = with_time_enough(pids_of_ranks, lambda pids: len(pids) == 2, 3)
    assert len(pids) == 2
    assert {run.state for run in stored()} == {"timeout"}
    wait_for(lambda: not any(map(is_alive, pids)))


def test_auto_is_one_process_for_each_core():
    assert 1 <= mpi.process_count("auto") <= os.cpu_count()


def test_without_mpirun_several_processes_are_refused_before_anything_starts(grid, place, monkeypatch):
    monkeypatch.setenv("PATH", str(place))
    monkeypatch.setattr(sys, "executable", str(place / "python"))
    with pytest.raises(MissingDependencyError, match=r'num_cpu above 1 needs mpich: run  pip install "rla\[mpi\]"'):
        grid(lr=[1]).run(local(lambda lr: lr), num_cpu=2, quiet=True)
    assert not (place / "rla_data").exists()
