"""Which run of a job is its newest, whatever its clock said."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

import pytest

from tests.hermes import conftest

repository, hermes, started = conftest.repository, conftest.hermes, conftest.started

FAILS_ONCE = "[[python, say.py, --fail-until=mark],[]]"


def test_local_time_that_goes_back_an_hour_does_not_bring_a_failure_back(repository, hermes, started):
    repository.hermes_file(FAILS_ONCE)
    summer, winter = started(TZ="SUMMER-2"), None
    assert summer.end().code == 4
    winter = started("--resume", TZ="WINTER-1")
    assert winter.end().code == 0
    assert repository.states() == ["finished", "failed"]  # by their local times
    assert hermes("--resume", "--dry-run").out == ""
    assert "1 finished" in hermes(command="status").out


@pytest.mark.parametrize("first", ["failed", "finished"])
def test_what_began_in_the_future_began_before_the_clock_was_set_right(repository, hermes, first):
    repository.hermes_file(FAILS_ONCE)
    if first == "finished":
        (repository.path / "mark").touch()
    hermes()
    (run,) = repository.runs()
    assert run.state == first
    created = (datetime.now() + timedelta(days=1)).strftime("%Y/%m/%d/%H-%M-%S-%f")
    repository.database().table.update(run.uid, started=time.time() + 86_400, created=created)
    (repository.path / "mark").touch() if first == "failed" else (repository.path / "mark").unlink()
    hermes()
    done = hermes("--resume", "--dry-run")
    assert done.out == ("" if first == "failed" else "python say.py IDENTIFIER --fail-until=mark\n")
