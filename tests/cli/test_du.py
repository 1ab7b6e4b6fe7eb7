"""rla du."""

from __future__ import annotations

import subprocess

import pytest

from rla.core.layout import RootPaths
from tests.manage.stored_runs import snapshot


def on_disk(*places) -> int:
    """What du counts, but for the directories above the runs."""
    done = subprocess.run(["du", "-s", "-B1", "-c", *places], capture_output=True, text=True, check=True)
    return int(done.stdout.splitlines()[-1].split()[0])


def sizes(done) -> dict[str, int]:
    return {line["key"]: line["bytes"] for line in done.json}


def test_by_task_the_largest_comes_first_and_a_total_last(rla_command, trained):
    trained("small")
    for seed in range(3):
        trained("large", seed=seed)
    done = rla_command("du")
    assert (done.code, done.err) == (0, "")
    assert [line.split()[-1] for line in done.lines] == ["TASK", "large", "small", "total"]
    assert [line.split()[2] for line in done.lines[1:3]] == ["3", "1"]


def test_by_run_each_is_what_du_says_of_its_directories(rla_command, trained, data_root):
    runs = [trained(seed=seed) for seed in range(2)]
    found = sizes(rla_command("du", "--by", "run", "--json"))
    for run in runs:
        assert found[run.uid] == on_disk(*data_root.glob(f"*/{run.paths.place}"))


def test_by_kind_archived_copies_and_the_trash_are_told_apart(rla_command, trained):
    kept, gone = trained(seed=1), trained(seed=2)
    rla_command("archive", kept.uid)
    rla_command("delete", gone.uid, "--yes")
    found = sizes(rla_command("du", "--by", "kind", "--json"))
    assert {"log", "checkpoint", "tmp_data", "arc/log", "arc/checkpoint", ".rla/trash"} <= found.keys()
    assert found[".rla/trash"] > found["checkpoint"] > 3000


def test_freeing_checkpoints_shows(rla_command, trained):
    runs = [trained(seed=seed) for seed in range(2)]
    rla_command("delete", runs[0].uid, "--kinds", "checkpoint", "--yes")
    lines = {line["key"]: line for line in rla_command("du", "--by", "kind", "--json").json}
    assert (lines["checkpoint"]["runs"], lines["tmp_data"]["runs"], lines["log"]["runs"]) == (1, 2, 2)


def test_it_changes_nothing(rla_command, trained, data_root):
    trained()
    before = snapshot(data_root, own=True)
    rla_command("du", "--by", "kind")
    assert snapshot(data_root, own=True).keys() - before.keys() <= {"rla.db-shm", "rla.db-wal"}


def test_without_runs_there_is_nothing_to_tell(rla_command, data_root):
    RootPaths(data_root).state_dir.mkdir(parents=True)
    done = rla_command("du")
    assert (done.code, done.out, done.err) == (3, "", "no runs\n")
    assert rla_command("du", "--json").json == []


@pytest.mark.parametrize("by", ["task", "run", "kind"])
def test_it_fits_eighty_columns(terminal, trained, by):
    trained("a task with a long name " * 4, text="x" * 90)
    done = terminal("du", "--by", by)
    assert done.code == 0
    assert max(map(len, done.lines)) <= 80


def test_another_word_than_these_three_is_a_wrong_command_line(rla_command, trained):
    assert rla_command("du", "--by", "size").code == 2
