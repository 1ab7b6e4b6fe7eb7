"""rla ls."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys

import pytest

import rla
from rla.core.layout import RootPaths


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
    from rla.runs.database import open_database
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
