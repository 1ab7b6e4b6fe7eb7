"""Jobs that misbehave, and whatever may befall a batch at a random moment: in the end each job has succeeded once."""

from __future__ import annotations

import random
import time

import pytest

from rla.batch.batch_file import BatchFile
from rla.core.layout import JobTreePaths, RootPaths
from tests.faults import hermes_chaos as chaos
from tests.faults.striking import FULL
from tests.hermes import conftest
from tests.timing import wait_for

pytestmark = pytest.mark.faults
repository, hermes, started = conftest.repository, conftest.hermes, conftest.started

JOBS = 20


@pytest.mark.parametrize("seed", range(60 if FULL else 2))
def test_whatever_befalls_a_batch_each_job_succeeds_once_and_rows_and_files_agree(repository, hermes, started, seed):
    rng = random.Random(seed)
    chaos.write_batch(repository, rng, JOBS)
    for _ in range(5 if FULL else 3):
        process = started("-n", "b", "--resume", *chaos.options(rng))
        wait_for(lambda: process.has_ended or RootPaths(repository.tree).root_json.exists())  # noqa: B023 - at once
        for _ in range(2):
            time.sleep(rng.uniform(0, 0.8))
            rng.choice(chaos.harms(repository, process, rng))()
        done = process.end()
        assert done.code in {0, 4, 130, -9, -15, -2, -1}, done.err
        assert "Traceback" not in done.err or done.code < 0
        wait_for(lambda: not BatchFile(JobTreePaths(repository.tree), "b").is_running)
    (repository.path / "mended").touch()
    done = hermes("-n", "b", "--resume", "--jobs", 4)
    assert done.code == 0, done.err
    assert hermes("-n", "b", "--resume", "--dry-run").out == ""
    wait_for(lambda: not chaos.of_batch(repository))
    assert chaos.violations(repository, JOBS) == []
