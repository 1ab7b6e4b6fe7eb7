"""rla note."""

from __future__ import annotations

import io


def test_a_note_is_written_printed_and_removed(rla_command, record):
    run = record(seed=1)
    assert rla_command("note", "last").out == ""
    assert (rla_command("note", "last", "diverges late").code, rla_command("note", run.uid).out) == (
        0,
        "diverges late\n",
    )
    rla_command("note", "last", "")
    assert rla_command("note", "last").out == ""


def test_a_note_is_read_from_stdin(rla_command, record, monkeypatch):
    record(seed=1)
    monkeypatch.setattr("sys.stdin", io.StringIO("one\ntwo\n"))
    rla_command("note", "last", "-")
    assert rla_command("note", "last").lines == ["one", "two"]


def test_a_note_is_json_and_moves_no_cursor(rla_command, record):
    run = record(seed=1)
    rla_command("note", "last", "a\x1b[2J\nb")
    assert rla_command("note", "last").out == "a\\x1b[2J\nb\n"
    assert rla_command("note", "last", "--json").json == {"uid": run.uid, "notes": "a\x1b[2J\nb"}


def test_a_run_that_is_not_there_has_none(rla_command, record):
    record(seed=1)
    assert rla_command("note", "nosuch").code == 3
    assert rla_command("note", "nosuch", "text").code == 3
