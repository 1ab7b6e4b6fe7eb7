"""Which packages are found, and where they come from."""

from __future__ import annotations

import doctest
import importlib.metadata
import json
import re

from hypothesis import given
from hypothesis import strategies as st

from rla.artifacts.environment import packages
from rla.artifacts.environment.packages import installed_packages, split_metadata_name

NAMES = st.from_regex(r"\A[A-Za-z0-9]([A-Za-z0-9._]{0,20}[A-Za-z0-9])?\Z")
VERSIONS = st.from_regex(r"\A[0-9]+(\.[0-9]+){0,3}((a|b|rc)[0-9]+)?(\.post[0-9]+)?(\+[a-z0-9.]{1,8})?\Z")


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_the_examples_in_the_docstrings_are_true():
    assert doctest.testmod(packages).failed == 0


def test_it_finds_what_the_standard_library_finds():
    expected: dict[str, str] = {}
    for found in importlib.metadata.distributions():
        expected.setdefault(normalised(found.metadata["Name"]), found.version)
    versions = installed_packages().versions
    assert {name: re.sub(r"[-_]", ".", version) for name, version in versions.items()} == {
        name: re.sub(r"[-_]", ".", version) for name, version in expected.items()
    }


@given(NAMES, VERSIONS)
def test_a_metadata_name_gives_back_name_and_version(name, version):
    assert split_metadata_name(f"{name}-{version}.dist-info") == (normalised(name), version)
    assert split_metadata_name(f"{name}-{version}-py3.11.egg-info") == (normalised(name), version)


@given(st.text(max_size=30))
def test_no_other_name_is_an_error(text):
    assert split_metadata_name(text) is None or text.endswith((".dist-info", ".egg-info"))


def installed(directory, entry: str, direct_url: object = None) -> None:
    (directory / entry).mkdir(parents=True)
    if direct_url is not None:
        (directory / entry / "direct_url.json").write_text(json.dumps(direct_url))


def test_what_comes_first_on_the_path_hides_the_other(tmp_path):
    installed(tmp_path / "a", "x_y-1.0.dist-info")
    installed(tmp_path / "b", "X.Y-2.0.dist-info")
    assert installed_packages([str(tmp_path / "a"), str(tmp_path / "b")]).versions == {"x-y": "1.0"}


def test_an_editable_package_is_named_with_its_directory(tmp_path):
    installed(tmp_path, "x-1.0.dist-info", {"url": "file:///home/me/my%20x", "dir_info": {"editable": True}})
    found = installed_packages([str(tmp_path)])
    assert (found.editable, found.sources) == (["x"], {"x": "/home/me/my x"})


def test_a_package_from_a_repository_is_named_with_its_commit_and_without_credentials(tmp_path):
    origin = {"url": "https://me:hunter2@example.com/x.git", "vcs_info": {"vcs": "git", "commit_id": "abc"}}
    installed(tmp_path, "x-1.0.dist-info", origin)
    found = installed_packages([str(tmp_path)])
    assert (found.editable, found.sources) == ([], {"x": "https://example.com/x.git@abc"})


def test_a_package_developed_in_place_has_the_version_of_its_own_record(tmp_path):
    installed(tmp_path, "my_x.egg-info")
    (tmp_path / "my_x.egg-info" / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: my-x\nVersion: 0.3\n")
    found = installed_packages([str(tmp_path)])
    assert (found.versions, found.editable, found.sources) == ({"my-x": "0.3"}, ["my-x"], {"my-x": str(tmp_path)})


def test_odd_entries_of_the_path_and_damaged_records_are_passed_over(tmp_path):
    (tmp_path / "archive.zip").write_bytes(b"PK")
    for number, record in enumerate(([], {"url": 3, "dir_info": None}, {"dir_info": {"editable": "?"}})):
        installed(tmp_path, f"x{number}-1.0.dist-info", record)
    installed(tmp_path, "y-1.0.dist-info")
    (tmp_path / "y-1.0.dist-info" / "direct_url.json").write_bytes(b"\xff{")
    found = installed_packages([str(tmp_path), str(tmp_path / "gone"), str(tmp_path / "archive.zip"), tmp_path, 3])
    assert list(found.versions) == ["x0", "x1", "x2", "y"]
