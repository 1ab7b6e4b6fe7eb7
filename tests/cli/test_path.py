"""rla path."""

from __future__ import annotations

import pytest

from rla.core.layout import KINDS


def test_it_prints_one_directory_and_nothing_else(rla_command, record):
    run = record(seed=1)
    done = rla_command("path", "last")
    assert (done.out, done.err) == (f"{run.log_dir}\n", "")


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_has_its_directory(rla_command, record, kind):
    run = record(seed=1)
    assert rla_command("path", "last", "--kind", kind).out == f"{run.paths.directory(kind)}\n"


def test_an_unknown_kind_is_a_usage_error(rla_command, record):
    record()
    assert rla_command("path", "last", "--kind", "nosuch").code == 2


def test_json_has_the_directories_that_are_there(rla_command, record):
    run = record(seed=1)
    found = rla_command("path", "last", "--json").json
    assert found == {kind: str(run.paths.directory(kind)) for kind in ("log", "code", "hyperparameter")}
