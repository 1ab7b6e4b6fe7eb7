"""What is brought into the directory of an experiment."""

from __future__ import annotations

import os
import resource
import shutil
import signal

import pytest

from rla.hermes.files import copy_in


def test_a_copy_that_the_disk_could_not_take_is_not_there_in_part(tmp_path):
    (tmp_path / "large").write_bytes(bytes(200_000))
    (tmp_path / "into").mkdir()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            copy_in(tmp_path / "large", tmp_path / "into/large")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert not list((tmp_path / "into").iterdir())


def test_of_a_directory_everything_is_copied_that_can_be(tmp_path):
    (tmp_path / "from").mkdir()
    (tmp_path / "from/file").touch()
    os.mkfifo(tmp_path / "from/pipe")
    (tmp_path / "into").mkdir()
    with pytest.raises(shutil.Error):
        copy_in(tmp_path / "from", tmp_path / "into/from")
    assert [path.name for path in (tmp_path / "into").rglob("*")] == ["from", "file"]


def test_a_name_that_is_taken_gets_a_number(tmp_path):
    (tmp_path / "a.txt").write_text("new")
    (tmp_path / "into").mkdir()
    for _ in range(2):
        copy_in(tmp_path / "a.txt", tmp_path / "into/a.txt")
    assert sorted(path.name for path in (tmp_path / "into").iterdir()) == ["a.txt", "a~1.txt"]
