"""What a killed save leaves is removed; what a living one uses is not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from rla.artifacts.checkpoints import staging as checkpoint_staging
from rla.artifacts.checkpoints.staging import remove_abandoned, staging

HOLDER = """
import sys
from pathlib import Path
from rla.artifacts.checkpoints.staging import staging
with staging(Path(sys.argv[1])) as place:
    (place / "half").write_text("x")
    print(place, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    process.stdout.readline()
    yield process
    process.kill()
    process.communicate()


def test_the_directory_is_gone_afterwards_with_what_is_left_in_it(tmp_path):
    with staging(tmp_path) as place:
        (place / "rest").write_text("x")
    assert list(tmp_path.iterdir()) == []


def test_it_is_removed_after_an_error_too(tmp_path):
    with pytest.raises(KeyError), staging(tmp_path):
        raise KeyError
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_removed_by_the_next_save(tmp_path, holder):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert len(list(tmp_path.iterdir())) == 1
    with staging(tmp_path) as place:
        assert list(tmp_path.iterdir()) == [place]


def test_what_another_process_uses_stays(tmp_path, holder):
    with staging(tmp_path):
        assert len(list(tmp_path.iterdir())) == 2


def test_what_another_thread_uses_stays(tmp_path):
    with staging(tmp_path) as first, staging(tmp_path) as second:
        assert {first, second} == set(tmp_path.iterdir())


def test_files_and_directories_of_others_stay(tmp_path):
    (tmp_path / ".mine.rla-tmp").mkdir()
    (tmp_path / "note.checkpoint.rla-tmp").touch()
    remove_abandoned(tmp_path)
    assert len(list(tmp_path.iterdir())) == 2


def test_a_link_with_such_a_name_is_not_followed(tmp_path):
    target = tmp_path / "target"
    target.mkdir()
    (target / "keep").touch()
    (tmp_path / ".x.checkpoint.rla-tmp").symlink_to(target)
    remove_abandoned(tmp_path)
    assert (target / "keep").exists()


def test_a_directory_that_a_cleaner_took_is_made_again(tmp_path, monkeypatch):
    real, taken = checkpoint_staging.FileLock, []

    class Raced(real):
        def acquire(self, **options):
            if not taken:
                taken.append(os.rmdir(self._path))
            return super().acquire(**options)

    monkeypatch.setattr(checkpoint_staging, "FileLock", Raced)
    with staging(tmp_path) as place:
        assert place.is_dir()


def test_without_locks_only_what_is_old_is_removed(tmp_path, monkeypatch):
    monkeypatch.setattr("rla.fsio.file_lock.fcntl", None)
    young, old = tmp_path / ".a.checkpoint.rla-tmp", tmp_path / ".b.checkpoint.rla-tmp"
    young.mkdir()
    old.mkdir()
    os.utime(old, (0, 0))
    remove_abandoned(tmp_path)
    assert list(tmp_path.iterdir()) == [young]
