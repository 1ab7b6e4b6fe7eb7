"""Grids that are read from words and files."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rla.errors import ConfigError, GridError
from rla.sweep.command_grid import grid_of, load_function, read_file, read_words, value_of


def ppo(env_fn, ac_kwargs=None, clip_ratio=0.2, seed=0, logger_kwargs=None):
    """As spinningup's are."""


def own(hid, env):
    """Has arguments of its own that are short forms there."""


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("-1", -1),
        ("True", True),
        ("None", None),
        ("[64,64]", [64, 64]),
        ("(64,)", (64,)),
        ("{'a': 1}", {"a": 1}),
        ("'1'", "1"),
        ("text", "text"),
        ("true", "true"),
        ("os.system", "os.system"),
        ("__import__('os').system('true')", "__import__('os').system('true')"),
        ("print", "print"),
        ("1+1", "1+1"),
        ("0123", "0123"),
        ("CartPole-v1", "CartPole-v1"),
        ("a--b", "a--b"),
        ("", ""),
    ],
)
def test_a_value_is_a_literal_or_text_and_nothing_is_evaluated(text, value):
    found = value_of(text)
    assert (found, type(found)) == (value, type(value))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        st.lists,
    )
)
def test_every_literal_is_read_as_python_writes_it(value):
    assert value_of(repr(value)) == value


def test_a_name_of_an_allowed_module_is_what_it_names():
    torch = pytest.importorskip("torch")
    assert value_of("torch.nn.Tanh") is torch.nn.Tanh
    with pytest.raises(GridError, match=r"torch.nn has no 'Tanhh'; did you mean 'Tanh'\?"):
        value_of("torch.nn.Tanhh")


def test_a_module_can_be_allowed():
    assert value_of("math.sqrt") == "math.sqrt"
    assert value_of("math.sqrt", ["math"]) is __import__("math").sqrt
    with pytest.raises(GridError, match=r"nothing_like_it\.f cannot be had"):
        value_of("nothing_like_it.f", ["nothing_like_it"])


@pytest.mark.parametrize("text", ["[32,", "(1, 2", "{'a'", "[torch.nn.Tanh]"])
def test_a_list_that_was_split_by_the_shell_is_refused(text):
    with pytest.raises(GridError, match="quote one that holds spaces"):
        value_of(text)


def test_words_are_a_function_and_its_parameters():
    asked = read_words(["m:f", "--lr", "1e-3", "1e-4", "--hidden-sizes[hid]", "[64,64]", "--net:act=relu", "--fast"])
    assert asked.function == "m:f"
    assert asked.parameters == {
        "lr": ([0.001, 0.0001], None),
        "hidden_sizes": ([[64, 64]], "hid"),
        "net:act": (["relu"], None),
        "fast": ([True], None),
    }


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "say what to run first"),
        (["--lr", "1"], "say what to run first"),
        (["m:f", "1"], "'1' stands before any parameter"),
        (["m:f", "--lr", "1", "--lr", "2"], "--lr is given twice"),
        (["m:f", "--1x", "2"], "'--1x' is no parameter"),
        (["m:f", "--"], "'--' is no parameter"),
    ],
)
def test_words_that_cannot_be_read_are_refused(words, message):
    with pytest.raises(GridError, match=message):
        read_words(words)


def test_the_parameters_keep_the_order_in_which_they_were_given():
    words = ["m:ppo", "--clip_ratio", "0.1", "0.2", "--hid[h]", "[32,32]", "[64,32]", "--env", "E", "--seed", "0", "10"]
    grid = grid_of(read_words(words), ppo)
    assert grid.keys == ["clip_ratio", "ac_kwargs:hidden_sizes", "env_name", "seed"]
    assert grid.shs == ["cli", "h", "env", "see"]
    assert grid.variant_name(grid.variants()[0]) == "ppo_cli0-1_h32-32"


def test_short_forms_mean_themselves_in_a_function_that_has_them():
    grid = grid_of(read_words(["m:own", "--hid", "1", "--env", "2"]), own)
    assert grid.keys == ["hid", "env"]


# --- files


@pytest.fixture
def file(tmp_path):
    """Read a grid from the text of a file."""

    def read(text):
        path = tmp_path / "sweep.yaml"
        path.write_text(text, encoding="utf-8")
        return read_file(path)

    return read


def test_a_file_says_the_same(file):
    asked = file(
        """
        function: train:train
        name: first
        parameters:
          lr: [1e-3, 0.01]
          hidden_sizes[hid]: [[64, 64], [32]]
          net:
            act: [relu, tanh]
            layers: 2
          flag: true
          nothing: null
        run: {jobs: 2, gpus: [0, 1], on_failure: stop}
        """
    )
    assert (asked.function, asked.name) == ("train:train", "first")
    assert asked.parameters == {
        "lr": ([0.001, 0.01], None),
        "hidden_sizes": ([[64, 64], [32]], "hid"),
        "net:act": (["relu", "tanh"], None),
        "net:layers": ([2], None),
        "flag": ([True], None),
        "nothing": ([None], None),
    }
    assert asked.run == {"jobs": 2, "gpus": [0, 1], "on_failure": "stop"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: x", "it must say what to run"),
        ("function: m:f\nparamters: {}", r"has no 'paramters'; did you mean 'parameters'\?"),
        ("function: m:f\nrun: {job: 2}", r"run has no 'job'; did you mean 'jobs'\?"),
        ("function: m:f\nrun: 2", "run is a mapping"),
        ("function: m:f\nparameters: [lr]", "parameters are a mapping"),
        ("function: m:f\nparameters: {'a[b': 1}", r"'a\[b' is no parameter"),
        ("function: [", "sweep.yaml"),
    ],
)
def test_a_file_that_says_something_else_is_refused(file, text, message):
    with pytest.raises(ConfigError, match=message):
        file(text)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(GridError, match="does not exist"):
        read_file(tmp_path / "none.yaml")


def test_words_behind_a_file_change_its_parameters(tmp_path):
    path = tmp_path / "sweep.yaml"
    path.write_text("function: m:f\nparameters: {lr: [1, 2], n: 3}\n")
    asked = read_words([str(path), "--lr", "5"])
    assert asked.parameters == {"lr": ([5], None), "n": ([3], None)}


# --- functions


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("train", "names no function: write module:function"),
        ("train.py:f", "'train.py:f' names a file: write its module, as train:f"),
        ("no_such_module_here:f", "no_such_module_here cannot be imported: ModuleNotFoundError"),
        ("json:dump_s", r"json has no function 'dump_s'; did you mean 'dumps'\?"),
        ("json:__doc__", "json has no function '__doc__'"),
    ],
)
def test_what_names_no_function_is_refused(text, message):
    with pytest.raises(GridError, match=message):
        load_function(text)


def test_a_module_that_fails_when_it_is_imported_is_told(place, monkeypatch):
    (place / "broken_module_of_mine.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(str(place))
    with pytest.raises(GridError, match="broken_module_of_mine cannot be imported: ZeroDivisionError"):
        load_function("broken_module_of_mine:f")
