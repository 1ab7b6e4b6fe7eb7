from __future__ import annotations

import ntpath
import os
from pathlib import Path, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rla.artifacts.pictures.result_file import publish, result_path, unfinished, write_result

is_reserved = getattr(ntpath, "isreserved", None) or (lambda part: PureWindowsPath(part).is_reserved())
"""Python 3.13 has the first, and warns of the second."""


@given(st.text(), st.none() | st.integers(-(2**63), 2**63))
def test_whatever_the_name_the_file_is_inside_and_every_part_is_legal(name, step):
    path = result_path(Path("results"), name, step, (".png", ".pdf"), ".png")
    parts = path.relative_to("results").parts
    assert parts
    assert path.suffix in {".png", ".pdf"}
    for part in parts:
        assert part not in {"", ".", ".."}
        assert not set(part) & set('<>:"/\\|?*\0')
        assert part[-1] not in ". "
        assert len(os.fsencode(part)) <= 150
        assert not is_reserved(part)


def test_a_file_appears_under_its_name_only_when_it_is_whole(tmp_path):
    path = tmp_path / "a" / "b.png"
    with unfinished(path) as temporary:
        temporary.write_bytes(b"whole")
        assert not path.exists()
        assert publish(temporary, path, cover=False) == path
    assert [file.name for file in path.parent.iterdir()] == ["b.png"]


def test_what_is_not_published_is_removed(tmp_path):
    with pytest.raises(ZeroDivisionError), unfinished(tmp_path / "b.png") as temporary:
        temporary.write_bytes(bytes(1 // 0))
    assert list(tmp_path.iterdir()) == []


def test_a_taken_name_is_never_taken_over_without_cover(tmp_path):
    found = [write_result(tmp_path / "a.png", content, cover=False) for content in (b"1", b"2", b"3")]
    assert [path.name for path in found] == ["a.png", "a-1.png", "a-2.png"]
    assert [path.read_bytes() for path in found] == [b"1", b"2", b"3"]


def test_cover_takes_the_name_over(tmp_path):
    for content in (b"1", b"2"):
        assert write_result(tmp_path / "a.png", content, cover=True) == tmp_path / "a.png"
    assert (tmp_path / "a.png").read_bytes() == b"2"


def test_a_file_system_without_links_gives_free_names_too(tmp_path, monkeypatch):
    def no_links(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")  # what FAT and some network file systems say

    monkeypatch.setattr(os, "link", no_links)
    found = [write_result(tmp_path / "a.png", content, cover=False) for content in (b"1", b"2")]
    assert [path.read_bytes() for path in found] == [b"1", b"2"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a-1.png", "a.png"]


def test_the_mode_of_a_file_follows_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        path = write_result(tmp_path / "a.png", b"1", cover=False)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o640
