"""Ignore files say of every path what git says of it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from rla.artifacts.code.ignore import GITIGNORE, IgnoreRules, nested_rules

NAMES = ["a", "b", "ab", "a.py", "b.txt", "foo", "x y", "#h", "!n", "[z]", ".d", "a\\b", "é", "tr ", "aà"]
ATOMS = [
    *(
        "a",
        "b",
        "ab",
        "*",
        "**",
        "?",
        "a*",
        "*.py",
        "foo",
        "[ab]",
        "[!a]",
        "[^a]",
        "[a-c]*",
        "x y",
        "\\#h",
        "#h",
        "\\!n",
    ),
    *(
        "\\[z\\]",
        ".d",
        "*b*",
        "é",
        "aà",
        "tr\\ ",
        "a\\\\b",
        "***",
        "[[:alpha:]]",
        "[[:space:][:punct:]]h",
        "[]a]",
        "\\a",
        "",
    ),
]
"""What patterns are made of. Not in it: two stars beside a letter and a bracket that is not closed,
which git itself reads in more than one way."""

patterns = st.builds(
    "{}{}{}{}{}".format,
    st.sampled_from(["", "", "!"]),
    st.sampled_from(["", "", "/"]),
    st.lists(st.sampled_from(ATOMS), min_size=1, max_size=3).map("/".join),
    st.sampled_from(["", "", "/"]),
    st.sampled_from(["", "", "", " ", "  ", "\t", "\r"]),
)
ignore_files = st.lists(patterns, min_size=1, max_size=4).map("\n".join)


@pytest.fixture(scope="session")
def repository(tmp_path_factory) -> Path:
    """A repository with every name at each of three levels."""
    top = tmp_path_factory.mktemp("repository")
    subprocess.run(["git", "init", "--quiet", str(top)], check=True)
    for outer in NAMES:
        for inner in NAMES[::2]:
            (top / outer / inner).mkdir(parents=True)
            (top / outer / inner / "a.py").touch()
            (top / outer / inner / "foo").touch()
        (top / outer / "c").touch()
        (top / f"{outer}2").touch()
    return top


def all_paths(top: Path) -> list[str]:
    paths = []
    for directory, names, files in os.walk(top):
        names[:] = [name for name in names if name != ".git"]
        relative = os.path.relpath(directory, top)
        paths += [os.path.normpath(f"{relative}/{name}") for name in (*names, *files) if name != GITIGNORE]
    return paths


def ignored_by_git(top: Path) -> set[str]:
    question = "\0".join(all_paths(top)).encode()
    command = ["git", "-C", str(top), "check-ignore", "-z", "--no-index", "--stdin"]
    done = subprocess.run(command, input=question, capture_output=True, check=False)
    assert done.returncode in {0, 1}, done.stderr
    return {path.decode() for path in done.stdout.split(b"\0") if path}


def ignored_by_us(top: Path, below: str = "", rules: IgnoreRules | None = None) -> set[str]:
    directory = f"{top}/{below}".rstrip("/")
    rules = nested_rules(directory, rules)
    found = set()
    for item in os.scandir(directory):
        path = f"{below}/{item.name}".lstrip("/")
        if item.name in {".git", GITIGNORE}:
            continue
        if rules and rules.verdict(item.path, is_dir=item.is_dir()):
            found |= {path, *(f"{path}/{inner}" for inner in all_paths(Path(item.path)))} if item.is_dir() else {path}
        elif item.is_dir():
            found |= ignored_by_us(top, path, rules)
    return found


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    files=st.dictionaries(
        st.sampled_from(["", "a", "a/ab", "x y", "foo", "a\\b/foo"]), ignore_files, min_size=1, max_size=3
    )
)
@example(files={"": "*\n!*/\n!*.py"})
@example(files={"": "a/**\n!a/b"})
@example(files={"": "a/*\n!a/b/\n"})
@example(files={"": "**/b/**/", "a": "!b"})
@example(files={"": "/a\n!/a/b"})
@example(files={"": "foo/\n", "foo": "!*"})
@example(files={"": "# comment\n\\#h\n"})
@example(files={"": "aà\ntr\\ \n"})
@example(files={"": "\ufeffa\r\nb\r\n"})
def test_any_set_of_ignore_files_decides_as_git_does(repository, files):
    for directory, text in files.items():
        (repository / directory).mkdir(exist_ok=True, parents=True)
        (repository / directory / GITIGNORE).write_bytes(text.encode())
    try:
        assert ignored_by_us(repository) == ignored_by_git(repository)
    finally:
        for directory in files:
            (repository / directory / GITIGNORE).unlink()


def test_a_linked_or_unreadable_ignore_file_says_nothing_as_with_git(tmp_path):
    (tmp_path / "rules").write_text("*\n")
    (tmp_path / GITIGNORE).symlink_to("rules")
    assert nested_rules(str(tmp_path), None) is None
    (tmp_path / GITIGNORE).unlink()
    os.mkfifo(tmp_path / GITIGNORE)
    assert nested_rules(str(tmp_path), None) is None
    (tmp_path / GITIGNORE).unlink()
    (tmp_path / GITIGNORE).mkdir()
    assert nested_rules(str(tmp_path), None) is None


@settings(max_examples=200, deadline=None)
@given(content=st.binary(max_size=60), name=st.text(min_size=1, max_size=8).filter(lambda name: "\0" not in name))
def test_no_content_of_an_ignore_file_breaks_anything(content, name):
    rules = IgnoreRules("/base", content)
    for is_dir in (True, False):
        assert rules.verdict(f"/base/{name.encode('utf-8', 'replace').decode()}", is_dir=is_dir) in {True, False, None}


def test_rules_say_nothing_of_paths_outside_their_directory():
    rules = IgnoreRules("/base", b"*")
    assert rules.verdict("/based/x", is_dir=False) is None
    assert rules.verdict("/other", is_dir=False) is None


def test_equal_rules_have_equal_digests_and_others_do_not():
    above = IgnoreRules("/base", b"a")
    digests = [
        IgnoreRules("/base", b"a").digest,
        IgnoreRules("/base", b"b").digest,
        IgnoreRules("/base/c", b"a").digest,
        IgnoreRules("/base", b"a", above).digest,
    ]
    assert len(set(digests)) == 4
    assert digests[0] == above.digest
