"""Finding the configuration and the data root upward."""

import os
import shutil
from pathlib import Path

import pytest

from rla.core.config import RlaConfig, load_config
from rla.core.find_database import absolute, find_config, find_data_root
from rla.errors import ConfigError

STRANGER = 12_345
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")


@pytest.fixture
def deep(tmp_path):
    directory = tmp_path / "project/src/deep"
    directory.mkdir(parents=True)
    return directory


def test_the_nearest_configuration_upward_is_found(tmp_path, deep):
    (tmp_path / "rla_config.yaml").touch()
    near = tmp_path / "project/rla_config.yaml"
    near.touch()
    assert find_config(deep) == near


def test_no_configuration_is_none(deep):
    assert find_config(deep) is None


def test_the_home_directory_does_not_stop_the_search(tmp_path, deep, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "project"))
    (tmp_path / "rla_config.yaml").touch()
    assert find_config(deep) == tmp_path / "rla_config.yaml"


def test_a_link_that_leads_nowhere_is_told_rather_than_passed_over(deep, monkeypatch):
    (deep / "rla_config.yaml").symlink_to("gone.yaml")
    monkeypatch.chdir(deep)
    with pytest.raises(ConfigError, match="does not exist"):
        load_config(environ={})


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_directory_that_may_not_be_looked_into_is_passed_over(open_directory, run_python):
    deep = open_directory / "a/b"
    deep.mkdir(parents=True)
    (open_directory / "a").chmod(0)
    script = (
        "import os, sys; from pathlib import Path; from rla.core.find_database import find_config\n"
        "os.chdir(sys.argv[1]); os.seteuid(65534); print(find_config(Path(sys.argv[1])))"
    )
    assert run_python(script, deep) == "None\n"


def test_the_argument_beats_everything_and_is_relative_to_the_current_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = find_data_root("mine", RlaConfig(data_root="/config"), {"RLA_DATA_ROOT": "/variable"}, tmp_path)
    monkeypatch.chdir("/")
    assert found == tmp_path / "mine"


def test_the_configuration_beats_what_lies_upward(deep):
    (deep / ".rla").mkdir()
    assert find_data_root(None, RlaConfig(data_root="/config"), {}, deep) == Path("/config")


def test_the_variable_counts_where_there_is_no_configuration(deep):
    (deep / ".rla").mkdir()
    assert find_data_root(None, None, {"RLA_DATA_ROOT": "/variable"}, deep) == Path("/variable")


def test_the_data_root_of_the_nearest_configuration_is_used(tmp_path, deep, monkeypatch):
    (tmp_path / "project/rla_config.yaml").write_text("DATA_ROOT: data")
    monkeypatch.chdir(deep)
    config = load_config(environ={})
    assert find_data_root(None, config, {}, deep) == tmp_path / "project/data"


def test_the_nearest_directory_upward_that_holds_a_database_is_used(tmp_path, deep):
    (tmp_path / ".rla").mkdir()
    (tmp_path / "project/.rla").mkdir()
    assert find_data_root(None, RlaConfig(), {}, deep) == tmp_path / "project"


@pytest.mark.parametrize("name", ["rla_data", "experiments"])
def test_what_rla_init_and_hermes_make_is_found_beside_the_way_up(tmp_path, deep, name):
    (tmp_path / name / ".rla").mkdir(parents=True)
    assert find_data_root(None, None, {}, deep) == tmp_path / name


def test_a_file_of_that_name_is_no_database(tmp_path, deep):
    (tmp_path / "project/.rla").touch()
    assert find_data_root(None, None, {"RLA_DATA_ROOT": ""}, deep) is None


@pytest.mark.parametrize("argument", ["", "a\0b", 7, b"bytes"])
def test_an_argument_that_is_no_path_is_told(argument, tmp_path):
    with pytest.raises(ConfigError, match=r"^data_root "):
        find_data_root(argument, None, {}, tmp_path)


# ---- whose it is


@as_root
def test_a_configuration_of_another_user_is_refused_with_the_way_to_name_it(tmp_path, deep):
    path = tmp_path / "project/rla_config.yaml"
    path.touch()
    os.chown(path, STRANGER, STRANGER)
    with pytest.raises(ConfigError) as caught:
        find_config(deep)
    told = f"belongs to uid {STRANGER}, not to you; to use it, set RLA_CONFIG={path}"
    assert str(caught.value) == f"{path} was found by looking upward and {told}"


@as_root
def test_a_link_of_another_user_is_refused_whatever_it_leads_to(tmp_path, deep):
    (tmp_path / "own.yaml").touch()
    link = deep / "rla_config.yaml"
    link.symlink_to(tmp_path / "own.yaml")
    os.lchown(link, STRANGER, STRANGER)
    with pytest.raises(ConfigError, match="belongs to uid"):
        find_config(deep)


@as_root
def test_a_configuration_of_another_user_is_used_when_it_is_named(tmp_path, deep, monkeypatch):
    path = deep / "rla_config.yaml"
    path.write_text("DL_FRAMEWORK: numpy")
    os.chown(path, STRANGER, STRANGER)
    assert load_config(path, environ={}).dl_framework == "numpy"
    assert load_config(environ={"RLA_CONFIG": str(path)}).dl_framework == "numpy"


@as_root
@pytest.mark.parametrize("given_away", [".", ".rla"])
def test_a_database_of_another_user_is_refused_with_the_way_to_name_it(tmp_path, deep, given_away):
    (tmp_path / "project/.rla").mkdir()
    os.chown(tmp_path / "project" / given_away, STRANGER, STRANGER)
    with pytest.raises(ConfigError, match="give --data-root, or set RLA_DATA_ROOT=") as caught:
        find_data_root(None, None, {}, deep)
    assert caught.value.path == tmp_path / "project" / given_away


@as_root
def test_a_user_may_use_what_is_his_own_and_what_is_roots(open_directory, run_python):
    own, roots = open_directory / "own", open_directory / "roots"
    for directory in (own, roots):
        directory.mkdir(mode=0o755)
        (directory / "rla_config.yaml").touch(mode=0o644)
    shutil.chown(own / "rla_config.yaml", STRANGER)
    script = (
        "import os, sys; from pathlib import Path; from rla.core.find_database import find_config\n"
        f"os.seteuid({STRANGER}); print(*(find_config(Path(each)).parent.name for each in sys.argv[1:]))"
    )
    assert run_python(script, own, roots) == "own roots\n"


# ---- absolute paths


def test_links_stay_as_they_are(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    assert absolute("x", tmp_path / "link") == tmp_path / "link/x"


def test_two_dots_are_taken_through_links(tmp_path):
    (tmp_path / "far/real").mkdir(parents=True)
    (tmp_path / "link").symlink_to("far/real")
    assert absolute("../x", tmp_path / "link") == tmp_path / "far/x"


def test_a_home_that_is_not_known_is_told():
    with pytest.raises(ConfigError, match="cannot be used as a path"):
        absolute("~nobody-has-this-name/x")
