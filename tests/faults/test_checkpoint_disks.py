"""Checkpoints on a disk that is really full."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from rla.artifacts.checkpoints.store import CheckpointStore, adapter_for

pytestmark = pytest.mark.faults

SIZE = 200_000
MODELS = {"numpy": lambda: np.ones(SIZE // 8), "torch": lambda: [torch.ones(SIZE // 16)] * 2}


def names(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir()}


@pytest.mark.parametrize("framework", MODELS)
def test_a_full_disk_is_one_error_with_path_and_errno_and_the_old_ones_stay(mount, framework):
    folder = mount("tmpfs", "size=512k") / "checkpoint"
    store = CheckpointStore(folder, adapter_for(framework), 2)
    model = np.ones(SIZE // 8) if framework == "numpy" else torch.ones(SIZE // 4)
    store.save(1, model)
    store.save(2, model)
    before = names(folder)
    with pytest.raises(OSError, match="No space left on device") as caught:
        store.save(3, model)
    assert caught.value.errno == errno.ENOSPC
    assert caught.value.filename == str(store.path_of(3))
    assert names(folder) == before
    assert (store.steps(), store.load().step) == ([1, 2], 2)


@pytest.mark.parametrize("free", [4096 * count for count in range(1, 9)])
@pytest.mark.parametrize("framework", MODELS)
def test_wherever_the_space_ends_the_step_is_there_whole_or_not_at_all(mount, framework, free):
    disk = mount("tmpfs", "size=512k")
    store = CheckpointStore(disk / "checkpoint", adapter_for(framework), 2)
    small = np.ones(1000) if framework == "numpy" else torch.ones(2000)
    store.save(1, small)
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError as error:
            assert error.errno == errno.ENOSPC
    os.truncate(filler, filler.stat().st_size - free)
    try:
        store.save(2, small)
        expected = 2
    except OSError as error:
        assert error.errno == errno.ENOSPC
        expected = 1
    assert store.load().step == expected
    filler.unlink()
    store.save(3, small)
    assert store.steps()[-1] == 3
    assert not [name for name in names(disk / "checkpoint") if name.endswith(".rla-tmp")]


def test_a_disk_without_inodes_is_an_error_and_the_old_ones_stay(mount):
    disk = mount("tmpfs", "nr_inodes=8")
    store = CheckpointStore(disk / "checkpoint", adapter_for("numpy"), 2)
    store.save(1)
    with contextlib.suppress(OSError):
        for number in range(8):
            (disk / str(number)).touch()
    with pytest.raises(OSError, match="No space"):
        store.save(2)
    assert store.load().step == 1


def test_a_directory_that_may_not_be_written_is_an_error_with_its_path(tmp_path):
    folder = tmp_path / "checkpoint"
    store = CheckpointStore(folder, adapter_for("numpy"))
    store.save(1)
    if (pid := os.fork()) == 0:
        try:
            for parent in (folder, *folder.parents):
                if str(parent).startswith("/tmp/") and parent.stat().st_uid == os.geteuid():
                    parent.chmod(parent.stat().st_mode | 0o555)
            os.seteuid(65534)
            store.save(2)
        except PermissionError as error:
            os._exit(0 if error.filename == str(store.path_of(2)) else 2)
        except BaseException:
            os._exit(3)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert store.steps() == [1]
