"""Whether a job is made ready before a slot is free."""

from __future__ import annotations

from typing import Any

import pytest

from rla.batch import ahead
from rla.batch.ahead import Ahead

READY: Any = object()


@pytest.fixture
def clock(monkeypatch) -> list[float]:
    """The time, which the test sets."""
    now = [100.0]
    monkeypatch.setattr(ahead.time, "monotonic", lambda: now[0])
    return now


def test_a_job_is_wanted_once_one_took_no_time_and_until_one_took_long():
    found = Ahead(possible=True)
    assert not found.is_wanted
    found.learn(0.01)
    assert found.is_wanted
    found.learn(1.0)
    assert not found.is_wanted


def test_none_is_wanted_where_the_next_one_is_not_known():
    found = Ahead(possible=False)
    found.learn(0.01)
    assert not found.is_wanted


def test_one_is_kept_until_it_is_taken(clock):
    found = Ahead(possible=True)
    found.learn(0.01)
    found.keep(READY)
    assert not found.is_wanted
    assert found.due is not None
    assert found.take_stale() is None
    assert found.take() is READY
    assert found.take() is None
    assert found.due is None
    assert found.is_wanted


def test_one_that_nobody_took_in_time_is_stale_and_no_other_is_wanted(clock):
    found = Ahead(possible=True)
    found.learn(0.01)
    found.keep(READY)
    clock[0] = found.due
    assert found.take_stale() is READY
    assert found.take_stale() is None
    assert not found.is_wanted
