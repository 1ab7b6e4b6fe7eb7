"""The page about the run table tells the truth."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from rla.core import states
from rla.core.manifest import State
from rla.store.schema import metadata

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "run-table.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```sh\n(.*?)\n```", PAGE, re.DOTALL)


@pytest.mark.parametrize("table", metadata.tables.values(), ids=lambda table: table.name)
def test_every_column_is_documented_and_no_other(table):
    section = PAGE.split(f"\n## Table `{table.name}`\n")[1].split("\n## ")[0]
    assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == [column.name for column in table.columns]


def test_every_state_is_documented():
    row = next(line for line in PAGE.splitlines() if line.startswith("| `state` |"))
    assert all(f"`{state}`" in row for state in states.STORED)


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_runs_and_finds_something(example, sqlite_table, database, run):
    if shutil.which("sqlite3") is None:
        pytest.skip("the sqlite3 command line is not installed")
    row, place = run(1, State(summary={"return": 200.0}), hyperparameters={"lr": 1e-3})
    sqlite_table.insert(row, place)
    done = subprocess.run(example, shell=True, cwd=database.parent, capture_output=True, text=True, check=True)
    assert done.stdout.strip()
    assert not done.stderr
