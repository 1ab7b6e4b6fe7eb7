"""The pages about grids tell what the code has, and importing it is light."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path

import rla.sweep
from rla.core.layout import JobRunPaths
from rla.sweep import ExperimentGrid, run_utils, user_config
from rla.sweep.command_grid import NAME_MODULES, RUN_KEYS

DOCS = Path(__file__).parents[2] / "docs"
GRIDS = (DOCS / "reference/grids.md").read_text(encoding="utf-8")
HEAVY = "click cloudpickle gymnasium matplotlib numpy optuna pandas rich sqlalchemy tensorboardX torch"


def words(text):
    return set(re.findall(r"`([^`\n]+)`", text))


def test_every_name_of_a_grid_is_told():
    told = {name for word in words(GRIDS) for name in re.findall(r"^(?:grid\.)?(\w+)", word)}
    assert {name for name in dir(ExperimentGrid) if not name.startswith("_")} - told == set()
    assert set(rla.sweep.__all__) - told == set()


def test_every_argument_of_run_is_told_in_its_order():
    section = GRIDS.partition("### Running")[2].partition("\n### ")[0]
    told = re.findall(r"^\| `(\w+)` \|", section, flags=re.MULTILINE)
    assert told == [name for name in inspect.signature(ExperimentGrid.run).parameters if name != "self"]


def test_every_setting_is_told_with_its_default():
    rows = dict(re.findall(r"^\| `([A-Z_]+)` \| (\S+) \|", GRIDS, flags=re.MULTILINE))
    assert rows == {name: str(value) for name, value in vars(user_config).items() if name.isupper()}


def test_every_file_of_a_variant_is_told():
    paths = JobRunPaths(Path(), "place")
    files = [paths.config, paths.stdout, paths.stderr, paths.returned, paths.exit_code, paths.payload]
    assert [file.name for file in files if file.name not in words(GRIDS)] == []


def test_every_key_and_module_of_the_command_line_is_told():
    page = (DOCS / "reference/command-line.md").read_text(encoding="utf-8").partition("## rla grid\n")[2]
    told = words(page.partition("\n## ")[0])
    assert [name for name in (*RUN_KEYS, *NAME_MODULES) if name not in told] == []


def test_what_is_said_to_be_the_same_as_in_spinningup_is_there():
    same = (DOCS / "how-to/come-from-spinningup.md").read_text(encoding="utf-8")
    same = same.partition("## The same")[2].partition("## What is new")[0]
    names = {word.rstrip("()") for word in words(same) if re.fullmatch(r"\w+(\(\))?", word)}
    known = {*dir(run_utils), *dir(user_config), *dir(ExperimentGrid)}
    arguments = {"seed", "in_name", "datestamp", "logger_kwargs", "env_name", "env_fn", "num_cpu"}
    errors = {"AssertionError", "ValueError"}
    assert {"call_experiment", "setup_logger_kwargs", "valid_str", "DEFAULT_DATA_DIR"} <= names
    assert sorted(names - known - arguments - errors) == []


def test_importing_grids_imports_nothing_heavy():
    text = f"import rla.sweep.run_utils, sys; sys.exit(' '.join(n for n in '{HEAVY}'.split() if n in sys.modules))"
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "\n")
