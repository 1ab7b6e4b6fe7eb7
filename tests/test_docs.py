"""The documents tell what the code does: their blocks run, their links lead somewhere, nothing is left out."""

from __future__ import annotations

import inspect
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

import rla
from rla import errors, logger
from rla.core import states
from rla.core.config_schema import LOG_FORMATS
from rla.core.layout import KINDS, RootPaths, RunPaths
from rla.core.manifest import Manifest, Notes, State
from rla.easy_log import (
    complex_data_recorder,
    exp_loader,
    memory_used_recorder,
    rank,
    rla_argparser,
    simple_mat_plot,
    time_step,
    time_used_recorder,
)
from rla.easy_log.active_run import ActiveRun
from rla.easy_log.manager import ExperimentManager
from rla.easy_log.time_step import TimeStepHolder
from rla.easy_plot import plot_func, plot_func_v2
from rla_scripts.main import COMMANDS, group
from rla_scripts.selecting import _NAMES

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
EXECUTED = sorted([ROOT / "README.md", *(ROOT / "docs/tutorial").glob("*.md"), *(ROOT / "docs/how-to").glob("*.md")])
REFERENCE = ROOT / "docs/reference"

BLOCK = re.compile(r"^(?:<!-- (.*?) -->\n)?```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
RUN_LINES = ("rla ", "rla-archive ", "rla-delete ", "python ", "tensorboard ")

# Runs the steps of one page in one process: Python blocks in one namespace, commands between them.
DRIVER = """
import json, subprocess, sys
names = {"__name__": "__main__"}
for place, kind, text in json.load(open(sys.argv[1], encoding="utf-8")):
    if kind == "python":
        exec(compile("\\n" * (int(place.rpartition(":")[2]) - 1) + text, place.rpartition(":")[0], "exec"), names)
    elif kind == "file":
        name, _, content = text.partition("\\n")
        open(name, "w", encoding="utf-8").write(content)
    else:
        done = subprocess.run(text, shell=True, capture_output=True, text=True, timeout=100)
        if done.returncode:
            sys.exit(f"{place}: {text}\\n{done.stdout}{done.stderr}")
"""


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def reference(name: str) -> str:
    return text_of(REFERENCE / name)


def code_words(text: str) -> set[str]:
    """Everything that stands in backticks."""
    return set(re.findall(r"`([^`\n]+)`", text))


def cells(page: str) -> dict[str, list[str]]:
    """The rows of all tables of a page by their first cell."""
    rows = re.findall(r"^\| (.*) \|$", page, flags=re.MULTILINE)
    return {row.split(" | ")[0]: row.split(" | ") for row in rows}


def steps(page: Path) -> list[tuple[str, str, str]]:
    """What is to be run of a page, in order: place, kind and text."""
    found, text = [], text_of(page)
    for match in BLOCK.finditer(text):
        mark, language, block = match[1] or "", match[2], match[3]
        place = f"{name_of(page)}:{text[: match.start(3)].count(chr(10)) + 1}"
        if mark == "not run":
            continue
        if mark.startswith("file: "):
            found.append((place, "file", f"{mark.removeprefix('file: ')}\n{block}"))
        elif language == "python":
            found.append((place, "python", block))
        elif language in {"bash", "console"}:
            lines = (line.removeprefix("$ ") for line in block.splitlines())
            found += [(place, "command", runnable(line)) for line in lines if line.startswith(RUN_LINES)]
    return found


def runnable(line: str) -> str:
    """A command as a test can run it: TensorBoard looks at the files instead of serving them."""
    return line.replace("tensorboard ", "tensorboard --inspect ", 1) if line.startswith("tensorboard ") else line


@pytest.fixture
def run_page(tmp_path):
    """Run a page in an empty directory, with this interpreter's commands first on the path."""

    def run(page: Path) -> subprocess.CompletedProcess[str]:
        place = tmp_path / "empty"
        place.mkdir()
        (tmp_path / "steps.json").write_text(json.dumps(steps(page)), encoding="utf-8")
        binaries = str(Path(sys.executable).parent)
        settings = {name: value for name, value in os.environ.items() if not name.startswith("RLA_")}  # as a reader's
        environment = {**settings, "PATH": os.pathsep.join([binaries, os.environ["PATH"]]), "PYTHONPATH": str(ROOT)}
        return subprocess.run(
            [sys.executable, "-c", DRIVER, tmp_path / "steps.json"],
            cwd=place,
            env=environment,
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )

    return run


# --- blocks


@pytest.mark.parametrize("page", EXECUTED, ids=name_of)
def test_every_block_of_a_page_runs_as_it_stands(run_page, page):
    done = run_page(page)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "RlaWarning" not in done.stderr


def test_the_tutorial_leads_to_the_runs_it_shows(run_page, tmp_path):
    done = run_page(ROOT / "docs/tutorial/first-run.md")
    told = re.findall(r"^epsilon .* on average$", text_of(ROOT / "docs/tutorial/first-run.md"), flags=re.MULTILINE)
    assert done.stdout.splitlines() == told
    assert len(list((tmp_path / "empty").glob("rla_data/log/bandit/*/*/*/*/run.json"))) == 10


def test_the_quickstart_leaves_the_files_that_the_readme_draws(run_page, tmp_path):
    run_page(ROOT / "README.md")
    (manifest,) = (tmp_path / "empty").glob("rla_data/log/demo_task/*/*/*/* &env_id=CartPole-v1&seed=0/run.json")
    tree = text_of(ROOT / "README.md").partition("## What it writes")[2].partition("```\n")[0]
    assert {file.name for file in manifest.parent.iterdir()} <= set(re.findall(r"[\w.]+", tree))


@pytest.mark.parametrize("page", EXECUTED, ids=name_of)
def test_every_python_block_of_a_page_that_teaches_is_run(page):
    marks = [(match[1] or "", match[2]) for match in BLOCK.finditer(text_of(page))]
    blocks = [mark for mark, language in marks if language == "python" or mark.startswith("file: ")]
    assert len([step for step in steps(page) if step[1] in {"python", "file"}]) == len(blocks) > 0


# --- links and words


def anchors(text: str) -> set[str]:
    """The fragments that a page's headings can be reached by."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_relative_link_leads_somewhere(page):
    prose = re.sub(r"^```.*?^```$", "", text_of(page), flags=re.MULTILINE | re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", prose):
        if "://" in link:
            continue
        path, _, fragment = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not fragment or fragment in anchors(text_of(target)), link


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_no_page_names_a_place_of_its_author(page):
    assert not re.search(r"(?<![\w.<>/-])/(work|root|tmp)\b", text_of(page))


def test_the_index_leads_to_every_page():
    linked = {
        (ROOT / "docs" / link).resolve() for link in re.findall(r"\]\(([^)#]+)\)", text_of(ROOT / "docs/index.md"))
    }
    assert [name_of(page) for page in (ROOT / "docs").rglob("*.md") if page not in linked] == ["docs/index.md"]


def test_the_readme_is_short():
    assert len(text_of(ROOT / "README.md").splitlines()) <= 130


def test_the_changelog_tells_of_this_version():
    assert f"## [{rla.__version__}]" in text_of(ROOT / "CHANGELOG.md")


# --- generated parts


def test_the_generated_parts_are_up_to_date():
    script = Path(__file__).with_name("generate_reference.py")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, script, "--check"], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, f"run  python tests/generate_reference.py  ({done.stdout}{done.stderr})"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_its_part_with_every_option(name):
    page = reference("command-line.md")
    (part,) = re.findall(rf"<!-- generated: rla {name} -->\n(.*?)<!-- end -->", page, flags=re.DOTALL)
    command = group.get_command(click.Context(group), name)
    assert command is not None
    options = [option for parameter in command.params for option in parameter.opts if option.startswith("-")]
    assert [option for option in options if option not in part] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_says_what_it_does(name):
    command = group.get_command(click.Context(group), name)
    assert command is not None
    assert command.help
    assert not command.get_short_help_str(limit=60).endswith("...")
    assert [option.name for option in command.params if isinstance(option, click.Option) and not option.help] == []


def test_the_values_page_has_every_row_of_the_code():
    table = cells(reference("values.md"))
    assert {"float", "NaN", "None", "str"} <= table.keys()
    assert {len(row) for row in table.values()} == {6}


# --- nothing is left out


def error_classes() -> list[type[errors.RlaError]]:
    found = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, errors.RlaError)]
    return sorted(found, key=lambda kind: kind.__name__)


@pytest.mark.parametrize("kind", error_classes(), ids=lambda kind: kind.__name__)
def test_every_error_is_described_with_the_standard_error_it_is(kind):
    bases = [base.__name__ for base in kind.__bases__ if base is not errors.RlaError] or ["RlaError"]
    row = cells(reference("errors.md").partition("### What to do")[0])[f"`{kind.__name__}`"]
    also, meaning = row[1:3]
    assert also == ", ".join(f"`{base}`" for base in bases)
    assert meaning


@pytest.mark.parametrize("kind", error_classes(), ids=lambda kind: kind.__name__)
def test_every_error_that_is_raised_comes_with_advice(kind):
    advice = cells(reference("errors.md").partition("### What to do")[2].partition("## Exit codes")[0])
    assert kind is errors.RlaError or f"`{kind.__name__}`" in advice


def test_every_exit_code_is_told():
    from rla_scripts import main, output

    codes = {0, 1, 2, main.NOTHING_MATCHED, output.SOME_FAILED, main.INTERRUPTED, main.BROKEN_PIPE}
    table = cells(reference("errors.md").partition("## Exit codes")[2].partition("## Warnings")[0])
    assert {int(code) for code in table if code.isdigit()} == codes


def test_every_cause_of_a_warning_is_told():
    table = reference("errors.md").partition("## Warnings")[2]
    sources = "".join(text_of(file) for file in (ROOT / "rla/easy_log").glob("*.py"))
    causes = set(re.findall(r"\b(?:_?losses)\.(?:add|say|guard)\(\s*\"([^\"]+)\"", sources))
    assert {"index", "state.json", "spool", "log_callback_fn"} <= causes
    assert sorted(causes - code_words(table)) == []


@pytest.mark.parametrize("record", [Manifest, State, Notes], ids=lambda record: record.__name__)
def test_every_field_of_a_runs_files_is_described(record):
    file = {Manifest: "run", State: "state", Notes: "notes"}[record]
    section = reference("directory-layout.md").partition(f"\n## {file}.json\n")[2].partition("\n## ")[0]
    described = {word for first in cells(section) for word in code_words(first)}
    assert described == set(record.__struct_fields__)


def test_every_file_and_directory_is_described():
    page = reference("directory-layout.md")
    run, root = RunPaths(Path(), "place"), RootPaths(Path())
    names = {path.name for paths in (run, root) for path in properties(paths)} - {"place"}
    names |= {*KINDS, run.marker("code").name, run.parameters("log").name}
    assert sorted(name for name in names if not re.search(rf"(?<!\w){re.escape(name)}(?!\w)", page)) == []


def properties(paths: RunPaths | RootPaths) -> list[Path]:
    named = [name for name, value in vars(type(paths)).items() if isinstance(value, property)]
    return [getattr(paths, name) for name in named]


def test_every_state_is_described():
    page = reference("life-of-a-run.md")
    assert sorted({*states.STORED, states.LOST} - code_words(page)) == []


def test_every_variable_of_a_rank_is_told_in_its_order():
    section = reference("life-of-a-run.md").partition("## Ranks")[2].partition("\n## ")[0]
    told = re.findall(r"^\| `(\w+)` \|", section, flags=re.MULTILINE)
    assert told == list(rank._VARIABLES)


def test_every_format_is_named_where_values_are_recorded():
    assert set(LOG_FORMATS) <= code_words(text_of(ROOT / "docs/how-to/record-values.md"))


# --- the Python API


def documented(prefix: str) -> set[str]:
    """The names that the page tells after a prefix, as ``run.``."""
    return set(re.findall(rf"`{re.escape(prefix)}\.(\w+)", reference("python-api.md")))


def public(kind: type) -> set[str]:
    return {name for name in dir(kind) if not name.startswith("_")}


def test_every_short_name_is_described():
    assert set(rla.__all__) <= documented("rla")


def test_the_manager_is_described_and_nothing_else():
    assert documented("exp_manager") == public(ExperimentManager)


def test_the_logger_is_described_and_nothing_else():
    assert documented("logger") == set(logger.__all__)


def test_the_time_step_is_described_and_nothing_else():
    assert documented("time_step_holder") == public(TimeStepHolder) | {"epoch"}


def test_what_is_told_of_a_run_is_there():
    attributes = set(re.findall(r"^ +self\.(\w+)", inspect.getsource(ActiveRun.__init__), flags=re.MULTILINE))
    assert documented("run") <= public(ActiveRun) | attributes


def test_every_argument_of_init_is_described():
    page = reference("python-api.md")
    section = page.partition("Arguments of `rla.init`")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `(\w+)` \|", section, flags=re.MULTILINE) == [*inspect.signature(rla.init).parameters]


def test_every_argument_of_plot_is_described_with_its_option():
    section = reference("plots.md").partition("## Arguments of rla.plot")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `(\w+)` \|", section, flags=re.MULTILINE) == [*inspect.signature(rla.plot).parameters]
    command = group.get_command(click.Context(group), "plot")
    assert command is not None
    options = {option for parameter in command.params for option in parameter.opts if option.startswith("--")}
    told = set(re.findall(r"`(--[\w-]+)`", reference("plots.md")))
    of_every_command = {f"--{name}" for name in _NAMES} | {"--json"}
    assert told - of_every_command == options - of_every_command


def test_every_argument_of_plot_func_is_described():
    section = reference("plots.md").partition("\n## plot_func")[2]
    told = {word for first in cells(section) for word in code_words(first)}
    assert told == {*inspect.signature(plot_func).parameters}


# --- the page for those who come from RLA


def rla_names(verdict: str) -> set[str]:
    """The names in the tables of the page whose second column begins with a verdict."""
    page = text_of(ROOT / "docs/how-to/come-from-RLA.md").partition("## Names")[2]
    rows = re.findall(rf"^\| (.*) \| (?:{verdict})\b.*\|$", page, flags=re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`(\w+)", row)}


def known_names() -> set[str]:
    arguments = inspect.signature(ExperimentManager.configure).parameters
    homes = [ExperimentManager, logger, TimeStepHolder, time_step, rla]
    homes += [
        exp_loader,
        rla_argparser,
        complex_data_recorder,
        memory_used_recorder,
        plot_func_v2,
        simple_mat_plot,
        time_used_recorder,
    ]
    modules = {home.__name__.rpartition(".")[2] for home in homes}
    return {name for home in homes for name in dir(home)} | modules | {*arguments}


def test_names_that_are_said_to_be_the_same_as_in_rla_are_there():
    assert len(rla_names("same")) > 50
    assert sorted(rla_names("same") - known_names()) == []


def test_names_that_are_said_to_come_later_or_to_be_left_out_are_not_there():
    other_meaning = {"configure", "reset"}  # of RLA's logger; the manager and the time trackers have their own
    assert sorted((rla_names("later|left out") - other_meaning) & known_names()) == []
