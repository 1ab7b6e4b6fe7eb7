"""Where time goes, measured and recorded."""

from __future__ import annotations

import os
import threading
import time

import pytest

import rla
from rla import logger
from rla.easy_log import time_used_recorder
from rla.easy_log.current import current
from rla.easy_log.time_used_recorder import (
    ProfileKV,
    TimeTracker,
    log_time_tracker,
    open_time_tracker,
    profile,
    time_record,
    time_record_end,
    time_tracker,
    time_used_wrap,
)
from rla.errors import NotConfiguredError
from tests.conftest import csv_rows
from tests.timing import wait_for


@pytest.fixture(autouse=True)
def _clean():
    time_used_recorder.reset()


@pytest.fixture
def run(data_root):
    with rla.init("t", {"seed": 1}, data_root=data_root, log_used=["csv", "log"]) as run:
        yield run


@pytest.fixture
def no_run(monkeypatch):
    """As before the first run."""
    monkeypatch.setattr(current, "_run", None)


@pytest.fixture
def clock(monkeypatch):
    """A clock that goes only when a test moves it."""
    now = [100.0]
    monkeypatch.setattr(time_used_recorder, "_clock", lambda: now[0])

    def pass_time(seconds: float) -> None:
        now[0] += seconds

    return pass_time


def test_a_block_counts_with_its_calls_time_and_share(clock):
    tracker = TimeTracker()
    for _ in range(2):
        with tracker("update"):
            clock(1.0)
    clock(2.0)
    assert tracker.get_info() == {"update": (2, 2.0, 1.0, 50.0)}


def test_blocks_of_other_names_nest(clock):
    tracker = TimeTracker()
    with tracker("outer"):
        clock(1.0)
        with tracker("inner"):
            clock(2.0)
    assert (tracker.statistic_entry("outer").seconds, tracker.statistic_entry("inner").seconds) == (3.0, 2.0)


def test_a_block_inside_one_of_its_own_name_counts_its_time_once(clock):
    tracker = TimeTracker()
    with tracker("f"):
        clock(1.0)
        with tracker("f"):
            clock(1.0)
    assert tracker.statistic_entry("f")[:2] == (2, 2.0)


def test_a_block_that_raises_counts_and_its_error_passes(clock):
    tracker = TimeTracker()

    def fail():
        with tracker("f"):
            clock(1.0)
            raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        fail()
    assert tracker.statistic_entry("f")[:2] == (1, 1.0)


def test_no_call_of_any_thread_is_lost():
    tracker = TimeTracker()

    def work():
        for _ in range(2000):
            with tracker("a"), tracker("b"):
                pass

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [tracker.statistic_entry(name).calls for name in "ab"] == [8000, 8000]


def test_clear_counts_from_then_on_and_of_an_open_block_only_the_rest(clock):
    tracker = TimeTracker()
    with tracker("done"):
        clock(1.0)
    with tracker("open"):
        clock(5.0)
        tracker.clear()
        assert tracker.get_info() == {}
        clock(1.0)
    assert tracker.get_info() == {"open": (1, 1.0, 1.0, 100.0)}


def test_a_name_of_any_type_is_taken():
    tracker = TimeTracker()
    with tracker(3), tracker(["x"]):
        pass
    assert set(tracker.get_info()) == {"3", "['x']"}


def test_an_unknown_name_took_no_time():
    assert TimeTracker().statistic_entry("never")[:3] == (0, 0.0, 0.0)


def test_the_tracker_records_four_values_a_name(run, clock):
    time_used_recorder.reset()
    with open_time_tracker("update"):
        clock(2.0)
    clock(2.0)
    log_time_tracker()
    logger.dump_tabular()
    row = csv_rows(run.paths.csv)[0]
    assert {key.removeprefix("time_used/"): value for key, value in row.items() if key.startswith("time_used/")} == {
        "total calls/update": "1",
        "total time cost/update": "2.0",
        "time cost per call/update": "2.0",
        "time cost percentage/update": "50.0",
    }


def test_the_tracker_can_be_kept_out_of_a_format(run):
    with time_tracker("update"):
        pass
    time_tracker.log(exclude_lst=["csv"])
    logger.record_tabular("k", 1)
    logger.dump_tabular()
    assert set(csv_rows(run.paths.csv)[0]) == {"k", "time-step", "timestamp"}


def test_recording_the_tracker_needs_a_run(no_run):
    with pytest.raises(NotConfiguredError):
        log_time_tracker()


def test_time_record_and_its_end_record_the_seconds_between(run, clock):
    time_record("eval")
    clock(3.0)
    assert time_record_end("eval") == 3.0
    assert logger.getkvs() == {"time_used/eval": 3.0}


def test_an_end_without_a_beginning_warns_and_records_nothing(run):
    with pytest.warns(rla.errors.RlaWarning, match="time_record_end"):
        warned_for()
    assert logger.getkvs() == {}


def warned_for() -> None:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        assert time_record_end("never") is None


def test_time_used_wrap_gives_the_result_and_records_the_seconds(run, clock):
    def work(a, *, name):
        clock(1.0)
        return a + name

    assert time_used_wrap("work", work, 1, name=2) == 3
    assert logger.getkvs() == {"time_used/work": 1.0}


def test_profile_adds_up_until_the_next_dump(run, clock):
    @profile("env")
    def step(seconds):
        """Make a step."""
        clock(seconds)
        return seconds

    assert [step(1.0), step(2.0)] == [1.0, 2.0]
    with ProfileKV("env"):
        clock(0.5)
    assert logger.dump_tabular()["wait_env"] == 3.5
    step(1.0)
    assert logger.dump_tabular()["wait_env"] == 1.0
    assert (step.__name__, step.__doc__) == ("step", "Make a step.")


def test_profile_survives_a_value_of_another_type_under_its_key(run, clock):
    logger.record_tabular("wait_env", "text")
    with ProfileKV("env"):
        clock(1.0)
    assert logger.getkvs()["wait_env"] == 1.0


def test_measuring_without_a_run_harms_nothing(no_run):
    with time_tracker("a"), ProfileKV("b"):
        time_record("c")
    assert time_record_end("c") is not None
    assert time_used_wrap("d", len, "xyz") == 3


def test_reset_forgets_what_an_earlier_run_began(clock):
    time_record("old")
    with time_tracker("old"):
        pass
    time_used_recorder.reset()
    assert time_tracker.get_info() == {}
    assert time_tracker.end("old") is None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_worker_measures_and_ends(run):
    with time_tracker("work"), ProfileKV("env"):
        child = os.fork()
        if child == 0:
            with time_tracker("work"), ProfileKV("env"):
                pass
            os._exit(0)
        done = wait_for(lambda: os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG))
    assert (done.si_code, done.si_status) == (os.CLD_EXITED, 0)


def test_a_block_costs_little():
    tracker = TimeTracker()

    def measured() -> float:
        began = time.thread_time()
        for _ in range(10_000):
            with tracker("x"):
                pass
        return (time.thread_time() - began) / 10_000

    assert min(measured() for _ in range(5)) < 10e-6  # 0.4 us on a quiet machine; the limit is for a busy one
