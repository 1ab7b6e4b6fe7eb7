"""The page of the hermes file leaves nothing out."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from rla.hermes.hermesfile import SECTIONS, read_hermes_file
from rla.hermes.info import read_info_file
from rla.hermes.options import OPTIONS
from rla.hermes.settings import Settings
from tests.hermes.conftest import jobs_in

PAGE = (Path(__file__).parents[2] / "docs/reference/hermes-file.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```text\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def words(section: str) -> set[str]:
    """What stands in backticks in a section."""
    return set(re.findall(r"`([^`\n]+)`", PAGE.partition(f"\n## {section}\n")[2].partition("\n## ")[0]))


def test_every_section_setting_and_option_is_described():
    assert set(SECTIONS) <= words("Sections")
    assert {field.name for field in dataclasses.fields(Settings)} <= words("Settings")
    options = {word.split()[0] for word in words("Options of a job")}
    assert set(OPTIONS) <= options


def test_the_file_that_is_shown_can_be_read(tmp_path):
    (tmp_path / "a.hermes").write_text(BLOCKS[0])
    found = read_hermes_file(tmp_path / "a.hermes", Settings())
    commands = [" ".join(word.text for word in job.words) for job, _ in jobs_in(found)]
    shown = [re.sub(r" \S+_1930e -gamma 0.995 --env cartpole", "", line) for line in BLOCKS[1].splitlines()]
    assert commands == shown


def test_the_directives_that_are_shown_can_be_read(tmp_path):
    (tmp_path / "a.hermes").write_text("EXEC\n" + BLOCKS[2])
    assert len(list(jobs_in(read_hermes_file(tmp_path / "a.hermes", Settings())))) == 8


@pytest.mark.parametrize("exit_code", [0, 1])
def test_every_file_and_line_of_an_experiment_is_described(repository, hermes, exit_code):
    repository.hermes_file(f"[[python, say.py, --exit={exit_code}],[-ca gone, -c remark]]")
    hermes()
    (directory,) = repository.directories()
    described = words("The directory of an experiment")
    assert {path.name for path in directory.iterdir()} <= described
    assert set(read_info_file(directory)) <= described
