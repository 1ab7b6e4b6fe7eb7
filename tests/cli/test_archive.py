"""rla archive, also rla-archive."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from rla_scripts.output import SOME_FAILED
from tests.manage.stored_runs import inconsistencies, snapshot

INSTALLED = Path(sys.executable).with_name("rla-archive")


def archived(data_root) -> dict[str, str]:
    return {path.removeprefix("arc/"): text for path, text in snapshot(data_root).items() if path.startswith("arc/")}


def test_the_example_of_a_month_and_a_seed_copies_those_runs_whole(rla_command, trained, data_root):
    run, *others = trained("demo_task", seed=8), trained("demo_task", seed=80), trained("demo_task", seed=18)
    trained("other_task", seed=8)
    files = {path: text for path, text in snapshot(data_root).items() if run.name in path}
    month = run.manifest.created[:7]
    done = rla_command("archive", "--task", "demo_task", "--regex", f"{month}/.*[&]seed=8(&|$)")
    assert (done.code, done.err) == (0, "")
    assert "archived 1 run, " in done.out
    assert archived(data_root) == files
    assert all(other.log_dir.exists() for other in (run, *others))
    assert inconsistencies(data_root) == []


def test_archiving_twice_does_nothing(rla_command, trained, data_root):
    run = trained(seed=1)
    rla_command("archive", run.uid)
    before = snapshot(data_root)
    done = rla_command("archive", run.uid)
    assert (done.code, done.err, done.lines[-1]) == (0, "", "archived already: 1 run")
    assert snapshot(data_root) == before


def test_it_does_not_ask_unless_all_runs_are_meant(terminal, process, rla_command, trained, data_root):
    trained(seed=1)
    trained(seed=2)
    assert process("archive", "--where", "seed == 1").code == 0
    assert process("archive", "--all").code == 2
    assert terminal("archive", "--all", typed="n\n").code == 1
    assert len({path.split("/")[-1] for path in archived(data_root) if path.endswith("run.json")}) == 1
    assert terminal("archive", "--all", typed="y\n").code == 0


@pytest.mark.parametrize("options", [(), ("--regex", ""), ("--regex", "seed"), ("--task", "demo")], ids=" ".join)
def test_every_run_at_once_needs_all(rla_command, trained, data_root, options):
    trained(seed=1)
    done = rla_command("archive", *options, "--yes")
    assert (done.code, "--all" in done.err, archived(data_root)) == (2, True, {})
    assert rla_command("archive", *options, "--yes", "--all").code == 0


def test_when_nothing_matches_nothing_is_done(rla_command, trained, data_root):
    trained(seed=1)
    assert rla_command("archive", "--where", "seed == 2").code == 3
    assert archived(data_root) == {}


def test_a_dry_run_copies_nothing(rla_command, trained, data_root):
    run = trained(seed=1)
    done = rla_command("archive", run.uid, "--dry-run")
    assert (done.code, done.lines[0].split(",")[0], archived(data_root)) == (0, "archive 1 run", {})


def test_a_run_that_goes_on_is_refused_and_does_not_stop_the_others(rla_command, trained, going, data_root):
    run = trained(seed=1)
    done = rla_command("archive", run.uid, going)
    assert (done.code, "its lock is held" in done.out) == (SOME_FAILED, True)
    assert {path for path in archived(data_root) if path.endswith("run.json")} == {f"log/{run.paths.place}/run.json"}


def test_an_archived_run_is_found_and_shown_after_its_original_is_gone(rla_command, trained):
    run = trained(seed=1)
    rla_command("archive", run.uid)
    rla_command("delete", run.uid, "--yes")
    assert rla_command("ls").code == 3
    assert [row["uid"] for row in rla_command("ls", "--archived", "--json").json] == [run.uid]
    assert "/arc/log/" in rla_command("path", run.uid).out


def test_json_tells_the_plan_and_the_result(rla_command, trained):
    run = trained(seed=1)
    done = rla_command("archive", run.uid, "--json").json
    assert (done["plan"]["action"], done["report"]["done"]) == ("archive", [run.uid])
    again = rla_command("archive", run.uid, "--json").json
    assert ([each["uid"] for each in again["plan"]["refused"]], again["report"]) == ([run.uid], None)


@pytest.mark.parametrize("how", ["once", "twice"])
def test_ctrl_c_leaves_whole_copies_or_none(rla_command, trained, data_root, broken_off, how):
    runs = [trained(seed=seed) for seed in range(3)]
    files = snapshot(data_root)
    done = broken_off(4, how, "archive", *(run.uid for run in runs))
    assert done.code == 130
    assert how == "twice" or re.search(r"interrupted.*archive", done.err)
    assert rla_command("archive", *(run.uid for run in runs)).code == 0
    assert archived(data_root) == files
    assert inconsistencies(data_root) == []


@pytest.mark.skipif(not INSTALLED.exists(), reason="the package is not installed here")
def test_rla_archive_is_the_same_command(trained, data_root, empty):
    run = trained("demo_task", seed=8)
    trained("demo_task", seed=9)
    command = [INSTALLED, "--task", "demo_task", "--regex", "seed=8(&|$)", "--data-root", data_root]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    assert (done.returncode, done.stderr, "archived 1 run," in done.stdout) == (0, "", True)
    assert (data_root / "arc" / "log" / run.paths.place / "run.json").exists()
