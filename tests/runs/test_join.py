"""Which run a script of a job records into."""

from __future__ import annotations

import pytest

from rla.core import manifest
from rla.core.layout import JobRunPaths, JobTreePaths
from rla.core.manifest import Manifest
from rla.runs.create import RunRequest
from rla.runs.join import job_of, seat_of
from rla.runs.root import prepare_root

UID = "0123456789abcdef"


@pytest.fixture(params=["script/identifier", "script/name/identifier"])
def environ(tmp_path, request):
    """The environment of a job, whose run has its manifest."""
    tree = JobTreePaths(tmp_path / "tree")
    prepare_root(tree)
    paths = JobRunPaths(tree.root, request.param)
    paths.log.mkdir(parents=True)
    made = Manifest(uid=UID, task="t", created="", ip="", tracked="", name="n", started=1.0, hyperparameters={"lr": 1})
    paths.manifest.write_bytes(manifest.encode(made))
    return {"RLA_RUN_ID": UID, "RLA_RUN_DIR": str(paths.log)}


def test_the_first_run_of_a_job_takes_its_seat_and_no_other_does(environ):
    seat = seat_of(environ)
    other = seat_of(environ)
    seen = []
    new = seat.take(RunRequest("ignored", {"lr": 2, "n": 3}), lambda _paths, record: seen.append(record))
    assert new.joined
    assert new.manifest.task == "t"
    assert seen[0].hyperparameters == {"lr": 2, "n": 3}
    assert other.take(RunRequest("ignored"), lambda _paths, _record: None) is None
    assert seat_of(environ) is None


@pytest.mark.parametrize(
    "change",
    [
        {"RLA_RUN_ID": "fedcba9876543210"},
        {"RLA_RUN_ID": "../etc"},
        {"RLA_RUN_ID": ""},
        {"RLA_RUN_DIR": ""},
        {"RLA_RUN_DIR": "/"},
        {"RLA_RUN_DIR": "relative"},
        {"RLA_RUN_DIR": "/nowhere/script/identifier"},
    ],
)
def test_what_does_not_fit_is_no_job(environ, change):
    assert seat_of({**environ, **change}) is None


def test_outside_of_jobs_there_is_no_seat():
    assert seat_of({}) is None
    assert job_of({}) is None
    assert job_of({"RLA_RUN_ID": UID}) == UID


def test_a_seat_that_cannot_be_furnished_is_an_error(environ, tmp_path):
    from rla.errors import RunStartError

    def fail(_paths, _record):
        raise OSError(28, "No space left on device")

    with pytest.raises(RunStartError, match="No space left"):
        seat_of(environ).take(RunRequest("t"), fail)
