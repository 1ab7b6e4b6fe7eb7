"""rla diff."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest

import rla


@pytest.fixture
def pair(data_root, tmp_path, monkeypatch):
    """Two runs that differ in a hyperparameter, a value and a line of code."""
    project = tmp_path / "project"
    project.mkdir()
    (project / "rla_config.yaml").write_text("BACKUP_CONFIG: {backup_code_dir: ['.']}\n")
    monkeypatch.chdir(project)
    monkeypatch.setenv("RLA_BACKUP_CODE", "1")
    uids = []
    for seed in (1, 2):
        (project / "agent.py").write_text(f"same = 0\nseed = {seed}  # \x1b[2J\tend\n")
        with rla.init("demo", {"seed": seed, "lr": 0.1}, track=["seed"], data_root=data_root) as run:
            rla.logger.record_tabular("reward", seed / 2)
            rla.logger.dump_tabular()
        uids.append(run.uid)
    return uids


def test_sections_hold_only_what_differs(rla_command, pair):
    lines = rla_command("diff", *pair).lines
    assert lines[0].startswith(f"- {pair[0]}")
    assert lines[1].startswith(f"+ {pair[1]}")
    assert lines[3:6] == ["hyperparameters", "- seed  1", "+ seed  2"]
    assert {"- reward  0.5", "+ reward  1.0", "--- a/agent.py", " same = 0"} <= set(lines)
    assert not any("lr" in line for line in lines)


def test_code_can_be_left_out(rla_command, pair):
    done = rla_command("diff", *pair, "--no-code")
    assert "agent.py" not in done.out
    assert rla_command("diff", *pair, "--no-code", "--json").json["code"] == []


def test_json_holds_both_sides(rla_command, pair):
    told = rla_command("diff", *pair, "--json").json
    assert told["runs"] == pair
    assert told["hyperparameters"] == {"seed": {"old": 1, "new": 2}}
    assert (told["code"][0]["path"], told["code"][0]["kind"]) == ("agent.py", "changed")


def test_in_a_pipe_the_code_is_exact(rla_command, pair):
    assert "+seed = 2  # \x1b[2J\tend" in rla_command("diff", *pair).out


def test_equal_runs_are_told_so(rla_command, pair):
    done = rla_command("diff", pair[0], pair[0])
    assert (done.code, done.err) == (0, "no differences\n")


def test_a_run_that_is_not_there_is_told(rla_command, pair):
    assert rla_command("diff", pair[0], "nosuch").code == 3
    assert rla_command("diff", pair[0]).code == 2


@pytest.mark.parametrize("colored", [True, False])
def test_a_terminal_has_colors_unless_no_color_and_nothing_that_moves_the_cursor(pair, data_root, colored):
    main, side = pty.openpty()
    environment = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
    subprocess.run(
        [sys.executable, "-m", "rla", "diff", *pair, "--data-root", str(data_root)],
        stdout=side,
        check=True,
        env=environment if colored else {**environment, "NO_COLOR": "1"},
    )
    os.close(side)
    text = os.read(main, 65536).decode()
    os.close(main)
    assert ("\x1b[31m- seed  1" in text) is colored
    assert ("\x1b" in text) is colored
    assert "seed = 2  # \\x1b[2J\tend" in text
