"""What is said of a configuration that is wrong, and what is never said."""

import os
import warnings
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rla.core.config import load_config, without_password
from rla.core.config_schema import SETTINGS
from rla.errors import ConfigError, RlaWarning


def load(source=None, **arguments):
    return load_config(source, **{"environ": {}, **arguments})


def refusal(source, **arguments):
    with pytest.raises(ConfigError) as caught:
        load(source, **arguments)
    message = str(caught.value)
    assert "\n" not in message
    return message


# ---- errors


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("LOG_USE: [csv]", ":1: LOG_USE is not a setting; did you mean LOG_USED?"),
        ("log_used: [csv]", ":1: log_used is not a setting; did you mean LOG_USED?"),
        ("lib_dir: x", ":1: lib_dir is not a setting; did you mean BACKUP_CONFIG.lib_dir?"),
        ("REMOTE_SETTING:\n  prot: 1", ":2: REMOTE_SETTING.prot is not a setting; did you mean REMOTE_SETTING.port?"),
        ("REMOTE_SETTING.port: 1", ":1: REMOTE_SETTING.port is not a setting; write port inside the mapping"),
        ("zzz: 1", ":1: zzz is not a setting; the settings are PROJECT_TYPE, "),
        (
            "DL_FRAMEWORK: torch\nLOG_USED:\n  - csv\n  - tensorbord",
            ":4: LOG_USED[1] is 'tensorbord'; allowed: stdout, log, tensorboard, csv, json",
        ),
        ("LOG_USED: csv", ":1: LOG_USED is 'csv'; a list is wanted of: stdout, "),
        ("LOG_USED:", ":1: LOG_USED has no value; a list is wanted of: stdout, "),
        ("DL_FRAMEWORK:", ":1: DL_FRAMEWORK has no value; allowed: torch, tensorflow, numpy"),
        ("DL_FRAMEWORK: {a: 1}", ":1: DL_FRAMEWORK is a mapping; allowed: torch, tensorflow, numpy"),
        ("SEND_LOG_FILE: 'False'", ":1: SEND_LOG_FILE is 'False'; allowed: true, false (without quotes)"),
        ("DATA_ROOT: 7", ":1: DATA_ROOT is the number 7; text is wanted"),
        ("DATA_ROOT: 2024-01-31", ":1: DATA_ROOT is a date; text is wanted"),
        ('DATA_ROOT: "a\\0b"', ":1: DATA_ROOT is 'a\\x00b'; text without NUL is wanted"),
        ("REMOTE_SETTING: {port: 65536}", "port is the number 65536; a number from 1 to 65535 is wanted"),
        ("REMOTE_SETTING: {port: true}", "port is true; a number from 1 to 65535 is wanted"),
        ("REMOTE_SETTING: [a]", ":1: REMOTE_SETTING is a list; a mapping is wanted, with the keys ftp_server, "),
        ("<<: {DATA_ROOT: x}", ":1: << is not a setting"),
    ],
)
def test_a_wrong_setting_is_told_with_its_line_and_what_is_allowed(write, content, told):
    path = write(content)
    assert refusal(path).startswith(str(path))
    assert told in refusal(path)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"LOG_USED: [csv\n", ":2 is not YAML"),
        (b"PROJECT_TYPE:\n\tbackup_code_by: lib\n", "indent with blanks, not tabs"),
        (b"DL_FRAMEWORK: torch\nDL_FRAMEWORK: numpy\n", ":2 has DL_FRAMEWORK twice, first on line 1"),
        (b"REMOTE_SETTING:\n  port: 1\n  port: 2\n", ":3 has REMOTE_SETTING.port twice, first on line 2"),
        (b"- DL_FRAMEWORK\n", "does not hold settings"),
        (b"just text\n", "does not hold settings"),
        (b"1: a\n", ":1 has a key that is not text"),
        (b"yes: a\n", ":1 has a key that is not text"),
        (b"[a]: a\n", ":1 has a key that is not text"),
        (b"DATA_ROOT: 2024-99-99\n", ":1 has a value that is no timestamp"),
        (b"DATA_ROOT: !!int x\n", ":1 has a value that is no int"),
        (b"DATA_ROOT: !!python/object:os.system x\n", "put it in quotes"),
        (b"DATA_ROOT: !mine x\n", ":1 has a value with a tag"),
        (b"DATA_ROOT: a\n---\nDATA_ROOT: b\n", "expected a single document in the stream: but found another"),
        (b"DATA_ROOT: *nowhere\n", ":1 is not YAML: found undefined alias"),
        (b"DATA_ROOT: " + b"[" * 100_000, "is nested deeper than 20 levels"),
        (b"DATA_ROOT: M\xe9\n", "is not UTF-8 text (byte 12)"),
        (b"\x00\x01\x02", "is not YAML: it holds a character that YAML does not allow"),
        (b"# " + b"x" * 2_000_000, "is larger than 1000000 bytes"),
    ],
)
def test_a_broken_file_is_told_on_one_line(write, content, told):
    assert told in refusal(write(content))


def test_aliases_cannot_blow_a_file_up(write):
    levels = "".join(f"  a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 18))
    assert "is not a setting" in refusal(write(f"BACKUP_CONFIG:\n  a0: &a0 [x]\n{levels}"))


def test_a_list_that_holds_itself_is_told(write):
    assert "LOG_USED[0] has no value" in refusal(write("LOG_USED: &loop [*loop]"))


def test_a_missing_file_is_told(write, tmp_path):
    assert refusal(tmp_path / "no.yaml") == f"{tmp_path}/no.yaml does not exist; `rla setup` writes one"


def test_a_directory_is_told(write, tmp_path):
    assert "is a directory; give the file in it" in refusal(tmp_path)


def test_a_file_in_a_file_is_told(write):
    assert "cannot be read: Not a directory" in refusal(write("") / "rla_config.yaml")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_file_without_read_permission_is_told(open_directory, run_python):
    path = open_directory / "rla_config.yaml"
    path.touch(mode=0)
    script = (
        "import os, sys; from pathlib import Path; from rla.core.config_file import read_config_file\n"
        "from rla.errors import ConfigError; os.seteuid(65534)\n"
        "try: read_config_file(Path(sys.argv[1]))\nexcept ConfigError as error: print(error)"
    )
    assert run_python(script, path) == f"{path} cannot be read: Permission denied\n"


@pytest.mark.parametrize("source", ["", "a\0b", 7, b"bytes", ["list"]])
def test_a_source_that_is_no_path_is_told(source):
    assert refusal(source).startswith("rla_config ")


def test_a_wrong_variable_is_told_by_its_name():
    told = refusal({}, environ={"RLA_LOG_USED": "csv,tensorbord"})
    assert told == "RLA_LOG_USED[1] is 'tensorbord'; allowed: stdout, log, tensorboard, csv, json"


def test_a_wrong_option_of_the_command_line_is_told():
    assert refusal({}, overrides={"LOG_USED": ["x"]}).startswith("command line: LOG_USED[0] is 'x'; allowed: ")


def test_an_error_carries_where_the_setting_stands(write):
    path = write("LOG_USED: [csv, x]")
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert (caught.value.path, caught.value.key) == (path, "LOG_USED[1]")
    assert caught.value.allowed == ("stdout", "log", "tensorboard", "csv", "json")


def test_a_key_with_control_characters_stays_on_one_line(write):
    assert r"\x1b[31mred\n is not a setting" in refusal(write(r'"\e[31mred\n": 1'))


# ---- secrets


def test_the_password_is_not_in_any_representation(write):
    path = write("REMOTE_SETTING: {password: hunter2}\nINDEX_URL: postgresql://me:hunter2@db/rla")
    config = load(path)
    assert config.remote.password == "hunter2"
    shown = [repr(config), str(config), repr(config.remote), str(config.remote), f"{config}"]
    shown += [str(config.__rich_repr__()), str(config.remote.__rich_repr__())]
    assert not any("hunter2" in text for text in shown)
    assert "postgresql://me:***@db/rla" in repr(config)


@pytest.mark.parametrize(
    "content",
    [
        "REMOTE_SETTING: {password: 123456}",
        "REMOTE_SETTING: {password: [123456]}",
        'REMOTE_SETTING: {password: "123456\\0"}',
        "REMOTE_SETTING: {password: 2024-123456}\nX: 1",
        "REMOTE_SETTING: {passw: '123456'}",
        "REMOTE_SETTING: '123456'",
        "REMOTE_SETTING:\n  password: *123456\n",
        "REMOTE_SETTING:\n  password: !123456 x\n",
        "REMOTE_SETTING:\n  password: '123456\n",
        "REMOTE_SETTING:\n  password: %123456\n",
        "REMOTE_SETTING:\n  password: a: 123456\n",
        "INDEX_URL: ['postgresql://me:123456@db/rla']",
    ],
)
def test_a_password_never_reaches_a_message(write, content):
    assert "123456" not in refusal(write(content)).replace(str(Path.cwd()), "")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me:pw@db:5432/rla", "postgresql://me:***@db:5432/rla"),
        ("postgresql+psycopg://me:p@ss/w:rd@db/rla", "postgresql+psycopg://me:***@db/rla"),
        ("postgresql://:pw@db/rla", "postgresql://:***@db/rla"),
        ("postgresql://db/rla?user=me&password=pw&x=1", "postgresql://db/rla?user=me&password=***&x=1"),
        ("postgresql://me@db:5432/rla", "postgresql://me@db:5432/rla"),
        ("sqlite:////tmp/a:b/rla.db", "sqlite:////tmp/a:b/rla.db"),
    ],
)
def test_a_shown_url_has_no_password(url, shown):
    assert without_password(url) == shown


@pytest.mark.parametrize("content", ["REMOTE_SETTING: {password: pw}", "INDEX_URL: postgresql://me:pw@db/rla"])
@pytest.mark.parametrize("mode", [0o640, 0o604])
def test_a_password_that_others_can_read_is_warned_of(write, content, mode):
    path = write(content)
    path.chmod(mode)
    with pytest.warns(RlaWarning, match="can be read by other users; run  chmod 600") as caught:
        load_config(path, environ={})
    assert caught[0].filename == __file__


@pytest.mark.parametrize("content", ["REMOTE_SETTING: {password: ''}", "REMOTE_SETTING: {password_env: FTP_PASSWORD}"])
def test_a_file_without_a_password_may_be_read_by_all(write, content):
    path = write(content)
    path.chmod(0o644)
    load(path)


# ---- nothing but ConfigError

_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.dates()
_KEYS = st.sampled_from([part for key in SETTINGS for part in key.split(".")]) | st.text(max_size=8) | st.integers()
_TREES = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4), max_leaves=8
)


def loads_or_refuses(source):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RlaWarning)
        try:
            load_config(source, environ={})
        except ConfigError as error:
            message = str(error)
        else:
            message = ""
    assert "\n" not in message


@given(st.dictionaries(_KEYS, _TREES, max_size=4))
def test_any_mapping_is_taken_or_refused(values):
    loads_or_refuses(values)


@given(_TREES)
def test_any_yaml_is_taken_or_refused(tmp_path_factory, values):
    import yaml

    path = tmp_path_factory.getbasetemp() / "random.yaml"
    path.write_text(yaml.safe_dump(values, allow_unicode=True), encoding="utf-8", errors="replace")
    loads_or_refuses(path)


@given(st.binary(max_size=200) | st.text(alphabet="{}[]&*!|>'\"%@`:-?#,\n\t a1~<=", max_size=60).map(str.encode))
def test_any_bytes_are_taken_or_refused(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "random.yaml"
    path.write_bytes(content)
    loads_or_refuses(path)
