"""A selection as a value: times, patterns, and what leaves no run out."""

from __future__ import annotations

import re
import threading
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rla.core import name_patterns
from rla.core.moments import parse_moment
from rla.core.name_patterns import GlobPattern
from rla.core.selection import IndexText, Selection
from rla.errors import SelectionError
from tests.timing import HANGS

NOW = 1_772_400_000.0
LONG = "&".join(f"key{n}=[0.5, 1/2]" for n in range(40)) + "&seed=8"


def local(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def run(created="2026/03/01/21-13-00-000001", tracked="env_id=Hopper-v4&seed=8", task="demo", **fields) -> IndexText:
    name = fields.pop("name", f"{created[11:]} 192.0.2.7 &{tracked}"[:120])
    return IndexText(task, created, "192.0.2.7", tracked, name)


def selected(runs, **patterns) -> list[bool]:
    return Selection(**patterns).matching(runs)


class TestTimes:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("90s", NOW - 90),
            ("30m", NOW - 1800),
            ("3h", NOW - 10_800),
            ("2d", NOW - 172_800),
            ("1.5 d", NOW - 129_600),
            ("1w", NOW - 604_800),
            ("2026-03-01", local("2026-03-01")),
            ("2026/03/01", local("2026-03-01")),
            ("2026-03-01T21:13", local("2026-03-01T21:13")),
            ("2026-03-01 21:13:05", local("2026-03-01T21:13:05")),
            ("2026-03-01T21:13:00Z", 1_772_399_580.0),
            ("2026-03-01T21:13:00+01:00", 1_772_395_980.0),
            ("2026/03/01/21-13-00-500000", local("2026-03-01T21:13:00.500000")),
            ("2026/03/01/21-13-00", local("2026-03-01T21:13:00")),
        ],
    )
    def test_a_moment_is_a_date_a_stamp_or_how_long_ago(self, text, expected):
        assert parse_moment(text, NOW) == expected

    def test_a_date_alone_can_mean_the_end_of_that_day(self):
        assert parse_moment("2026-03-01", NOW, end=True) == local("2026-03-02")
        assert parse_moment("2026-03-01T00:00", NOW, end=True) == local("2026-03-01")

    @pytest.mark.parametrize("text", ["", "soon", "2 months", "2026-13-01", "-2d", "2d ago", "9" * 400])
    def test_anything_else_is_an_error_that_says_what_to_write(self, text):
        with pytest.raises(SelectionError, match="write 2026-03-01"):
            parse_moment(text, NOW)

    def test_a_span_takes_datetimes_too(self):
        selection = Selection(since=datetime.fromtimestamp(5, UTC), until="2026-03-01")
        assert selection.span(NOW) == (5.0, local("2026-03-02"))
        assert Selection().span(NOW) == (None, None)


class TestRegex:
    def test_it_is_searched_in_task_day_and_exact_index_name(self):
        runs = [run(), run(tracked="seed=80"), run(created="2026/04/01/21-13-00-000001"), run(task="other")]
        assert selected(runs, regex=r"2026/03/.*seed=8(&|$)") == [True, False, False, True]
        assert selected(runs, regex=r"^demo/2026/03/01/21-13-00-000001 192\.0\.2\.7 &env_id=Hopper-v4&seed=8$") == [
            *(True, False, False, False)
        ]

    def test_the_tracked_text_is_neither_cut_nor_made_safe(self):
        assert selected([run(tracked=LONG)], regex=r"key39=\[0\.5, 1/2\]&seed=8$") == [True]

    @pytest.mark.parametrize("pattern", ["(?i)HOPPER", r"(?P<a>s)eed=(?=8)", r"(?<=&)seed", "[^a-z]{3}", r"\bseed\b"])
    def test_pythons_syntax_is_taken(self, pattern):
        assert selected([run()], regex=pattern) == [
            re.search(pattern, "demo/2026/03/01/21-13-00-000001 192.0.2.7 &env_id=Hopper-v4&seed=8") is not None
        ]

    @pytest.mark.parametrize(
        ("pattern", "place"), [("seed=(8", 8), ("*a", 0), ("[a", 2), ("(?P<n>", 5), (r"\p{nosuch}", 0)]
    )
    def test_a_pattern_that_is_none_is_an_error_with_a_caret(self, pattern, place):
        with pytest.raises(SelectionError, match="no regular expression") as caught:
            selected([run()], regex=pattern)
        assert caught.value.expression == pattern
        assert str(caught.value).endswith("^")

    @pytest.mark.parametrize(
        "pattern", ["a" * 10_000, "(((a{100}){100}){100}){100}", "((ab){1000}){500}", "a{9999999}", "[)]{9999999}"]
    )
    def test_a_pattern_of_any_size_is_not_taken(self, pattern):
        with pytest.raises(SelectionError, match="too large"):
            selected([run()], regex=pattern)

    @pytest.mark.parametrize(
        "pattern", [r"\d{4}/\d{2}/\d{2}/\d{2}-\d{2}-\d{2}-\d{6} (\d{1,3}\.){3}\d{1,3} ", "a{1000}", "[(]{3}", "x{,5}"]
    )
    def test_counted_repetitions_of_a_usual_size_are_taken(self, pattern):
        selected([run()], regex=pattern)

    @pytest.mark.parametrize("pattern", [r"((\w|\d)+)+[!@]$", "(x+x+)+[!@]", r"(?:(x+)\1+)+[!@]"])
    def test_a_pattern_that_would_take_for_ever_ends_in_time_on_any_thread(self, pattern, monkeypatch):
        caught = []
        monkeypatch.setattr(name_patterns, "REGEX_SECONDS", 0.3)

        def search() -> None:
            try:
                selected([run(tracked="seed=" + "x" * 5000)] * 10_000, regex=pattern)
            except SelectionError as error:
                caught.append(error)

        thread = threading.Thread(target=search)
        thread.start()
        thread.join(HANGS)
        assert not thread.is_alive()
        assert "takes longer than 0.3 s" in str(caught[0])


class TestGlob:
    @pytest.mark.parametrize(
        ("pattern", "expected"),
        [
            ("2026/03/01/21-13*", True),
            ("2026/03/01/21-13", False),
            ("2026/03/01/21-13-00-000001 192.0.2.7 &env_id=Hopper-v4&seed=8", True),
            ("2026/03/01/*seed=8", True),
            ("2026/03/01/*seed=", False),
            ("2026/03/01/*hopper*", False),
            ("2026/*/*/*Hopper*", True),
            ("2026/03/*", True),
            ("2026/03", True),
            ("2026/03/", True),
            ("./2026/03", True),
            ("2026/0[1-4]/0?", True),
            ("2026/0[!3]", False),
            ("2026", True),
            ("20*", True),
            ("*", True),
            ("**", True),
            ("", True),
            ("03", False),
            ("*seed=8", False),
            ("2026/03/01/21-13*/progress.csv", False),
            ("2026/03/01/[21-13", False),
        ],
    )
    def test_a_pattern_is_matched_level_by_level_and_selects_what_is_below(self, pattern, expected):
        assert selected([run()], glob=pattern) == [expected]

    def test_the_exact_name_and_the_directory_s_name_fit(self):
        odd = run(tracked="path=a/b", name="21-13-00-000001_192.0.2.7_&path=a_b")
        assert selected([odd], glob="2026/03/01/*path=a/b") == [True]
        assert selected([odd], glob="2026/03/01/*_192.0.2.7_&path=a_b") == [True]

    def test_both_patterns_must_fit(self):
        assert selected([run(), run(tracked="a")], regex="seed=8$", glob="2026/*") == [True, False]

    def test_a_pattern_with_many_stars_is_fast(self):
        before = time.thread_time()
        assert selected([run(tracked="a" * 5000)], glob="2026/03/01/" + "*a" * 50 + "*b") == [False]
        assert time.thread_time() - before < 20  # else it takes for ever

    @given(st.text("0123456789/*?[]-", max_size=30))
    def test_the_beginning_that_is_looked_up_never_leaves_a_run_out(self, pattern):
        created = "2026/03/01/21-13-00-000001"
        glob = GlobPattern(pattern)
        assert not glob.fits(created, ["21-13-00-000001 ip &"]) or created.startswith(glob.prefix)

    def test_the_beginning_is_as_long_as_the_pattern_tells(self):
        assert GlobPattern("2026/03/01/21-13*").prefix == "2026/03/01/21-13"
        assert GlobPattern("2026/03/01/21-13-00-000001 ip*").prefix == "2026/03/01/21-13-00-000001"


class TestOpen:
    @pytest.mark.parametrize(
        "selection",
        [
            Selection(),
            Selection(task="t"),
            Selection(regex=""),
            Selection(regex=".*"),
            Selection(glob="*"),
            Selection(where=""),
            Selection(all=True),
            Selection(archived=True),
        ],
    )
    def test_what_leaves_no_run_of_a_task_out_is_open(self, selection):
        assert selection.is_open

    @pytest.mark.parametrize("part", ["where", "regex", "glob", "since", "until", "tag", "batch", "uids"])
    def test_any_part_closes_it(self, part):
        assert not Selection(**{part: ("a",) if part == "uids" else "a"}).is_open
