"""Reading YAML: the numbers of YAML 1.2, text, lines."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rla.core.config_file import parse_yaml, read_config_file
from rla.errors import ConfigError

HERE = Path("rla_config.yaml")


def scalar(text):
    return parse_yaml(f"key: {text}".encode(), HERE)[0]["key"]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1e-3", 0.001),
        ("1E5", 100_000.0),
        ("-2e4", -20_000.0),
        (".5e1", 5.0),
        ("+1.5e3", 1500.0),
        ("1.e2", 100.0),
        ("1.5", 1.5),
        ("1.5e+3", 1500.0),
        (".inf", float("inf")),
    ],
)
def test_a_number_with_an_exponent_is_a_float(text, number):
    value = scalar(text)
    assert (type(value), value) == (float, number)


@pytest.mark.parametrize("text", ["1e", "e3", ".e3", "1e-", "1e3x", "-e1", "1e3.5", "v1e3"])
def test_what_only_looks_like_an_exponent_is_text(text):
    assert scalar(text) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_any_float_is_read_back_as_python_spells_it(number):
    assert scalar(repr(number)) == number


@pytest.mark.parametrize(("text", "value"), [("10", 10), ("true", True), ("'1e3'", "1e3"), ("", None), ("~", None)])
def test_other_scalars_are_what_yaml_says(text, value):
    assert scalar(text) == value


def test_each_key_and_item_knows_its_line():
    content = b"# comment\na: 1\nb:\n  c: x\n  d:\n    - 1\n    - 2\n"
    assert parse_yaml(content, HERE)[1] == {"": 2, "a": 2, "b": 3, "b.c": 4, "b.d": 5, "b.d[0]": 6, "b.d[1]": 7}


def test_an_alias_stands_for_its_anchor():
    assert parse_yaml(b"a: &x [1, 2]\nb: *x", HERE)[0] == {"a": [1, 2], "b": [1, 2]}


def test_windows_line_ends_and_a_byte_order_mark_are_read():
    assert parse_yaml(b"\xef\xbb\xbfa: 1\r\nb: 2\r\n", HERE) == ({"a": 1, "b": 2}, {"": 1, "a": 1, "b": 2})


def test_the_permission_bits_are_kept(tmp_path):
    path = tmp_path / "x.yaml"
    path.touch()
    path.chmod(0o640)
    assert read_config_file(path).mode == 0o640


@given(st.binary(max_size=300))
def test_random_bytes_raise_nothing_else(content):
    try:
        parse_yaml(content, HERE)
    except ConfigError:
        return
