"""rla gc."""

from __future__ import annotations

import pytest

from rla.runs.query import query
from tests.manage.stored_runs import snapshot


@pytest.fixture
def deleted(rla_command, trained):
    """A run in the trash, and one that is not."""
    trained(seed=1)
    run = trained(seed=2)
    rla_command("delete", run.uid, "--yes")
    return run


def in_trash(data_root) -> list[str]:
    return [path for path in snapshot(data_root, own=True) if path.startswith(".rla/trash/")]


def test_what_was_deleted_lately_stays(rla_command, deleted, data_root):
    before = in_trash(data_root)
    done = rla_command("gc", "--yes")
    assert (done.code, done.lines[0]) == (0, "nothing in the trash is that old")
    assert in_trash(data_root) == before
    assert rla_command("restore").code == 0


def test_what_is_older_goes_for_good_and_the_other_runs_stay(rla_command, deleted, data_root):
    before = snapshot(data_root)
    done = rla_command("gc", "--older-than", "0d", "--yes")
    assert (done.code, done.err) == (0, "")
    assert done.lines[0].startswith("remove 1 run of 1 operation, ")
    assert done.lines[-1].startswith("emptied 1 operation, ")
    assert (in_trash(data_root), snapshot(data_root)) == ([], before)
    assert rla_command("restore").code == 3


def test_a_dry_run_removes_nothing(rla_command, deleted, data_root):
    before = in_trash(data_root)
    done = rla_command("gc", "--older-than", "0d", "--dry-run")
    assert (done.code, done.lines[0].split(",")[0]) == (0, "remove 1 run of 1 operation")
    assert in_trash(data_root) == before


@pytest.mark.parametrize(("typed", "code"), [("n\n", 1), ("y\n", 0)])
def test_it_asks(terminal, deleted, data_root, typed, code):
    done = terminal("gc", "--older-than", "0d", typed=typed)
    assert (done.code, "Remove 1 run for good? [y/N]: " in done.out) == (code, True)
    assert bool(in_trash(data_root)) == (typed == "n\n")


def test_without_a_terminal_and_without_yes_it_refuses(process, deleted, data_root):
    before = in_trash(data_root)
    done = process("gc", "--older-than", "0d")
    assert (done.code, "--yes" in done.err, in_trash(data_root)) == (2, True, before)


def test_with_nothing_to_remove_it_does_not_ask(process, trained):
    trained()
    assert process("gc").code == 0


@pytest.mark.parametrize("age", ["soon", "", "-3d", "3", "2999-01-01"])
def test_an_age_that_is_none_is_a_wrong_command_line(rla_command, deleted, data_root, age):
    before = in_trash(data_root)
    done = rla_command("gc", "--older-than", age, "--yes")
    assert (done.code, done.out, in_trash(data_root)) == (2, "", before)


def test_curves_empties_their_cache_and_without_it_the_cache_stays(rla_command, trained, data_root):
    trained()
    query(data_root).one().curve("reward")
    cache = data_root / ".rla/cache/curves"
    assert rla_command("gc").code == 0
    assert len(list(cache.iterdir())) == 2
    done = rla_command("gc", "--curves")
    assert (done.code, done.lines[-1].startswith("emptied 0 operations, ")) == (0, True)
    assert list(cache.iterdir()) == []


def test_json_tells_what_was_emptied(rla_command, deleted):
    done = rla_command("gc", "--older-than", "0s", "--yes", "--json").json
    assert done["report"]["done"] == [done["operations"][0]["id"]]
    assert done["report"]["bytes"] > 0
