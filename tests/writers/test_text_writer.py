from __future__ import annotations

import contextlib
import io
import math
import sys

from rla.writers.base import Dump
from rla.writers.text_writer import LogWriter, StdoutWriter

TABLE = """\
-------------------------------
| A long key | 1.23e+03       |
| b          | 7              |
| time-step  | 5              |
| timestamp  | 1700000000.250 |
-------------------------------
"""


class Terminal(io.TextIOWrapper):
    def __init__(self, encoding: str) -> None:
        super().__init__(io.BytesIO(), encoding=encoding, write_through=True)

    def shown(self) -> str:
        return self.buffer.getvalue().decode(self.encoding)  # type: ignore[attr-defined]


def logged(tmp_path, *dumps: Dump) -> str:
    writer = LogWriter(tmp_path / "log.txt")
    for dump in dumps:
        writer.write(dump)
    writer.close()
    return (tmp_path / "log.txt").read_text(encoding="utf-8")


def test_a_dump_is_a_table_sorted_without_regard_to_case(tmp_path):
    assert logged(tmp_path, Dump({"b": 7, "A long key": 1234.5}, 5, 1.7e9 + 0.25)) == TABLE


def test_every_line_of_a_table_is_equally_long(tmp_path):
    values = {"a": 1.0, "t": "x" * 60, "n": math.nan, "i": 10**17, "b": True, "none": None}
    assert len({len(line) for line in logged(tmp_path, Dump(values, 5, 1.7e9)).splitlines()}) == 1


def test_long_text_is_cut_to_forty_characters(tmp_path):
    text = logged(tmp_path, Dump({"a": "x" * 81, "k" * 81: 1.0, "b": "y" * 80}, 5, 1.7e9))
    assert f"| {'x' * 40}... " in text
    assert f"| {'k' * 40}... " in text
    assert f" {'y' * 80} |" in text


def test_two_keys_that_are_cut_alike_are_both_shown(tmp_path):
    text = logged(tmp_path, Dump({"k" * 90 + "1": 1.0, "k" * 90 + "2": 2.0}, 5, 1.7e9))
    assert text.count("kkk...") == 2


def test_control_characters_are_shown_as_escapes(tmp_path):
    text = logged(tmp_path, Dump({"k\x1b[2J\n": "v\x1b\x9b\r\u202e\ud800"}, 5, 1.7e9))
    assert "k\\x1b[2J\\x0a" in text
    assert "v\\x1b\\x9b\\x0d\\u202e\\ud800" in text


def test_a_log_line_keeps_its_tabs_and_line_ends_and_no_other_control_character(tmp_path):
    writer = LogWriter(tmp_path / "log.txt")
    writer.write_line("a\tb\nc\r\nd\x1b[31m\re")
    writer.close()
    assert (tmp_path / "log.txt").read_bytes() == b"a\tb\nc\nd\\x1b[31m\\x0de\n"


def test_a_percent_sign_in_a_key_is_only_text(tmp_path):
    assert "| 100%d %s" in logged(tmp_path, Dump({"100%d %s": 1.0}, 5, 1.7e9))


def test_a_torn_last_line_is_dropped_on_resume(tmp_path):
    (tmp_path / "log.txt").write_text("whole\nto")
    assert logged(tmp_path, Dump({"a": 1.0}, 5, 1.7e9)).startswith("whole\n-----")


def test_stdout_is_looked_up_at_each_call():
    writer = StdoutWriter()
    for _ in range(2):
        stream = io.StringIO()
        with contextlib.redirect_stdout(stream):
            writer.write_line("here")
        assert stream.getvalue() == "here\n"


def test_stdout_shows_the_same_table_as_the_log(tmp_path):
    dump = Dump({"b": 7, "A": 1.5, "é": "ü"}, 5, 1.7e9)
    stream = Terminal("utf-8")
    with contextlib.redirect_stdout(stream):
        StdoutWriter().write(dump)
    assert stream.shown() == logged(tmp_path, dump)


def test_a_terminal_that_lacks_a_character_shows_another():
    stream = Terminal("ascii")
    with contextlib.redirect_stdout(stream):
        StdoutWriter().write_line("ünï")
    assert stream.shown() == "?n?\n"


def test_a_closed_or_missing_stdout_is_no_error(monkeypatch):
    stream = io.StringIO()
    stream.close()
    for broken in (stream, None, object()):
        monkeypatch.setattr(sys, "stdout", broken)
        StdoutWriter().write_line("nobody hears this")
        StdoutWriter().write(Dump({"a": 1.0}, 1, 2.0))
