"""rla tag."""

from __future__ import annotations


def test_tags_are_given_listed_and_taken_away(rla_command, record):
    run = record(seed=1)
    done = rla_command("tag", "last", "--add", "paper", "--add", "best")
    assert (done.code, done.out) == (0, f"{run.uid[:8]}  paper, best\n")
    assert rla_command("tag", run.uid).out == f"{run.uid[:8]}  paper, best\n"
    assert rla_command("tag", run.uid, "--remove", "best", "--json").json == [{"uid": run.uid, "tags": ["paper"]}]


def test_a_tag_selects_runs(rla_command, record):
    first, _ = record(seed=1), record(seed=2)
    rla_command("tag", first.uid, "--add", "paper")
    assert [row["uid"] for row in rla_command("ls", "--tag", "paper", "--json").json] == [first.uid]


def test_without_a_run_the_tagged_ones_are_listed(rla_command, record):
    first, _ = record(seed=1), record(seed=2)
    rla_command("tag", first.uid, "--add", "paper")
    assert rla_command("tag").lines == [f"{first.uid[:8]}  paper"]


def test_a_selection_is_tagged_and_every_run_only_with_all(rla_command, record):
    record(seed=1), record(seed=2)
    assert rla_command("tag", "--add", "x").code == 2
    assert len(rla_command("tag", "--where", "seed == 1", "--add", "x").lines) == 1
    assert len(rla_command("tag", "--all", "--add", "x").lines) == 2


def test_a_bad_tag_is_a_usage_error_and_an_unknown_run_is_not_found(rla_command, record):
    record(seed=1)
    assert rla_command("tag", "last", "--add", "").code == 2
    assert rla_command("tag", "nosuch", "--add", "x").code == 3


def test_a_run_that_cannot_be_tagged_is_told(rla_command, record):
    first, second = record(seed=1), record(seed=2)
    (first.log_dir / "notes.json").write_text("garbage")
    done = rla_command("tag", first.uid, second.uid, "--add", "x")
    assert (done.code, done.out) == (4, f"{second.uid[:8]}  x\n")
    assert f"failed: {first.uid}: " in done.err
    assert rla_command("tag", first.uid, "--add", "x").code == 1
