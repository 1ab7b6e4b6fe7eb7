"""What is public, where it is, and that importing it is light and quiet."""

from __future__ import annotations

import ast
import importlib
import json
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import rla

ROOT = Path(__file__).parents[1]
HEAVY = "click matplotlib numpy pandas rich tensorboardX tensorflow torch".split()  # noqa: SIM905
NOT_AT_IMPORT = [*HEAVY, "sqlalchemy"]

# A whole run, with every format, as a script records it.
RECORDING = """
import rla
from rla import logger, time_step_holder
with rla.init("task", {"lr": 0.1, "seed": 1}, track=["seed"], log_used=["stdout", "log", "tensorboard", "csv", "json"]):
    for step in range(3):
        time_step_holder.set_time(step)
        logger.record_tabular("return", 1.5 * step)
        logger.logkv_mean("mean", step)
        logger.ma_record_tabular("average", step, 2)
        logger.info("a line")
        logger.dump_tabular()
"""


@pytest.fixture
def fresh(tmp_path):
    """Run text in a fresh interpreter, in an empty directory; gives what it printed."""

    def run(text: str) -> str:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", text],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        return done.stdout

    return run


def loaded(fresh, text: str, names: list[str]) -> list[str]:
    """Which of some packages a text imports."""
    output = fresh(f"{text}\nimport sys, json\nprint(json.dumps([n for n in {names} if n in sys.modules]))")
    found: list[str] = json.loads(output.splitlines()[-1])
    return found


# --- names


def test_dir_gives_the_public_names_before_any_of_them_is_used(fresh):
    fresh("import rla; assert dir(rla) == sorted(rla.__all__), dir(rla)")


def test_dir_gives_the_same_names_when_all_were_used(fresh):
    fresh("import rla; [getattr(rla, name) for name in rla.__all__]; assert dir(rla) == sorted(rla.__all__), dir(rla)")


@pytest.mark.parametrize(
    "text",
    [
        "from rla import exp_manager, logger, init, time_step_holder",
        "from rla.easy_log.tester import exp_manager",
        "from rla.easy_log import logger; logger.record_tabular",
        "import rla.easy_log.logger as logger; logger.dump_tabular",
        "from rla.easy_log.time_step import time_step_holder, TimeStepHolder",
        "from rla.easy_log.manager import ExperimentManager",
        "from rla.errors import RlaError, RlaWarning",
        "from rla.easy_plot import plot_func; from rla.easy_plot.plot_func_v2 import plot_func",
        "import rla.easy_plot.plot_func_v2; from rla.easy_plot import plot_func; assert callable(plot_func)",
        "import rla; assert rla.plot is rla.easy_plot.learning_curves.plot",
        "import rla; rla.exp_manager, rla.logger, rla.init, rla.time_step_holder, rla.__version__",
        "from rla import *; exp_manager, logger, init, time_step_holder",
    ],
)
def test_a_documented_path_works_in_a_fresh_interpreter(fresh, text):
    fresh(text)


def test_a_short_name_is_the_thing_at_its_home(fresh):
    fresh("""
import rla
import rla.easy_log.logger, rla.easy_log.tester, rla.easy_log.time_step
assert rla.exp_manager is rla.easy_log.tester.exp_manager
assert rla.logger is rla.easy_log.logger
assert rla.time_step_holder is rla.easy_log.time_step.time_step_holder
""")


def test_init_is_the_function_whatever_was_imported_before(fresh):
    fresh("import rla.easy_log.init, rla; assert callable(rla.init)")


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = rla.no_such_name


def test_the_version_is_that_of_the_distribution():
    metadata = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f'version = "{rla.__version__}"' in metadata


def test_the_package_tells_type_checkers_that_it_is_typed():
    assert (ROOT / "rla/py.typed").is_file()


# --- light and quiet


def test_importing_rla_imports_nothing_heavy(fresh):
    assert loaded(fresh, "import rla", NOT_AT_IMPORT) == []


def test_importing_every_short_name_imports_nothing_heavy(fresh):
    text = "from rla import exp_manager, logger, init, time_step_holder"
    assert loaded(fresh, text, NOT_AT_IMPORT) == []


def test_importing_what_draws_does_not_import_what_it_draws_with(fresh):
    text = "from rla import plot; from rla.easy_plot import plot_func"
    assert loaded(fresh, text, ["matplotlib", "pandas", "rich", "click", "torch"]) == []


def test_recording_a_whole_run_imports_nothing_heavy(fresh):
    assert loaded(fresh, RECORDING, HEAVY) == []


def test_importing_prints_nothing(fresh):
    assert fresh("from rla import exp_manager, logger, init, time_step_holder") == ""


def test_importing_sets_no_hook_of_the_process(fresh):
    fresh("""
import signal, sys, threading, warnings

def hooks():
    handlers = [signal.getsignal(number) for number in signal.valid_signals()]
    return handlers, sys.excepthook, sys.exit, list(warnings.filters), threading.active_count()

before = hooks()
from rla import exp_manager, logger, init, time_step_holder
assert hooks() == before
""")


def test_importing_leaves_the_matplotlib_backend_and_style_alone(fresh):
    fresh("""
import os, matplotlib
before = dict(matplotlib.rcParams), os.environ.get("MPLBACKEND")
from rla import exp_manager, logger, init, time_step_holder
assert (dict(matplotlib.rcParams), os.environ.get("MPLBACKEND")) == before
""")


def test_importing_writes_nothing(fresh, tmp_path):
    fresh("from rla import exp_manager, logger, init, time_step_holder")
    assert list(tmp_path.iterdir()) == []


# --- docstrings


def modules() -> list[str]:
    return ["rla", *(found.name for found in pkgutil.walk_packages(rla.__path__, "rla.")), "rla_scripts.main"]


def undocumented(tree: ast.AST, where: str) -> list[str]:
    """The public classes and functions below a node that have no docstring."""
    found = []
    for node in ast.iter_child_nodes(tree):
        if not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) or node.name.startswith("_"):
            continue
        if not ast.get_docstring(node):
            found.append(f"{where}.{node.name}")
        if isinstance(node, ast.ClassDef):
            found += undocumented(node, f"{where}.{node.name}")
    return found


@pytest.mark.parametrize("name", [name for name in modules() if name != "rla.__main__"])
def test_everything_public_in_a_module_has_a_docstring(name):
    spec = importlib.util.find_spec(name)  # not imported: a framework's adapter needs the framework
    assert spec is not None
    assert spec.origin is not None
    tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
    assert ast.get_docstring(tree)
    assert undocumented(tree, name) == []
