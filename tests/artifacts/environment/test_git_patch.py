"""Patches taken apart and put together."""

from __future__ import annotations

import os
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rla.artifacts.environment.git_patch import header, quoted, read_changes, stored_patch

NAMES = st.binary(min_size=1, max_size=20).filter(lambda name: b"\0" not in name)


@pytest.mark.parametrize(
    ("name", "written"),
    [(b"a b.py", b"a b.py"), (b"a\nb", rb'"a\nb"'), (b'"', rb'"\""'), (b"\xff", rb'"\377"'), (b"\x01\\", rb'"\001\\"')],
)
def test_a_name_is_quoted_as_git_quotes_it(name, written):
    assert quoted(name) == written


@given(
    st.lists(
        st.tuples(NAMES, st.binary(max_size=30).map(lambda text: text.replace(b"\n", b""))), unique_by=lambda p: p[0]
    )
)
def test_what_is_put_together_is_taken_apart_again(files):
    raw = b"".join(b":100644 100644 1 2 M\0" + name + b"\0" for name, _ in files)
    patches = [header(name) + b"\n@@ -1 +1 @@\n+" + text + b"\n" for name, text in files]
    changes = read_changes(raw + b"\0" + b"".join(patches) if files else b"")
    assert [(change.path, change.patch) for change in changes] == [
        (name, patch) for (name, _), patch in zip(files, patches, strict=True)
    ]


@given(st.binary(max_size=200))
def test_no_output_is_an_error(output):
    read_changes(output)
    read_changes(b":1 2 3 4 M\0x\0\0" + output, whole=False)


def test_an_output_that_breaks_off_names_its_last_file_without_a_patch():
    raw = b":100644 100644 1 2 M\0a\0:100644 100644 1 2 M\0b\0\0"
    changes = read_changes(raw + header(b"a") + b"\n+x\n" + header(b"b") + b"\n+y", whole=False)
    assert [(change.path, change.patch) for change in changes] == [(b"a", header(b"a") + b"\n+x\n"), (b"b", b"")]


@given(st.binary(max_size=60))
def test_any_text_becomes_a_new_file_with_that_text(tmp_path_factory, content):
    where = tmp_path_factory.mktemp("applied")
    entry = {"path": "new file", "mode": "100644", "text": content.decode("utf-8", "surrogateescape")}
    patch = stored_patch({"untracked": [entry]})
    environ = {**os.environ, "GIT_CEILING_DIRECTORIES": str(where.parent)}
    subprocess.run(["git", "apply"], input=patch, cwd=where, env=environ, check=True, capture_output=True)
    assert (where / "new file").read_bytes() == content


@pytest.mark.parametrize(
    "git",
    [{}, {"diff": 3, "untracked": "x"}, {"untracked": [3, {}, {"path": 1, "text": "x"}, {"path": "x"}]}],
)
def test_a_record_of_the_wrong_shape_gives_no_patch(git):
    assert stored_patch(git) == b""


def test_a_mode_that_git_does_not_know_is_an_ordinary_file():
    assert b"new file mode 100644\n" in stored_patch({"untracked": [{"path": "x", "text": "y", "mode": "1; rm"}]})
