"""rla migrate."""

from __future__ import annotations

import pytest

from rla_scripts.output import SOME_FAILED
from tests.manage.stored_runs import inconsistencies, snapshot


def tasks(rla_command) -> dict[str, str]:
    return {row["uid"]: row["task"] for row in rla_command("ls", "--json").json}


def test_runs_move_to_another_task_and_keep_their_uid(rla_command, trained, data_root):
    run, other = trained("demo_task", seed=1), trained("demo_task", seed=2)
    stamp = run.manifest.created[:16]
    glob = f"{stamp}*seed=1"
    done = rla_command("migrate", "--to", "demo_task_v2", "--glob", glob, "--yes")
    assert (done.code, done.err) == (0, "")
    assert "migrated 1 run to the task demo_task_v2, " in done.out
    assert tasks(rla_command) == {run.uid: "demo_task_v2", other.uid: "demo_task"}
    assert inconsistencies(data_root) == []


def test_runs_move_to_another_data_root(rla_command, command, trained, data_root, tmp_path):
    run, other = trained(seed=1), trained(seed=2)
    files = {path: text for path, text in snapshot(data_root).items() if run.name in path}
    done = rla_command("migrate", run.uid, "--to-root", tmp_path / "other", "--yes")
    assert (done.code, done.err) == (0, "")
    assert snapshot(tmp_path / "other") == files
    assert tasks(rla_command) == {other.uid: "demo"}
    assert command("path", run.uid, "--data-root", tmp_path / "other").code == 0


def test_a_dry_run_makes_no_data_root(rla_command, trained, data_root, tmp_path):
    run = trained(seed=1)
    before = snapshot(data_root)
    assert rla_command("migrate", run.uid, "--to-root", tmp_path / "other", "--dry-run").code == 0
    assert ((tmp_path / "other").exists(), snapshot(data_root)) == (False, before)


def test_it_must_be_told_where_to(rla_command, trained):
    run = trained()
    assert rla_command("migrate", run.uid, "--yes").code == 2
    assert rla_command("migrate", run.uid, "--to", " ", "--yes").code == 2


def test_its_own_data_root_is_no_target(rla_command, trained, data_root):
    run = trained()
    done = rla_command("migrate", run.uid, "--to-root", data_root, "--yes")
    assert (done.code, "the data root that the runs are in already" in done.err) == (2, True)


def test_every_run_at_once_needs_all(rla_command, trained):
    run = trained()
    assert rla_command("migrate", "--task", "demo", "--to", "other", "--yes").code == 2
    assert rla_command("migrate", "--task", "demo", "--to", "other", "--yes", "--all").code == 0
    assert tasks(rla_command) == {run.uid: "other"}


@pytest.mark.parametrize(("typed", "code"), [("n\n", 1), ("y\n", 0)])
def test_it_asks(terminal, rla_command, trained, typed, code):
    run = trained()
    done = terminal("migrate", run.uid, "--to", "Other", typed=typed)
    assert (done.code, "Migrate 1 run to the task Other? [y/N]: " in done.out) == (code, True)
    assert tasks(rla_command) == {run.uid: "demo" if code else "Other"}


def test_without_a_terminal_and_without_yes_it_refuses(process, rla_command, trained):
    run = trained()
    assert process("migrate", run.uid, "--to", "other").code == 2
    assert tasks(rla_command) == {run.uid: "demo"}


def test_a_run_that_goes_on_is_refused_and_does_not_stop_the_others(rla_command, trained, going):
    run = trained()
    assert rla_command("migrate", run.uid, going, "--to", "other", "--yes").code == SOME_FAILED
    assert tasks(rla_command) == {run.uid: "other", going: "demo"}


def test_a_task_s_name_cannot_move_the_cursor(rla_command, trained):
    run = trained()
    done = rla_command("migrate", run.uid, "--to", "t\x1b[2J\n", "--yes")
    assert done.code == 0
    assert all(char.isprintable() for line in (done.out + done.err).splitlines() for char in line)


def test_json_tells_the_plan_and_the_result(rla_command, trained, tmp_path):
    run = trained()
    done = rla_command("migrate", run.uid, "--to-root", tmp_path / "other", "--yes", "--json").json
    assert done["plan"]["options"] == {"task": None, "data_root": str(tmp_path / "other")}
    assert done["report"]["done"] == [run.uid]


def test_ctrl_c_while_copying_leaves_every_run_in_one_root(rla_command, trained, data_root, tmp_path, broken_off):
    runs = [trained(seed=seed) for seed in range(3)]
    files = snapshot(data_root)
    arguments = ["migrate", *(run.uid for run in runs), "--to-root", tmp_path / "other", "--yes"]
    assert broken_off(4, "once", *arguments).code == 130
    assert rla_command(*arguments).code in {0, 3}
    assert (snapshot(data_root), snapshot(tmp_path / "other")) == ({}, files)
