"""rla delete, also rla-delete."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import rla
from rla_scripts.output import SOME_FAILED
from tests.manage.stored_runs import inconsistencies, snapshot
from tests.timing import HANGS

INSTALLED = Path(sys.executable).with_name("rla-delete")
SEVERAL_WAYS_TO_MEAN_EVERY_RUN = [
    (),
    ("--regex", ""),
    ("--glob", ""),
    ("--regex", "", "--where", "seed == 1"),
    ("--regex", ".*"),
    ("--glob", "*"),
    ("--task", "demo", "--regex", ".*"),
    ("--regex", "seed="),
    ("--glob", "2*/*/*/*"),
    ("--where", "time_step >= 0"),
    ("--since", "1d"),
    ("--small-timestep", "1000000"),
]


def uids(rla_command) -> set[str]:
    return {row["uid"] for row in rla_command("ls", "--json").json}


def rows(database, *uids: str) -> list[dict]:
    return [database().table.get(uid) for uid in uids]


# --- which runs


def test_the_runs_that_are_chosen_go_and_the_others_stay_as_they_are(rla_command, trained, data_root):
    kept, gone = trained(seed=1), trained(seed=2)
    before = {path: text for path, text in snapshot(data_root).items() if kept.name in path}
    done = rla_command("delete", "--regex", "seed=2(&|$)", "--yes")
    assert (done.code, done.err) == (0, "")
    assert "deleted 1 run," in done.out
    assert snapshot(data_root) == before
    assert (uids(rla_command), gone.log_dir.exists()) == ({kept.uid}, False)
    assert inconsistencies(data_root) == []


def test_the_example_of_a_task_and_an_expression_spares_what_goes_on(rla_command, trained, going):
    small, large = trained("debug", 50), trained("debug", 100)
    done = rla_command("delete", "--task", "debug", "--where", "time_step < 100 and state != 'running'", "--yes")
    assert done.code == 0
    assert uids(rla_command) == {large.uid, going}
    assert small.uid[:8] in done.out


def test_a_run_killed_at_step_100_000_is_not_chosen_by_a_small_time_step(rla_command, trained, killed):
    short = trained("debug", 50)
    late, early = killed(100_000, "debug"), killed(7, "debug")
    assert rla_command("delete", "--task", "debug", "--where", "time_step < 100", "--yes").code == 0
    assert uids(rla_command) == {late}
    assert rla_command("restore").code == 0
    assert rla_command("delete", "--small-timestep", "100", "--yes").code == 0
    assert uids(rla_command) == {late}
    assert {short.uid, early} & uids(rla_command) == set()


def test_a_small_timestep_never_chooses_a_run_for_lack_of_a_csv(rla_command, trained, data_root):
    with rla.init("demo", {"seed": 1}, track=["seed"], data_root=data_root) as silent:
        pass
    trained(step=5)
    silent.paths.csv.unlink(missing_ok=True)
    assert rla_command("delete", "--small-timestep", "1000", "--yes").code == 0
    assert uids(rla_command) == {silent.uid}


def test_a_small_timestep_never_chooses_a_run_that_goes_on(rla_command, trained, going):
    trained(step=50)
    trained(step=500)
    assert rla_command("delete", "--small-timestep", "50", "--yes").code == 0
    assert going in uids(rla_command)
    assert len(uids(rla_command)) == 2


def test_runs_are_named_by_uid_part_of_it_time_stamp_or_last(rla_command, trained):
    first, second, third, fourth = (trained(seed=seed) for seed in range(4))
    done = rla_command("delete", second.uid, third.uid[:12], fourth.manifest.created, "--yes")
    assert (done.code, uids(rla_command)) == (0, {first.uid})
    assert rla_command("delete", "last", "--yes").code == 0
    assert uids(rla_command) == set()


@pytest.mark.parametrize("options", SEVERAL_WAYS_TO_MEAN_EVERY_RUN, ids=" ".join)
def test_every_run_at_once_needs_all(rla_command, trained, data_root, options):
    trained(seed=1)
    trained(seed=1)
    before = snapshot(data_root)
    done = rla_command("delete", *options, "--yes")
    assert (done.code, done.out) == (2, "")
    assert "--all" in done.err
    assert snapshot(data_root) == before
    assert rla_command("delete", *options, "--yes", "--all").code == 0
    assert uids(rla_command) == set()


def test_the_only_run_may_be_named_without_all(rla_command, trained):
    run = trained()
    assert rla_command("delete", run.uid, "--yes").code == 0


def test_a_task_is_a_choice_as_long_as_there_is_another_one(rla_command, trained):
    trained("one")
    kept = trained("two")
    assert rla_command("delete", "--task", "one", "--yes").code == 0
    assert uids(rla_command) == {kept.uid}


@pytest.mark.parametrize("options", [("--task", "none"), ("--regex", "none"), ("--where", "seed == 9"), ("--task", "")])
def test_when_nothing_matches_nothing_is_done(rla_command, trained, data_root, options):
    trained(seed=1)
    before = snapshot(data_root)
    done = rla_command("delete", *options, "--yes")
    assert (done.code, done.out) == (3, "")
    assert done.err.startswith("rla: no run matches")
    assert snapshot(data_root) == before


@pytest.mark.parametrize(
    "options",
    [("--where", "lr <"), ("--where", ""), ("--regex", "("), ("--since", "soon"), ("--kinds", "log"), ("--kinds", "x")],
    ids=" ".join,
)
def test_what_cannot_be_read_is_a_wrong_command_line(rla_command, trained, options):
    trained(seed=1)
    done = rla_command("delete", *options, "--yes", "--all")
    assert (done.code, done.out) == (2, "")
    assert "Traceback" not in done.err


def test_a_pattern_that_may_be_meant_for_a_shell_is_told_with_both_counts(rla_command, trained):
    runs = [trained(seed=1), trained(seed=2), trained(seed=3)]
    stamp = runs[0].manifest.created
    rla_command("delete", runs[2].uid, "--yes")
    done = rla_command("delete", "--regex", f"{stamp[:11]}*seed=1", "--dry-run")
    assert done.code == 3
    assert re.search(r"selects 0 runs; .*shell pattern \(--glob\).* 1\n", done.err)


# --- preview, question, answer


def test_a_dry_run_shows_and_changes_nothing(rla_command, trained, data_root):
    runs = [trained(seed=seed) for seed in range(3)]
    before = snapshot(data_root)
    done = rla_command("delete", "--where", "seed > 0", "--dry-run")
    assert (done.code, done.err) == (0, "")
    assert done.lines[0].startswith("delete 2 runs, ")
    assert done.lines[1].startswith("newest 20")
    assert [line.split()[0] for line in done.lines[3:]] == [run.uid[:8] for run in reversed(runs[1:])]
    assert snapshot(data_root) == before


def test_the_preview_ends_after_twenty_runs(rla_command, trained):
    for seed in range(23):
        trained(seed=seed)
    done = rla_command("delete", "--where", "seed > 0", "--dry-run")
    assert done.lines[-1] == "... and 2 more"
    assert len(done.lines) == 3 + 20 + 1


@pytest.mark.parametrize(("typed", "code"), [("y\n", 0), ("n\n", 1), ("\n", 1), ("\x04", 130), ("\x03", 130)])
def test_on_a_terminal_it_asks_and_only_yes_is_yes(terminal, rla_command, trained, typed, code):
    trained(seed=1)
    trained(seed=2)
    done = terminal("delete", "--where", "seed == 1", typed=typed)
    assert done.code == code
    assert code == 130 or "Delete 1 run? [y/N]: " in done.out
    assert len(uids(rla_command)) == (1 if code == 0 else 2)


def test_a_preview_fits_eighty_columns(terminal, trained):
    trained("a task with a long name " * 3, text="x" * 90, seed=1)
    trained(seed=2)
    done = terminal("delete", "--where", "seed == 1", typed="n\n")
    assert max(map(len, done.lines)) <= 80


def test_without_a_terminal_and_without_yes_it_refuses(process, rla_command, trained):
    trained(seed=1)
    trained(seed=2)
    done = process("delete", "--where", "seed == 1")
    assert done.code == 2
    assert "--yes" in done.err
    assert len(uids(rla_command)) == 2


def test_names_cannot_move_the_cursor(rla_command, trained):
    trained("t\x1b[31m", key="\x1b[2J\x07")
    trained(seed=2)
    for more in ("--dry-run", "--yes"):
        done = rla_command("delete", "--task", "t\x1b[31m", more)
        assert done.code == 0
        assert all(char.isprintable() for line in (done.out + done.err).splitlines() for char in line)


def test_json_is_one_document_of_the_plan_and_of_what_became_of_it(rla_command, trained):
    trained(seed=1)
    run = trained(seed=2)
    plan = rla_command("delete", run.uid, "--dry-run", "--json").json
    assert (plan["report"], plan["plan"]["runs"][0]["uid"], plan["plan"]["refused"]) == (None, run.uid, [])
    done = rla_command("delete", run.uid, "--yes", "--json").json
    assert done["plan"] == plan["plan"]
    assert (done["report"]["done"], done["report"]["failed"]) == ([run.uid], [])
    assert done["report"]["operation"] in rla_command("restore", "--list").out


# --- what it does


def test_deleted_and_restored_is_byte_for_byte_what_it_was_with_the_same_row(rla_command, trained, data_root, database):
    runs = [trained(seed=seed) for seed in range(2)]
    files, before = snapshot(data_root), rows(database, *(run.uid for run in runs))
    assert rla_command("delete", "--all", "--yes").code == 0
    assert snapshot(data_root) == {}
    assert rla_command("restore").code == 0
    assert (snapshot(data_root), rows(database, *(run.uid for run in runs))) == (files, before)


def test_freed_kinds_go_and_the_run_stays(rla_command, trained, data_root, database):
    kept, run = trained(seed=1), trained(seed=2)
    files, row = snapshot(data_root), rows(database, run.uid)
    done = rla_command("delete", run.uid, "--kinds", "checkpoint,tmp_data", "--yes")
    assert (done.code, rows(database, run.uid)) == (0, row)
    assert "delete 1 run (only checkpoint, tmp_data)" in done.out
    gone = files.keys() - snapshot(data_root).keys()
    assert {path.partition("/")[0] for path in gone} == {"checkpoint", "tmp_data"}
    assert all(run.name in path and kept.name not in path for path in gone)
    assert rla_command("restore").code == 0
    assert snapshot(data_root) == files


def test_a_run_that_goes_on_is_refused_and_does_not_stop_the_others(rla_command, trained, going):
    trained(seed=1)
    done = rla_command("delete", "--where", "seed >= 0", "--all", "--yes")
    assert done.code == SOME_FAILED
    assert re.search(rf"left alone: 1 run\n{going[:8]} +it is being recorded: its lock is held", done.out)
    assert uids(rla_command) == {going}
    assert rla_command("delete", going, "--yes", "--force").code == SOME_FAILED
    assert uids(rla_command) == {going}


def test_an_archived_copy_stays_until_it_is_asked_for(rla_command, trained, data_root):
    run = trained(seed=1)
    assert rla_command("archive", run.uid).code == 0
    assert rla_command("delete", run.uid, "--yes").code == 0
    assert {path.partition("/")[0] for path in snapshot(data_root)} == {"arc"}
    assert rla_command("show", run.uid).code == 0
    assert rla_command("delete", run.uid, "--yes").code == 3
    assert rla_command("delete", run.uid, "--archived", "--yes").code == 0
    assert snapshot(data_root) == {}


def test_the_same_runs_deleted_twice_at_once_are_deleted_once(trained, data_root, rla_command, empty):
    runs = [trained(seed=seed) for seed in range(6)]
    command = [sys.executable, "-m", "rla", "delete", *(run.uid for run in runs), "--yes", "--data-root", data_root]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    both = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) for _ in range(2)]
    told = [process.communicate(timeout=HANGS)[1] for process in both]
    assert "Traceback" not in "".join(told)
    codes = {process.returncode for process in both}
    assert 0 in codes
    assert codes <= {0, 3, 4}, told  # 4: one run was on its way to the trash when it was looked at, and left alone
    assert (uids(rla_command), inconsistencies(data_root)) == (set(), [])


# --- what can happen


def test_ctrl_c_tells_what_was_done_and_the_next_command_finishes_it(rla_command, trained, data_root, broken_off):
    runs = [trained(seed=seed) for seed in range(3)]
    kept = trained(seed=9)
    done = broken_off(6, "once", "delete", *(run.uid for run in runs), "--yes")
    assert done.code == 130
    assert re.search(r"interrupted at \d of 3 runs: delete 3 runs was begun; the next command .* finishes", done.err)
    told = rla_command("restore", "--list")
    assert told.code == 3
    assert "was broken off" in told.err
    assert "a delete that was broken off is finished: 3 of 3 runs" in rla_command("restore").err
    assert uids(rla_command) == {kept.uid, *(run.uid for run in runs)}
    assert inconsistencies(data_root) == []


@pytest.mark.parametrize("at", [1, 4, 8])
def test_a_hail_of_ctrl_c_loses_nothing(rla_command, trained, data_root, broken_off, at):
    runs = [trained(seed=seed) for seed in range(3)]
    files = snapshot(data_root)
    done = broken_off(at, "twice", "delete", *(run.uid for run in runs), "--yes")
    assert done.code in {130, -2}
    assert rla_command("restore").code in {0, 3}
    assert (snapshot(data_root), inconsistencies(data_root)) == (files, [])


def test_what_a_kill_broke_off_is_finished_and_told_by_the_next_command(rla_command, trained, data_root, broken_off):
    runs = [trained(seed=seed) for seed in range(3)]
    kept = trained(seed=9)
    assert broken_off(3, "kill", "delete", *(run.uid for run in runs), "--yes").code == -9
    assert "was broken off" in rla_command("delete", kept.uid, "--dry-run").err
    done = rla_command("archive", kept.uid)
    assert (done.code, done.err) == (0, "a delete that was broken off is finished: 3 of 3 runs\n")
    assert (uids(rla_command), inconsistencies(data_root)) == ({kept.uid}, [])


def test_on_a_full_disk_runs_are_deleted_and_restored(command, trained, small_disk):
    for seed in range(4):
        with rla.init("demo", {"seed": seed}, track=["seed"], data_root=small_disk):
            rla.logger.record_tabular("reward", 1.0)
            rla.logger.dump_tabular()
    assert command("archive", "--where", "seed == 3", "--data-root", small_disk).code == 0  # takes the reserve
    files = snapshot(small_disk)
    fill(small_disk / "filler")
    done = command("delete", "--where", "seed < 2", "--yes", "--data-root", small_disk)
    assert (done.code, done.err) == (0, "")
    assert command("restore", "--data-root", small_disk).code == 0
    (small_disk / "filler").unlink()
    assert snapshot(small_disk) == files
    assert inconsistencies(small_disk) == []


def fill(file: Path) -> None:
    with file.open("wb", buffering=0) as opened:
        for size in (2**16, 2**10, 1):
            try:
                while opened.write(b"x" * size) == size:
                    pass
            except OSError:
                continue


@pytest.fixture
def small_disk(tmp_path):
    """A data root to be, on a file system of 40 MiB in memory."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=40m", "rla-test", str(place)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"mounting is refused: {done.stderr.strip()}")
    yield place / "root"
    subprocess.run(["umount", "-l", str(place)], check=True)


# --- the installed command


@pytest.mark.skipif(not INSTALLED.exists(), reason="the package is not installed here")
def test_rla_delete_is_the_same_command(trained, data_root, empty, rla_command):
    kept = trained("debug", 100)
    trained("debug", 99)
    options = ["--task", "debug", "--where", "time_step < 100 and state != 'running'", "--data-root", data_root]
    refused = subprocess.run(
        [INSTALLED, *options], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )
    assert (refused.returncode, "--yes" in refused.stderr) == (2, True)
    done = subprocess.run([INSTALLED, *options, "--yes"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr, "deleted 1 run," in done.stdout) == (0, "", True)
    assert uids(rla_command) == {kept.uid}


@pytest.mark.parametrize("name", ["rla-delete", "rla-archive"])
def test_the_seeds_names_explain_themselves(name):
    script = Path(sys.executable).with_name(name)
    if not script.exists():
        pytest.skip("the package is not installed here")
    done = subprocess.run([script, "-h"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"Usage: rla {name.removeprefix('rla-')} [OPTIONS] [RUN]...")
