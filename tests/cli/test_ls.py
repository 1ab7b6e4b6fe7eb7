"""rla ls."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import time

import pytest

import rla
from rla.core.layout import RootPaths
from tests.indexes import open_database
from tests.timing import HANGS


def test_the_newest_run_comes_first_with_what_one_looks_for(rla_command, record):
    first, second = record(seed=1), record(seed=2)
    header, *rows = rla_command("ls").lines
    assert header.split("  ")[0] == "RUN"
    assert [row.split()[0] for row in rows] == [second.uid[:8], first.uid[:8]]
    assert ("finished" in rows[0], "demo" in rows[0], "seed=2" in rows[0], "reward=10" in rows[0]) == (True,) * 4
    assert " 20 " in rows[0]


def test_a_task_and_a_limit_choose_among_them(rla_command, record):
    for task in ("one", "two", "two"):
        record(task)
    assert len(rla_command("ls", "--task", "two").lines) == 3
    assert len(rla_command("ls", "--limit", "1").lines) == 2


def test_json_is_one_document_with_every_column(rla_command, record):
    run = record(seed=1, odd=float("nan"), big=2**80)
    (row,) = rla_command("ls", "--json").json
    assert (row["uid"], row["state"], row["time_step"], row["exit_code"]) == (run.uid, "finished", 20, 0)
    assert row["summary"] == {"reward": 10.0}
    assert row["places"] == [
        {"uid": run.uid, "root_id": row["places"][0]["root_id"], "path": run.paths.place} | {"archived": False}
    ]
    assert row["log_dir"] == str(run.log_dir)


def test_no_run_is_told_on_stderr_and_is_an_empty_list_as_json(rla_command, data_root):
    RootPaths(data_root).state_dir.mkdir(parents=True)
    done = rla_command("ls")
    assert (done.out, done.err) == ("", "no runs\n")
    assert rla_command("ls", "--json").json == []


def test_nothing_that_was_recorded_moves_the_cursor(rla_command, data_root):
    with rla.init("t\x1b[31m", {"k": "\x1b[2J\x07\nline\u202e"}, track=["k"], data_root=data_root):
        rla.logger.record_tabular("a\x1b[0m", "\x1b[1m\n")
        rla.logger.dump_tabular()
    done = rla_command("ls")
    assert len(done.lines) == 2
    assert all(char.isprintable() for line in done.lines for char in line)
    assert json.loads(rla_command("ls", "--json").out)[0]["task"] == "t\x1b[31m"


def test_a_run_that_was_killed_is_lost(rla_command, script, data_root):
    script(
        """
        import os, sys, rla
        rla.init("t", data_root=sys.argv[1])
        rla.logger.record_tabular("k", 1); rla.logger.dump_tabular()
        os.kill(os.getpid(), 9)
        """,
        str(data_root),
        check=False,
    )
    assert rla_command("ls").lines[1].split()[1] == "lost"


@pytest.mark.parametrize("columns", ["20", "1", "200"])
def test_a_line_ends_where_the_terminal_does(record, data_root, columns):
    record(seed=1, text="x" * 60)
    main, side = pty.openpty()
    subprocess.run(
        [sys.executable, "-m", "rla", "ls", "--data-root", str(data_root)],
        stdout=side,
        check=True,
        env={**os.environ, "COLUMNS": columns},
    )
    os.close(side)
    lines = os.read(main, 65536).decode().splitlines()
    os.close(main)
    assert len(lines) == 2
    assert max(map(len, lines)) <= int(columns)


def test_ten_thousand_runs_are_listed_without_reading_a_file_of_them(rla_command, record, data_root):
    from rla.core.manifest import Notes, State
    from rla.store.run_row import Place, row_of

    run = record(seed=1)
    database = open_database(data_root)
    row = row_of(run.manifest, State(state="finished", heartbeat=1.0), Notes())
    items = [
        ({**row, "uid": f"{n:016x}", "seq": n + 1}, Place(f"{n:016x}", database.root_id, f"p/{n}"))
        for n in range(10_000)
    ]
    database.table.upsert_many(items)
    assert len(rla_command("ls", "--limit", "20000").lines) == 10_002


# --- selecting


@pytest.fixture
def uids(rla_command):
    """The runs that a selection lists, by their first eight digits, in order."""

    def run(*arguments: object) -> list[str]:
        done = rla_command("ls", *arguments)
        assert done.err == ""
        return [line.split()[0] for line in done.lines[1:]]

    return run


def test_runs_are_selected_by_every_option(uids, record, data_root):
    first, second = record(seed=1, lr=0.1), record(seed=18, lr=0.2)
    day = second.manifest.created[:10]
    one, two = first.uid[:8], second.uid[:8]
    assert uids("--where", "lr <= 0.1 and summary.reward == 10") == [one]
    assert uids("--regex", "seed=1(&|$)") == [one]
    assert uids("--glob", f"{day}/*seed=18") == [two]
    assert uids("--since", "1h") == uids("--until", day) == [two, one]
    assert uids(second.uid[:10]) == uids("last") == [two]
    assert uids("last", first.uid) == [two, one]
    open_database(data_root).table.update(first.uid, tags=["paper"], batch="b")
    assert uids("--tag", "paper") == uids("--batch", "b") == [one]


def test_runs_are_sorted_by_any_name(uids, record):
    runs = [record(lr=lr).uid[:8] for lr in (0.2, 0.1, 0.3)]
    assert uids("--sort", "lr") == [runs[1], runs[0], runs[2]]
    assert uids("--sort", "-lr", "--limit", 1) == [runs[2]]
    assert uids("--sort", "-summary.reward.last") == runs[::-1]
    assert uids("--sort", "created") == runs


def test_the_value_that_runs_are_sorted_by_is_shown(rla_command, data_root):
    with rla.init("t", data_root=data_root):
        rla.logger.logkvs({f"key{n}": n for n in range(9)})
        rla.logger.dump_tabular()
    assert "key0=" in rla_command("ls").lines[1]
    assert "key7=7" in rla_command("ls", "--sort", "-summary.key7").lines[1]


@pytest.mark.parametrize("arguments", [("--where", "seed == 99"), ("--task", "none"), ("--tag", "none"), ("nosuch",)])
def test_when_nothing_matches_the_exit_code_is_3(rla_command, record, arguments):
    record(seed=1)
    done = rla_command("ls", *arguments)
    assert (done.code, done.out) == (3, "")
    assert len(done.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "marked"),
    [
        (("--where", "seed = 1"), "= 1"),
        (("--where", "sed == 1"), "sed == 1"),
        (("--sort", "-sed"), "sed"),
        (("--regex", "seed=(1"), ""),
        (("--regex", "[z-a]"), "]"),
        (("--since", "soon"), None),
        (("--where", "batch == 64"), "64"),
    ],
)
def test_a_selection_that_cannot_be_read_is_a_usage_error_with_a_caret(rla_command, record, arguments, marked):
    record(seed=1)
    done = rla_command("ls", *arguments)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("rla: ")
    if marked is not None:
        _, text, caret = done.err.splitlines()
        assert text[caret.index("^") :].startswith(marked)


def test_an_error_repeats_no_control_character_of_a_stored_key(rla_command, data_root):
    with rla.init("t", {"\x1b[2Jx": 1}, data_root=data_root):
        pass
    done = rla_command("ls", "--where", "hp['\\x1b[2Jy'] == 1")
    assert done.code == 2
    assert "\x1b" not in done.err


def test_a_regular_expression_that_reads_as_a_shell_pattern_is_pointed_out(rla_command, record):
    runs = [record(seed=seed) for seed in (1, 2)]
    year = runs[0].manifest.created[:4]
    done = rla_command("ls", "--regex", f"{year}/*/*/*seed=1")
    note = "this regular expression selects 0 runs; read as a shell pattern (--glob), it would select 1"
    assert done.err.splitlines()[0] == f"note: {note}"
    assert rla_command("ls", "--regex", "seed=1$").err == ""


def test_a_pattern_without_end_is_refused_in_time(rla_command, record):
    record(text="x" * 5000)
    before = time.monotonic()
    done = rla_command("ls", "--regex", "(x+x+)+[!@]")
    assert done.code == 2
    assert "takes longer than 2 s" in done.err
    assert time.monotonic() - before < HANGS  # else it takes for ever


def test_json_has_the_selected_runs_in_order(rla_command, record):
    runs = [record(lr=lr).uid for lr in (0.2, 0.1)]
    assert [row["uid"] for row in rla_command("ls", "--json", "--sort", "lr").json] == runs[::-1]
    done = rla_command("ls", "--json", "--where", "lr > 1")
    assert (done.code, done.json) == (3, [])


def test_a_run_whose_files_cannot_be_read_is_marked(rla_command, record):
    whole, broken = record(seed=1), record(seed=2)
    broken.paths.state.write_text("{")
    rla_command("reindex")
    shown = {line.split()[0]: line.split()[1] for line in rla_command("ls").lines[1:]}
    assert shown == {whole.uid[:8]: "finished", broken.uid[:8]: "damaged"}


def test_a_run_of_another_root_is_shown_with_its_machine_and_path(command, record, data_root, tmp_path, monkeypatch):
    monkeypatch.setenv("RLA_INDEX_URL", f"sqlite:///{tmp_path / 'team.db'}")
    monkeypatch.setenv("COLUMNS", "400")
    record(seed=1)
    other = tmp_path / "other"
    there = rla.init("demo", {"seed": 2}, track=["seed"], data_root=other)
    there.close()
    open_database(other, f"sqlite:///{tmp_path / 'team.db'}")
    lines = command("ls", "--data-root", data_root).lines
    assert "PLACE" in lines[0]
    assert [f":{there.paths.log.parents[5]}/{there.paths.place}" in line for line in lines[1:]] == [True, False]
