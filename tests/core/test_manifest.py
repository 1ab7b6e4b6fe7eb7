"""The three files of a run: written, read back, and refused when they are something else."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rla.core import manifest
from rla.core.manifest import Manifest, Notes, State

_TEXT = st.text(st.characters(), max_size=15)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT | st.integers(), inner, max_size=3),
    max_leaves=8,
)
_MANIFESTS = st.builds(
    Manifest,
    uid=st.text("0123456789abcdef", min_size=16, max_size=16),
    task=_TEXT,
    created=_TEXT,
    ip=_TEXT,
    tracked=_TEXT,
    name=_TEXT,
    started=st.floats(allow_nan=False),
    tracked_keys=st.lists(_TEXT, max_size=3),
    hyperparameters=st.dictionaries(_TEXT, _VALUES, max_size=4),
    seed=st.none() | st.integers(),
    argv=st.lists(_TEXT, max_size=3),
    git=st.dictionaries(_TEXT, _VALUES, max_size=2),
)
_STATES = st.builds(
    State,
    heartbeat=st.none() | st.floats(allow_nan=False),
    time_step=st.none() | st.integers(),
    error=st.none() | _TEXT,
    summary=st.dictionaries(_TEXT, st.floats(allow_nan=False), max_size=4),
    lost=st.dictionaries(_TEXT, st.integers(), max_size=2),
)
_NOTES = st.builds(Notes, tags=st.lists(_TEXT, max_size=3), notes=_TEXT)


@given(_MANIFESTS | _STATES | _NOTES)
def test_a_record_comes_back_as_it_was(record):
    assert manifest.decode(manifest.encode(record), type(record)) == record


def test_nan_in_a_summary_comes_back():
    state = manifest.decode(manifest.encode(State(summary={"loss": float("nan")})), State)
    assert str(state.summary) == "{'loss': nan}"


def test_the_file_is_indented_json_with_a_newline_at_its_end():
    content = manifest.encode(Notes(tags=["good"], notes="é"))
    assert content.decode() == '{\n  "tags": [\n    "good"\n  ],\n  "notes": "é"\n}\n'


def test_every_field_is_written():
    record = Manifest(uid="0", task="t", created="c", ip="i", tracked="", name="n", started=0.0)
    assert list(json.loads(manifest.encode(record))) == list(Manifest.__struct_fields__)


def test_fields_of_a_newer_version_are_passed_over():
    assert manifest.decode(b'{"tags": ["a"], "later": {"$x": 1}}', Notes) == Notes(tags=["a"])


def test_a_manifest_does_not_change():
    record = Manifest(uid="0", task="t", created="c", ip="i", tracked="", name="n", started=0.0)
    with pytest.raises(AttributeError):
        record.task = "other"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"7",
        b'{"uid": 7, "summary": 7, "tags": 7}',
        b"\xff\xfe",
        b"{",
        b'{"notes": {"$text": 5}}',
        b'{"notes": {"$text": "\\\\N{no such name}"}}',
        b'{"notes": {"$float": "x"}}',
        b'{"notes": {"$int": "x"}}',
        b'{"notes": {"$int": []}}',
        b'{"notes": {"$map": 5}}',
        b'{"notes": {"$map": [[1]]}}',
        b"[" * 100_000,
        b'{"x":' * 5000 + b"1" + b"}" * 5000,
    ],
)
@pytest.mark.parametrize("kind", [Manifest, State, Notes])
def test_what_is_no_such_file_is_a_value_error(content, kind):
    with pytest.raises(ValueError, match=f"not a {kind.__name__.lower()} file of rla"):
        manifest.decode(content, kind)


@given(st.binary(max_size=100) | _VALUES.map(lambda value: msgspec.json.encode(str(value))))
def test_random_content_is_a_record_or_a_value_error(content):
    try:
        manifest.decode(content, Notes)
    except ValueError:
        return
