"""What `rla setup` writes."""

import io
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rla.core.config import RlaConfig, load_config
from rla.core.config_schema import SECTIONS, SETTINGS
from rla.core.setup_files import CONFIG_TEMPLATE, GITIGNORE_LINES, config_text, write_setup
from rla.errors import ConfigError

ROOT = Path(__file__).parents[2]
FULL = Path("/dev/full")


def test_the_example_at_the_top_of_the_source_is_the_template():
    assert (ROOT / "rla_config.example.yaml").read_text(encoding="utf-8") == CONFIG_TEMPLATE


def test_the_template_spells_the_defaults(tmp_path):
    path = tmp_path / "rla_config.yaml"
    path.write_text(CONFIG_TEMPLATE)
    assert load_config(path, environ={}) == RlaConfig(path=path, project_root=tmp_path)


@pytest.mark.parametrize("key", SETTINGS)
def test_each_setting_stands_in_the_template_below_its_comment(key):
    section, dot, leaf = key.rpartition(".")
    lines = CONFIG_TEMPLATE.partition(f"\n{section}:\n")[2].splitlines() if dot else CONFIG_TEMPLATE.splitlines()
    indent = "  " if dot else ""
    (index,) = [index for index, line in enumerate(lines) if line.startswith(f"{indent}{leaf}:")]
    assert lines[index - 1].startswith(f"{indent}# ")


def test_each_section_stands_in_the_template():
    assert all(f"\n{section}:\n" in CONFIG_TEMPLATE for section in SECTIONS)


def test_a_fresh_project_gets_both_files(tmp_path):
    report = write_setup(tmp_path, "rla_data")
    assert load_config(tmp_path / "rla_config.yaml", environ={}).data_root == str(tmp_path / "rla_data")
    assert set(GITIGNORE_LINES) < set((tmp_path / ".gitignore").read_text().splitlines())
    assert report.messages == (
        f"wrote {tmp_path}/rla_config.yaml",
        f"added {len(GITIGNORE_LINES)} lines to {tmp_path}/.gitignore",
    )


def test_without_a_data_root_the_template_is_written_as_it_is(tmp_path):
    write_setup(tmp_path)
    assert (tmp_path / "rla_config.yaml").read_text() == CONFIG_TEMPLATE


def test_a_configuration_that_is_there_is_never_written_over(tmp_path):
    (tmp_path / "rla_config.yaml").write_text("mine")
    report = write_setup(tmp_path, "other")
    assert (tmp_path / "rla_config.yaml").read_text() == "mine"
    assert report.messages[0] == f"kept, as it was, {tmp_path}/rla_config.yaml"


def test_a_link_that_leads_nowhere_is_not_written_through(tmp_path):
    (tmp_path / "rla_config.yaml").symlink_to("elsewhere.yaml")
    assert not write_setup(tmp_path).config_written
    assert not (tmp_path / "elsewhere.yaml").exists()


def test_a_second_time_changes_nothing(tmp_path):
    write_setup(tmp_path)
    before = (tmp_path / ".gitignore").read_bytes()
    report = write_setup(tmp_path)
    assert (report.added, (tmp_path / ".gitignore").read_bytes()) == ((), before)
    assert report.messages[1] == f"nothing to add to {tmp_path}/.gitignore"


@pytest.mark.parametrize("content", [b"*.pyc", b"*.pyc\n", b"*.pyc\r\n", b"M\xe9\n"])
def test_what_stands_in_gitignore_is_kept(tmp_path, content):
    (tmp_path / ".gitignore").write_bytes(content)
    write_setup(tmp_path)
    written = (tmp_path / ".gitignore").read_bytes()
    assert written.startswith(content)
    assert written.removeprefix(content).lstrip(b"\n").startswith(b"# What rla records\n**/archive_tester/**\n")


def test_only_lines_that_lack_are_added(tmp_path):
    (tmp_path / ".gitignore").write_bytes(b"**/log/**\r\n  **/code/**  \n")
    added = write_setup(tmp_path).added
    assert set(GITIGNORE_LINES) - set(added) == {"**/log/**", "**/code/**"}


def test_git_ignores_what_runs_write_and_nothing_that_is_source(tmp_path):
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    write_setup(tmp_path)
    kinds = ["log", "code", "checkpoint", "results", "hyperparameter", "tmp_data", "archive_tester", "arc/log"]
    recorded = [f"data/{kind}/demo/2026/01/02/name &lr=1/file" for kind in kinds]
    recorded += ["data/rla.db", "data/rla.db-wal", "rla.db-shm", "data/.rla/root.json", "log/demo/x"]
    source = ["login.py", "src/decode/x.py", "my_results.py", "rla.dbx", "src/arc.py", "rla_config.yaml", "logs/x"]
    command = ["git", "-C", tmp_path, "check-ignore", "--no-index", *recorded, *source]
    ignored = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert ignored.splitlines() == recorded


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0~/."), min_size=1, max_size=40))
def test_any_data_root_is_read_back(tmp_path, root):
    path = tmp_path / "rla_config.yaml"
    path.write_text(config_text(root), encoding="utf-8", newline="")
    assert load_config(path, environ={}).data_root == str(tmp_path / root)


@pytest.mark.parametrize("root", ["", "a\0b", "\udcff"])
def test_a_data_root_that_yaml_cannot_hold_is_refused_before_anything_is_written(tmp_path, root):
    with pytest.raises(ConfigError, match="cannot stand as DATA_ROOT"):
        write_setup(tmp_path, root)
    assert not list(tmp_path.iterdir())


def test_a_directory_that_is_not_there_is_told(tmp_path):
    with pytest.raises(ConfigError, match="cannot be written: No such file or directory"):
        write_setup(tmp_path / "gone")


def test_a_gitignore_that_cannot_be_read_is_told(tmp_path):
    (tmp_path / ".gitignore").mkdir()
    with pytest.raises(ConfigError, match="gitignore cannot be written: Is a directory"):
        write_setup(tmp_path)


@pytest.mark.skipif(not FULL.exists(), reason="needs a device that is always full")
def test_half_a_configuration_is_not_left_behind(tmp_path, monkeypatch):
    def open_full(path, *_, **__):
        path.touch()
        return io.open(FULL, "w", encoding="utf-8")  # noqa: UP020 - Path.open is what is replaced

    monkeypatch.setattr(Path, "open", open_full)
    with pytest.raises(ConfigError, match="No space"):
        write_setup(tmp_path)
    assert not list(tmp_path.iterdir())
