"""rla restore."""

from __future__ import annotations

from tests.manage.stored_runs import inconsistencies, snapshot


def operation(rla_command) -> str:
    return rla_command("restore", "--list").lines[1].split()[0]


def test_without_anything_to_undo_it_says_so(rla_command, trained):
    trained()
    for options in ((), ("--list",)):
        done = rla_command("restore", *options)
        assert (done.code, done.out) == (3, "")
        assert "the trash is empty" in done.err


def test_the_last_operation_comes_back_by_default_and_the_one_before_by_name(rla_command, trained, data_root):
    runs = [trained(seed=seed) for seed in range(3)]
    files = snapshot(data_root)
    rla_command("delete", runs[0].uid, "--yes")
    first = operation(rla_command)
    rla_command("delete", runs[1].uid, "--yes")
    assert rla_command("restore").code == 0
    assert (runs[0].log_dir.exists(), runs[1].log_dir.exists()) == (False, True)
    done = rla_command("restore", first)
    assert (done.code, done.lines[0].split(",")[0]) == (0, "restored 1 run")
    assert snapshot(data_root) == files


def test_restoring_twice_changes_nothing(rla_command, trained, data_root):
    run = trained()
    rla_command("delete", run.uid, "--yes")
    rla_command("restore")
    files = snapshot(data_root)
    done = rla_command("restore")
    assert (done.code, done.out, snapshot(data_root)) == (3, "", files)


def test_one_run_of_an_operation_comes_back_by_its_uid(rla_command, trained, data_root):
    runs = [trained(seed=seed) for seed in range(2)]
    rla_command("delete", "--all", "--yes")
    assert rla_command("restore", "--run", runs[1].uid).code == 0
    assert [row["uid"] for row in rla_command("ls", "--json").json] == [runs[1].uid]
    assert rla_command("restore", "--run", "0123456789abcdef").code == 3
    assert rla_command("restore", "--run", runs[0].uid).code == 0
    assert inconsistencies(data_root) == []


def test_the_list_has_the_newest_first_and_fits_eighty_columns(terminal, rla_command, trained):
    runs = [trained(seed=seed) for seed in range(3)]
    rla_command("delete", runs[0].uid, runs[1].uid, "--yes")
    rla_command("migrate", runs[2].uid, "--to", "other", "--yes")
    done = terminal("restore", "--list")
    assert done.code == 0
    assert [line.split()[1] for line in done.lines] == ["WHAT", "migrate", "delete"]
    assert [line.split()[4] for line in done.lines[1:]] == ["1", "2"]
    assert max(map(len, done.lines)) <= 80
    assert [each["action"] for each in rla_command("restore", "--list", "--json").json] == ["migrate", "delete"]


def test_a_migration_is_undone(rla_command, trained, data_root):
    run = trained(seed=1)
    trained("other", seed=2)
    files = snapshot(data_root)
    rla_command("migrate", run.uid, "--to", "other", "--yes")
    assert rla_command("restore").code == 0
    assert snapshot(data_root) == files


def test_an_operation_that_the_trash_does_not_know_is_an_error(rla_command, trained):
    trained()
    done = rla_command("restore", "20260101-000000-000000-0000")
    assert (done.code, done.out, len(done.err.splitlines())) == (1, "", 1)


def test_json_is_the_report(rla_command, trained):
    run = trained()
    rla_command("delete", run.uid, "--yes")
    assert rla_command("restore", "--json").json["report"]["done"] == [run.uid]


def test_ctrl_c_tells_that_it_is_finished_later(rla_command, trained, data_root, broken_off):
    runs = [trained(seed=seed) for seed in range(3)]
    files = snapshot(data_root)
    rla_command("delete", *(run.uid for run in runs), "--all", "--yes")
    done = broken_off(5, "once", "restore")
    assert (done.code, "restore 3 runs was begun" in done.err) == (130, True)
    assert rla_command("restore").code in {0, 3}
    assert (snapshot(data_root), inconsistencies(data_root)) == (files, [])
