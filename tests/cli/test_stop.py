"""rla stop."""

from __future__ import annotations

from tests.manage.running_runs import running


def test_a_run_is_stopped_and_shown_as_killed(rla_command, data_root):
    with running(data_root) as (_, uid):
        done = rla_command("stop", "last")
        assert (done.code, done.out) == (0, f"stopped {uid[:8]}: killed\n")
    assert rla_command("show", uid, "--json").json["state"] == "killed"


def test_a_run_that_has_ended_is_refused(rla_command, record):
    record(seed=1)
    done = rla_command("stop", "last")
    assert (done.code, done.out) == (1, "")
    assert "it is finished" in done.err


def test_several_are_not_stopped_without_being_asked_for(rla_command, data_root, record):
    record(seed=3)
    with running(data_root, 1) as (first, one), running(data_root, 2) as (second, two):
        assert rla_command("stop", one, two).code == 2
        assert rla_command("stop").code == 2
        assert (first.poll(), second.poll()) == (None, None)
        done = rla_command("stop", "--where", "seed < 3", "--yes", "--json")
    assert (done.code, [(each["uid"], each["state"]) for each in done.json]) == (0, [(two, "killed"), (one, "killed")])


def test_when_some_are_refused_the_exit_code_says_so(rla_command, data_root, record):
    ended = record(seed=3)
    with running(data_root, 1) as (_, uid):
        done = rla_command("stop", uid, ended.uid, "--yes")
    assert (done.code, done.out) == (4, f"stopped {uid[:8]}: killed\n")


def test_a_selection_without_a_running_run_matches_nothing(rla_command, record):
    record(seed=1), record(seed=2)
    assert rla_command("stop", "--where", "seed == 1").code == 3


def test_one_that_does_not_end_in_time_is_told(rla_command, data_root):
    with running(data_root, manner="ignores") as (process, _):
        done = rla_command("stop", "last", "--timeout", "0.2")
        assert process.poll() is None
    assert (done.code, "still runs after 0.2 s" in done.err) == (1, True)
