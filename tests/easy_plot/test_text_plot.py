"""Curves in plain characters."""

from __future__ import annotations

import pytest

from rla.easy_plot.lines import Plan, make_lines
from rla.easy_plot.text_plot import MARKS, mark_notes, text_plot
from rla.runs.query import query


@pytest.fixture
def drawn(data_root):
    def draw(columns: int = 60, rows: int = 20, **plan: object) -> list[str]:
        plan = Plan(**{"metrics": ["return"], **plan})
        return text_plot(make_lines(list(query(data_root)), plan).lines, plan.x, str(plan.band), columns, rows)

    return draw


def rising(top: float) -> list[tuple[int, dict[str, float]]]:
    return [(step, {"return": top * step / 10}) for step in range(11)]


def test_a_rising_line_rises_from_corner_to_corner(record, drawn):
    record(rising(100.0))
    lines = drawn()
    canvas = [line[11:] for line in lines if line[10:11] == "|"]
    assert canvas[0].rstrip().endswith("*")
    assert canvas[-1].startswith("*")
    heights = [
        max(row for row, text in enumerate(canvas) if text[column : column + 1] == "*") for column in (0, 25, 48)
    ]
    assert heights == sorted(heights, reverse=True)
    assert sum(text.count("*") for text in canvas) == 49
    assert (lines[1].split()[0], lines[-4].strip()[0], lines[-3].split()[0]) == ("100", "+", "0")


def test_each_group_has_its_own_character_and_its_last_value(record, drawn):
    for lr, top in ((1, 10.0), (2, 20.0)):
        for seed in (0, 1):
            record(rising(top + seed), lr=lr, seed=seed)
    lines = drawn()
    assert lines[0] == "return: mean, 95 % bootstrap interval"
    assert [line.split(":")[0] for line in lines[-3:-1]] == ["* lr=1 (n=2)", "o lr=2 (n=2)"]
    assert "10.5 [10, 11] at 10" in lines[-3]
    assert {"*", "o"} <= set("".join(lines[1:-5]))


def test_it_is_never_wider_than_it_may_be_and_plain(record, drawn):
    record([(0, {"ret": 1.0, "return": 2.0}), (5, {"ret": 3.0, "return": 2.0})], lr=1)
    record([(0, {"return": float("1e300")})], lr=2)
    for columns in (30, 33, 80, 200):
        lines = drawn(columns, 12, metrics=["return", "ret"])
        assert max(map(len, lines)) <= columns
        assert all(char.isascii() for char in "".join(lines))


def test_a_flat_line_and_a_single_point_are_drawn(record, drawn):
    record([(0, {"return": 5.0}), (1, {"return": 5.0})])
    assert sum(line.count("*") for line in drawn() if "|" in line) > 20
    record([(7, {"return": 5.0})], lr=2)
    assert any("o" in line[11:] for line in drawn() if line[10:11] == "|")


def test_where_runs_ended_early_the_number_that_is_left_is_told(record, drawn):
    record(rising(1.0), seed=0)
    record(rising(1.0)[:5], seed=1)
    assert "n=1 of 2" in drawn(align="union")[-2]


def test_lines_that_share_a_character_are_told(record, data_root):
    for number in range(len(MARKS) + 1):
        record(rising(float(number)), lr=number)
    runs, plan = list(query(data_root)), Plan(metrics=["return"])
    assert mark_notes(make_lines(runs[1:], plan).lines) == []
    assert mark_notes(make_lines(runs, plan).lines) == [
        "60 lines share 59 characters, and cannot be told apart; group by fewer keys"
    ]
