"""rla export."""

from __future__ import annotations

import csv
import io
import os
import pty
import subprocess
import sys


def test_csv_goes_to_stdout_with_chosen_columns(rla_command, record):
    record(seed=1), record(seed=2)
    done = rla_command("export", "--columns", "seed,summary.reward", "--sort", "seed")
    assert (done.code, done.out) == (0, '"seed","summary.reward"\n1,10.0\n2,10.0\n')


def test_a_file_is_written_and_not_overwritten(rla_command, record, empty):
    run = record(seed=1)
    assert rla_command("export", "-o", "runs.csv").out == ""
    before = (empty / "runs.csv").read_text()
    assert next(csv.DictReader(io.StringIO(before)))["uid"] == run.uid
    done = rla_command("export", "--format", "json", "-o", "runs.csv")
    assert (done.code, "--force" in done.err) == (1, True)
    assert (empty / "runs.csv").read_text() == before
    assert rla_command("export", "--format", "latex", "-o", "runs.csv", "--force").code == 0
    assert "booktabs" in (empty / "runs.csv").read_text()


def test_json_has_two_names(rla_command, record):
    record(seed=1)
    assert rla_command("export", "--json").json == rla_command("export", "--format", "json").json


def test_an_unknown_column_is_a_usage_error(rla_command, record):
    record(seed=1)
    done = rla_command("export", "--columns", "sed")
    assert (done.code, "did you mean seed" in done.err) == (2, True)


def test_nothing_selected_is_nothing_written(rla_command, record, empty):
    record(seed=1)
    assert rla_command("export", "--task", "nosuch", "-o", "runs.csv").code == 3
    assert list(empty.iterdir()) == []


def test_in_a_pipe_every_text_is_exact_and_on_a_terminal_it_moves_no_cursor(rla_command, record, data_root):
    record(evil="\x1b[31mred")
    assert "\x1b[31mred" in rla_command("export", "--columns", "evil").out
    main, side = pty.openpty()
    subprocess.run([sys.executable, "-m", "rla", "export", "--data-root", str(data_root)], stdout=side, check=True)
    os.close(side)
    text = os.read(main, 65536).decode()
    os.close(main)
    assert "\x1b" not in text
    assert "\\x1b[31mred" in text
