"""What is shown while something takes long."""

from __future__ import annotations

import pytest

AT_ONCE = "from rla_scripts import progress; progress.PATIENCE = 0"


@pytest.mark.parametrize("arguments", [("archive",), ("delete", "--yes"), ("migrate", "--to", "other", "--yes")])
def test_on_a_terminal_a_long_operation_draws_a_bar(terminal, rla_command, trained, arguments):
    runs = [trained(seed=seed) for seed in range(2)]
    done = terminal(*arguments, *(run.uid for run in runs), first=AT_ONCE)
    assert done.code == 0
    assert "━" in done.out


def test_a_short_operation_draws_none(terminal, trained):
    run = trained()
    done = terminal("archive", run.uid)
    assert (done.code, "━" in done.out, "\x1b" in done.out) == (0, False, False)


def test_what_is_piped_has_no_bar(process, trained, monkeypatch):
    run = trained()
    monkeypatch.setattr("rla_scripts.progress.PATIENCE", 0)
    done = process("archive", run.uid)
    assert (done.code, "\x1b" in done.out + done.err, done.err) == (0, False, "")


def test_no_color_is_honoured(terminal, trained, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    done = terminal("archive", trained().uid, first=AT_ONCE)
    assert (done.code, "\x1b[3" in done.out) == (0, False)
