"""The reference page tells every setting as the code has it."""

import json
import re
from pathlib import Path

import pytest

from rla.core.config import RlaConfig, load_config
from rla.core.config_schema import SETTINGS
from rla.core.setting_kinds import Choice, Items
from rla.core.setup_files import GITIGNORE_LINES
from rla.errors import ConfigError

PAGE = (Path(__file__).parents[2] / "docs/reference/configuration.md").read_text(encoding="utf-8")


def row(key):
    (line,) = [line for line in PAGE.splitlines() if line.startswith(f"| `{key}` |")]
    return [cell.strip() for cell in line.strip("|").split("|")]


@pytest.mark.parametrize("key", SETTINGS)
def test_each_setting_has_a_row_with_its_default_and_its_variable(key):
    config, setting = RlaConfig(), SETTINGS[key]
    default = getattr(config.remote if key.startswith("REMOTE_SETTING.") else config, setting.attribute)
    if key in ("DATA_ROOT", "INDEX_URL"):
        default = default or ""
    _, meaning, _, told_default, told_variable = row(key)
    assert meaning.endswith(".")
    assert told_default.split(" (")[0] == f"`{json.dumps(default)}`"
    assert told_variable == (f"`{setting.variable}`" if setting.variable else "-")


@pytest.mark.parametrize("key", [key for key, setting in SETTINGS.items() if isinstance(setting.kind, (Choice, Items))])
def test_each_allowed_word_is_told(key):
    kind = SETTINGS[key].kind
    choice = kind.item if isinstance(kind, Items) else kind
    assert set(getattr(choice, "words", ())) <= set(re.findall(r"`(\w+)`", row(key)[2]))


def test_no_row_tells_of_a_setting_that_is_not_there():
    rows = re.findall(r"^\| `([A-Z_.a-z]+)` \|", PAGE.partition("## Variables")[0], flags=re.MULTILINE)
    assert sorted(rows) == sorted(SETTINGS)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("\n\nLOG_USE: [csv]", "LOG_USE is not"),
        ("LOG_USED:\n - csv\n - tensorbord", "LOG_USED[1] is"),
        ("\n\nDL_FRAMEWORK:", "DL_FRAMEWORK has"),
        ("\n\nSEND_LOG_FILE: 'False'", "SEND_LOG_FILE is"),
        ("LOG_USED: [csv]\n\nLOG_USED: [csv]", "has LOG_USED twice"),
    ],
)
def test_each_message_is_what_a_user_gets(tmp_path, content, told):
    path = tmp_path / "rla_config.yaml"
    path.write_text(content)
    (message,) = [text for text in re.findall(r"^\| `(.*?)` \|", PAGE, flags=re.MULTILINE) if told in text]
    with pytest.raises(ConfigError) as caught:
        load_config(path, environ={})
    assert str(caught.value) == f"{tmp_path}/{message}"


def test_an_empty_device_is_no_file():
    assert load_config(environ={"RLA_CONFIG": "/dev/null"}).log_used == RlaConfig().log_used


def test_each_directory_that_git_is_told_to_ignore_is_named():
    named = PAGE.partition("## .gitignore")[2]
    directories = [line.removeprefix("**/").removesuffix("/**") for line in GITIGNORE_LINES if line.endswith("/**")]
    assert all(f"`{name}`" in named for name in directories if name != ".rla")
