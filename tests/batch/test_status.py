"""How a batch and what became of it read, in a console and in a notebook."""

from __future__ import annotations

from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest

from rla.batch.events import BatchReport, Failure, last_lines
from rla.batch.status import BatchStatus
from rla.sweep.report import GridReport

ERROR = "Traceback:\n  File a.py, line 1\n    1/0\n    ~^~\nZeroDivisionError: division by zero\nexit code 1"
BAD = Failure("g_lr1 seed 0", "failed", ERROR, Path("/data/<g>"))


def status(**changes):
    settings = {"name": "g", "origin": "sweep", "source": "", "total": 13, "slots": 2, "failures": [BAD]}
    counts = {"finished": 12, "failed": 1}
    return BatchStatus(**{**settings, "counts": counts, "is_running": False, "seconds_left": None, **changes})


def cells(html):
    """The texts of a page's cells, title cells included."""
    found: list[str] = []

    class Parser(HTMLParser):
        open = False

        def handle_starttag(self, tag, attrs):
            self.open = tag in {"td", "th"}
            found.extend([""] if self.open else [])

        def handle_endtag(self, tag):
            self.open = False

        def handle_data(self, data):
            if self.open:
                found[-1] += data

    Parser().feed(html)
    return found


def test_a_status_prints_as_a_table_with_its_failures():
    assert str(status()).splitlines() == [
        "batch g, 13 variants",
        "  12 finished",
        "   1 failed",
        "  nothing runs it now: the same call with resume=True goes on",
        "failed: g_lr1 seed 0",
        "        1/0",
        "    ZeroDivisionError: division by zero",
        "    exit code 1",
        "    /data/<g>",
    ]


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"origin": "hermes", "source": "a.hermes", "total": 1}, "batch g, 1 job of a.hermes"),
        ({"origin": "hermes"}, "  nothing runs it now: the same command with --resume goes on"),
        ({"is_running": True, "seconds_left": 90.0}, "  about 1m30s left, 2 at a time"),
        ({"is_running": True, "seconds_left": 0.0}, "  about 1.0 s left, 2 at a time"),
        ({"counts": {}, "failures": [], "total": 0}, "  nothing has been started"),
        ({"failures": [BAD] * 12}, "... and 2 more"),
    ],
)
def test_a_status_says_what_comes_next(changes, line):
    assert line in str(status(**changes)).splitlines()


def test_a_finished_batch_has_nothing_more_to_say():
    done = status(counts={"finished": 13}, failures=[])
    assert str(done).splitlines() == ["batch g, 13 variants", "  13 finished"]


def test_a_status_and_a_report_are_one_line_in_a_list():
    assert repr([status()]) == "[<batch g, 13 variants: 12 finished, 1 failed>]"
    report = GridReport("g", Path("/data"), BatchReport(ends=Counter(finished=1, failed=1), failures=[BAD]))
    assert repr(report) == "<grid g: 1 failed, 1 finished>"
    assert repr(report.failures) == "[<g_lr1 seed 0: failed: ZeroDivisionError: division by zero (exit code 1)>]"


def test_a_notebook_shows_tables_in_which_nothing_is_html():
    report = GridReport("<g>", Path("/data"), BatchReport(ends=Counter(failed=1), failures=[BAD]))
    why = "ZeroDivisionError: division by zero (exit code 1)"
    failures = ["what failed", "state", "why", "where", "g_lr1 seed 0", "failed", why, "/data/<g>"]
    assert cells(report._repr_html_()) == failures
    assert "&lt;g&gt;" in report._repr_html_()
    shown = status(name="<g>")._repr_html_()
    assert cells(shown) == ["state", "number", "finished", "12", "failed", "1", *failures]
    assert "&lt;g&gt;" in shown


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        ("", "failed"),
        ("exit code 3", "exit code 3"),
        ("it is bad\nexit code 3", "it is bad (exit code 3)"),
        ("Terminated\nit did not end within 2 s", "it did not end within 2 s"),
    ],
)
def test_a_failure_is_told_in_one_line(error, reason):
    assert str(Failure("a", "failed", error)) == f"a: failed: {reason}"


def test_lines_that_only_underline_are_no_last_lines():
    assert last_lines(ERROR) == ["    1/0", "ZeroDivisionError: division by zero", "exit code 1"]
