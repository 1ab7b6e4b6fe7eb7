"""The file that is checked while it is written."""

from __future__ import annotations

import os

import pytest
from crc32c import crc32c

from rla.artifacts.checkpoints import file as checkpoint_file
from rla.artifacts.checkpoints.file import CheckedFile, fingerprint_of


def test_the_fingerprint_is_size_and_crc32c(tmp_path):
    pieces = [b"", b"abc", bytes(3_000_000), memoryview(b"xyz")]
    with CheckedFile(tmp_path / "f") as file:
        for piece in pieces:
            assert file.write(piece) == len(piece)
    content = b"".join(pieces)
    assert (tmp_path / "f").read_bytes() == content
    assert (file.fingerprint.size, file.fingerprint.crc32c) == (len(content), f"{crc32c(content):08x}")
    assert fingerprint_of(tmp_path / "f") == file.fingerprint


def test_an_array_is_written_as_its_bytes(tmp_path):
    import array

    with CheckedFile(tmp_path / "f") as file:
        file.write(memoryview(array.array("d", [1.0, 2.0])))
    assert (tmp_path / "f").stat().st_size == 16


def test_it_is_synced_before_it_is_closed(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fsync", synced.append)
    with CheckedFile(tmp_path / "f") as file:
        file.write(b"x")
    assert len(synced) == 1


def test_the_first_error_stays_and_is_the_one_that_is_raised(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "full")

    monkeypatch.setattr(checkpoint_file, "write_all", full)

    def a_library() -> None:
        with CheckedFile(tmp_path / "f") as file:
            with pytest.raises(OSError, match="full"):
                file.write(b"x")
            monkeypatch.undo()
            with pytest.raises(OSError, match="full"):
                file.write(b"y")
            raise RuntimeError("what it makes of the error")

    with pytest.raises(OSError, match="full"):
        a_library()


def test_a_short_write_is_continued(tmp_path, monkeypatch):
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: real(descriptor, data[:7]))
    with CheckedFile(tmp_path / "f") as file:
        file.write(bytes(range(100)))
    assert (tmp_path / "f").read_bytes() == bytes(range(100))
