"""The page on the environment names all that is recorded."""

from __future__ import annotations

import re
from pathlib import Path

from rla.artifacts.environment.capture import SLURM_VARIABLES, VARIABLES
from rla.artifacts.environment.kept_texts import ALL_BYTES, FILE_BYTES

PAGE = (Path(__file__).parents[3] / "docs/reference/environment.md").read_text(encoding="utf-8")


def test_the_page_lists_each_variable_that_is_recorded_and_no_other():
    table = PAGE.partition("### Variables")[2].partition("## Beside")[0]
    assert set(re.findall(r"`([A-Z][A-Z_0-9]+)`", table)) == {*VARIABLES, *SLURM_VARIABLES}


def test_the_page_gives_the_limits():
    assert f"{FILE_BYTES // 1024} KiB" in PAGE
    assert f"{ALL_BYTES // 1024} KiB" in PAGE
