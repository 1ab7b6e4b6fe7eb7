"""The jobs of a hermes file as a batch."""

from __future__ import annotations

import time
from datetime import datetime

import pytest

from rla.batch.code_state import CodeState
from rla.batch.job_run import JobRun
from rla.batch.outcome import Outcome
from rla.core.layout import JobRunPaths
from rla.hermes.hermesfile import HermesFile
from rla.hermes.info import read_info_file
from rla.hermes.settings import Settings
from rla.hermes.source import Line
from rla.hermes.workload import HermesWorkload
from rla.jobs.job import JobResult


@pytest.fixture
def workload(tmp_path) -> HermesWorkload:
    (tmp_path / "say.py").touch()
    file = HermesFile(Settings(), lines=(Line("[[python, say.py],[]]"),))
    return HermesWorkload(file, "b", None, tmp_path, tmp_path / "experiments", CodeState(tmp_path))


def test_the_time_that_a_job_took_is_right_in_the_night_in_which_the_clock_is_put_forward(
    workload, tmp_path, monkeypatch
):
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    try:
        (item,) = workload.items()
        created = datetime(2026, 3, 29, 1, 30)
        paths = JobRunPaths(tmp_path / "experiments", workload.place(item, created))
        paths.log.mkdir(parents=True)
        ended = created.timestamp() + 3600
        workload.settle(JobRun(item, paths, created, "0" * 16), Outcome("finished", JobResult(0, ended)))
        info = read_info_file(paths.log)
        assert (info["end_time"], info["execution_time"]) == ("2026_03_29_033000000000", "3600.0")
    finally:
        monkeypatch.undo()
        time.tzset()
