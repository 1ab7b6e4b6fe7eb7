"""Checkpoints without a framework."""

from __future__ import annotations

import os
import zipfile

import numpy as np
import pytest
import torch

from rla.artifacts.checkpoints.store import CheckpointStore, adapter_for
from rla.errors import CheckpointError, RlaWarning


@pytest.fixture
def store(tmp_path) -> CheckpointStore:
    return CheckpointStore(tmp_path, adapter_for("numpy"))


class Canary:
    def __init__(self, egg) -> None:
        self.egg = egg

    def __reduce__(self):
        return os.mkdir, (str(self.egg),)


def test_numpy_alone_reads_the_arrays(store):
    path = store.save(1, {"w": np.arange(3), "b": np.ones(2, np.float16)})
    with np.load(path, allow_pickle=False) as arrays:
        assert [arrays[name].tolist() for name in ("array_0", "array_1")] == [[0, 1, 2], [1.0, 1.0]]
    assert zipfile.ZipFile(path).testzip() is None


def test_arrays_of_other_libraries_come_back_as_numpy_s(store):
    store.save(1, {"net": torch.nn.Linear(2, 1), "tensor": torch.ones(2, requires_grad=True)})
    model = store.load().model
    assert type(model["net"]["weight"]) is np.ndarray
    assert model["tensor"].tolist() == [1.0, 1.0]


def test_what_numpy_cannot_hold_is_refused_with_its_place(store):
    with pytest.raises(CheckpointError, match=r"model\['t'\].*convert it first"):
        store.save(1, {"t": torch.ones(2, dtype=torch.bfloat16)})


def test_a_dtype_with_a_very_long_description_comes_back(store):
    array = np.zeros(2, [(f"field {number}", "f8") for number in range(2000)])
    store.save(1, array)
    assert store.load().model.dtype == array.dtype


def test_objects_in_a_file_of_another_program_are_made_only_when_it_is_trusted(store, tmp_path):
    array = np.empty(1, object)
    array[0] = Canary(tmp_path / "egg")
    np.savez(tmp_path / "checkpoint_9.npz", a=array)
    with pytest.raises(CheckpointError, match="trust=True"):
        store.load(9)
    assert not (tmp_path / "egg").exists()
    with pytest.warns(RlaWarning, match="nobody knows"):
        store.load(9, trust=True)
    assert (tmp_path / "egg").exists()
