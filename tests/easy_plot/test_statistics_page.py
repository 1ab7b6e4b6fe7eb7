"""The reference page of the statistics leaves nothing out."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import rla
from rla.easy_plot import statistics
from rla.easy_plot.score_table import GroupScores, ScoreTable

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "statistics.md").read_text(encoding="utf-8")


def words(section: str) -> set[str]:
    """Every name in backticks in the part of the page below a heading."""
    part = PAGE.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    return {word for text in re.findall(r"`([^`]+)`", part) for word in re.findall(r"\w+", text)}


def test_every_argument_of_compare_is_described():
    assert set(inspect.signature(rla.compare).parameters) - words("rla.compare") == set()


def test_what_the_table_has_is_described():
    public = {name for name in dir(ScoreTable) if not name.startswith("_")} | {"groups", "left_out"}
    rarely = {"head", "rows", "remarks", "left_out_text"}
    assert public - rarely - words("rla.compare") == set()
    assert {"values", "runs", "scores", "mean", "iqm", "estimated", "improvement"} == set(GroupScores.__annotations__)
    assert set(GroupScores.__annotations__) - words("rla.compare") == set()


def test_every_function_of_the_statistics_is_described_with_its_arguments():
    described = words("rla.easy_plot.statistics")
    assert set(statistics.__all__) - {"Scores"} - described == set()
    functions = [
        getattr(statistics, name) for name in statistics.__all__ if inspect.isfunction(getattr(statistics, name))
    ]
    arguments = {name for function in functions for name in inspect.signature(function).parameters}
    assert len(functions) > 10
    assert arguments - described == set()
