"""The configuration: what is accepted, in which rank, and what is said of the rest."""

from pathlib import Path

import pytest

from rla.core.config import RemoteSetting, RlaConfig, load_config
from rla.core.config_schema import SETTINGS

UPSTREAM = """\
PROJECT_TYPE:
  backup_code_by: 'source'
BACKUP_CONFIG:
  lib_dir: './build/lib/'
  backup_code_dir:
    - 'proj'
    - 'train.py'
  ignore_code_paths:
    - '.gitignore'
    - '.backupcode_ignore'
LOG_USED:
  - 'log'
  - 'tensorboard'
  - 'csv'
  - 'stdout'
DL_FRAMEWORK: 'tensorflow'
SEND_LOG_FILE: False
REMOTE_SETTING:
  ftp_server: ''
  file_transfer_protocol: 'sftp'
  username: ''
  password: ''
  port: {port}
  remote_log_root: ''
"""


def load(source=None, **arguments):
    return load_config(source, **{"environ": {}, **arguments})


# ---- what is accepted


def test_no_file_at_all_gives_the_defaults(write):
    config = load()
    assert config == RlaConfig(project_root=Path.cwd())
    assert config.log_used == ("stdout", "log", "tensorboard", "csv")


@pytest.mark.parametrize("content", ["", "# only a comment\n", "---\n", "{}", "REMOTE_SETTING:\n", b"\xef\xbb\xbf"])
def test_an_empty_file_gives_the_defaults(write, content):
    path = write(content)
    assert load(path) == RlaConfig(path=path, project_root=path.parent)


@pytest.mark.parametrize(("written", "read"), [("21", 21), ("'2222'", 2222), ("''", None), ("", None)])
def test_an_upstream_file_is_accepted_unchanged(write, written, read):
    path = write(UPSTREAM.format(port=written))
    expected = RlaConfig(
        backup_code_dir=["proj", "train.py"],
        ignore_code_paths=[".gitignore", ".backupcode_ignore"],
        log_used=("log", "tensorboard", "csv", "stdout"),
        dl_framework="tensorflow",
        remote=RemoteSetting(file_transfer_protocol="sftp", port=read),
        path=path,
        project_root=path.parent,
    )
    assert load(path) == expected


def test_every_setting_can_be_given_as_a_mapping_in_code():
    given_values = {
        "PROJECT_TYPE": {"backup_code_by": "lib"},
        "BACKUP_CONFIG": {"backup_code_dir": ("a", Path("b")), "lib_dir": "c", "ignore_code_paths": []},
        "LOG_USED": ["json", "json", "csv"],
        "DL_FRAMEWORK": "numpy",
        "SEND_LOG_FILE": True,
        "REMOTE_SETTING": {"ftp_server": "s", "password_env": "E", "password_file": "f", "remote_data_root": "r"},
        "DATA_ROOT": Path("/data"),
        "INDEX_URL": "sqlite:////tmp/x.db",
        "INDEX_NAME_FORMAT": "underscore",
    }
    config = load(given_values, code_root="/project")
    assert config == RlaConfig(
        backup_code_by="lib",
        backup_code_dir=["a", "b"],
        lib_dir="c",
        log_used=("json", "csv"),
        dl_framework="numpy",
        send_log_file=True,
        remote=RemoteSetting(ftp_server="s", password_env="E", password_file="f", remote_data_root="r"),
        data_root="/data",
        index_url="sqlite:////tmp/x.db",
        index_name_format="underscore",
        project_root=Path("/project"),
    )


def test_an_omegaconf_configuration_is_a_mapping_in_code():
    from omegaconf import OmegaConf

    config = load(OmegaConf.create({"LOG_USED": ["csv"], "DL_FRAMEWORK": "numpy"}))
    assert (config.log_used, config.dl_framework) == (("csv",), "numpy")


def test_the_values_of_a_configuration_cannot_be_set():
    with pytest.raises(AttributeError):
        load({}).dl_framework = "numpy"


# ---- rank


def test_a_variable_beats_the_file(write):
    path = write("DL_FRAMEWORK: tensorflow\nLOG_USED: [json]\n")
    config = load(path, environ={"RLA_DL_FRAMEWORK": "numpy"})
    assert (config.dl_framework, config.log_used) == ("numpy", ("json",))


def test_the_command_line_beats_a_variable():
    config = load_config(overrides={"LOG_USED": ["csv"], "DL_FRAMEWORK": None}, environ={"RLA_LOG_USED": "json"})
    assert (config.log_used, config.dl_framework) == (("csv",), "torch")


def test_a_mapping_in_code_beats_the_command_line_and_variables():
    config = load({"DL_FRAMEWORK": "numpy"}, overrides={"DL_FRAMEWORK": "torch"}, environ={"RLA_DL_FRAMEWORK": "torch"})
    assert config.dl_framework == "numpy"


def test_a_mapping_in_code_takes_the_place_of_the_file_that_would_be_found(write):
    write("DL_FRAMEWORK: numpy")
    assert load({}).dl_framework == "torch"


def test_the_file_beats_the_defaults_that_a_caller_brings(write):
    path = write("DL_FRAMEWORK: numpy")
    config = load(path, defaults={"DL_FRAMEWORK": "tensorflow", "LOG_USED": ["csv"]})
    assert (config.dl_framework, config.log_used) == ("numpy", ("csv",))


@pytest.mark.parametrize(
    ("variable", "text", "attribute", "value"),
    [
        ("RLA_LOG_USED", " csv, json,", "log_used", ("csv", "json")),
        ("RLA_SEND_LOG_FILE", "Yes", "send_log_file", True),
        ("RLA_SEND_LOG_FILE", "0", "send_log_file", False),
        ("RLA_INDEX_URL", "postgresql://db/rla", "index_url", "postgresql://db/rla"),
        ("RLA_INDEX_NAME_FORMAT", "underscore", "index_name_format", "underscore"),
        ("RLA_DATA_ROOT", "/data", "data_root", "/data"),
        ("RLA_DL_FRAMEWORK", "", "dl_framework", "torch"),
        ("RLA_RUN_ID", "0123456789abcdef", "dl_framework", "torch"),
    ],
)
def test_a_variable_sets_its_key(variable, text, attribute, value):
    assert getattr(load({}, environ={variable: text}), attribute) == value


def test_the_variable_rla_config_names_the_file(write):
    named = write("DL_FRAMEWORK: numpy", "named.yaml")
    write("DL_FRAMEWORK: tensorflow")
    assert load(environ={"RLA_CONFIG": "named.yaml"}).path == named


def test_the_environment_is_read_when_the_function_is_called(monkeypatch):
    monkeypatch.setenv("RLA_DL_FRAMEWORK", "numpy")
    assert load_config({}).dl_framework == "numpy"


# ---- what relative paths are relative to


def test_the_data_root_of_a_file_is_relative_to_that_file(write, tmp_path, monkeypatch):
    path = write("DATA_ROOT: ../data")
    (tmp_path / "deep").mkdir()
    monkeypatch.chdir("deep")
    assert load(path).data_root == str(tmp_path.parent / "data")


def test_the_data_root_of_a_variable_is_relative_to_the_current_directory(write, tmp_path, monkeypatch):
    path = write("")
    (tmp_path / "deep").mkdir()
    monkeypatch.chdir("deep")
    assert load(path, environ={"RLA_DATA_ROOT": "data"}).data_root == str(tmp_path / "deep/data")


def test_the_data_root_of_a_mapping_is_relative_to_the_code_root(tmp_path):
    assert load({"DATA_ROOT": "data"}, code_root=tmp_path).data_root == str(tmp_path / "data")


def test_a_tilde_is_the_home_directory(monkeypatch):
    monkeypatch.setenv("HOME", "/home/someone")
    assert load({"DATA_ROOT": "~/rla"}).data_root == "/home/someone/rla"


def test_the_code_root_in_code_beats_the_directory_of_the_file(write, tmp_path):
    path = write("")
    assert load(path).project_root == tmp_path
    assert load(path, code_root="sub").project_root == tmp_path / "sub"


def test_a_current_directory_that_is_gone_is_told(tmp_path, run_python):
    script = (
        "import os, sys; os.chdir(sys.argv[1]); os.rmdir(sys.argv[1])\n"
        "from rla.core.config import load_config; from rla.errors import ConfigError\n"
        "try: load_config()\nexcept ConfigError as error: print(error)"
    )
    (tmp_path / "gone").mkdir()
    assert "cannot be used as a path" in run_python(script, tmp_path / "gone")


# ---- cost


def test_importing_the_configuration_loads_neither_yaml_nor_numpy(run_python):
    script = (
        "import sys; from rla.core.config import load_config; load_config({}, environ={})\n"
        "print([name for name in ('yaml', 'numpy', 'sqlalchemy', 'pandas') if name in sys.modules])"
    )
    assert run_python(script) == "[]\n"


def test_the_defaults_pass_their_own_checks():
    config = RlaConfig()
    for key, setting in SETTINGS.items():
        holder = config.remote if key.startswith("REMOTE_SETTING.") else config
        default = getattr(holder, setting.attribute)
        checked = setting.kind.check(default)
        assert checked in (default, default or "") or checked == list(default)
