"""Which run of a job is its newest, whatever its clock said."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

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


def began_tomorrow(repository) -> None:
    """Let the only run have begun while the clock was wrong."""
    (run,) = repository.runs()
    created = (datetime.now() + timedelta(days=1)).strftime("%Y/%m/%d/%H-%M-%S-%f")
    repository.database().table.update(run.uid, started=time.time() + 86_400, created=created)


def test_a_failure_of_the_future_is_older_than_what_succeeded_now(repository, hermes):
    repository.hermes_file(FAILS_ONCE)
    assert hermes().code == 4
    began_tomorrow(repository)
    assert hermes("--resume").code == 0
    assert hermes("--resume", "--dry-run").out == ""


def test_a_failure_of_now_is_older_than_what_succeeded_in_the_future(repository, hermes):
    repository.hermes_file(FAILS_ONCE)
    (repository.path / "mark").touch()
    assert hermes().code == 0
    began_tomorrow(repository)
    (repository.path / "mark").unlink()
    assert hermes().code == 4
    assert hermes("--resume", "--dry-run").out == ""
