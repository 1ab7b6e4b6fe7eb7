"""rla setup."""

from __future__ import annotations

from rla.core.config import load_config


def test_it_writes_a_configuration_that_can_be_loaded_and_the_lines_for_git(command, empty):
    done = command("setup")
    assert done.code == 0
    assert {file.name for file in empty.iterdir()} == {"rla_config.yaml", ".gitignore"}
    load_config(empty / "rla_config.yaml")
    assert "**/log/**" in (empty / ".gitignore").read_text().splitlines()


def test_a_second_time_changes_nothing(command, empty):
    (empty / "rla_config.yaml").write_text("LOG_USED: [csv]\n")
    command("setup")
    before = {file.name: file.read_bytes() for file in empty.iterdir()}
    done = command("setup", "--json")
    assert (done.json["config_written"], done.json["added"]) == (False, [])
    assert {file.name: file.read_bytes() for file in empty.iterdir()} == before


def test_the_data_root_it_is_given_is_the_one_that_commands_use(command, empty, record, data_root):
    record()
    assert command("setup", "--data-root", data_root).code == 0
    assert len(command("ls").lines) == 2


def test_a_data_root_that_cannot_be_written_down_is_an_error(command, empty):
    assert command("setup", "--data-root", "").code == 1
    assert list(empty.iterdir()) == []
