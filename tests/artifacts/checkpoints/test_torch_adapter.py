"""Checkpoints of torch: what is kept of tensors, and that nothing is run that is not trusted."""

from __future__ import annotations

import argparse
import os
import pickle
import subprocess
import sys
import zipfile
from collections import OrderedDict, deque
from pathlib import Path

import numpy as np
import pytest
import torch

from rla.artifacts.checkpoints.store import CheckpointStore, adapter_for
from rla.errors import CheckpointError, RlaWarning


@pytest.fixture
def store(tmp_path) -> CheckpointStore:
    return CheckpointStore(tmp_path, adapter_for("torch"))


def saved(store: CheckpointStore, model):
    """What a model comes back as."""
    return store.save(1, model) and store.load().model


class Canary:
    """Leaves a file when somebody unpickles it."""

    def __init__(self, egg: Path) -> None:
        self.egg = egg

    def __reduce__(self):
        return os.mkdir, (str(self.egg),)


# --- models


def test_modules_and_optimizers_are_kept_as_their_state_dicts_and_can_be_resumed(store):
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3))
    optimizer = torch.optim.Adam(model.parameters())
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 2)
    data = torch.randn(5, 4)

    def train() -> float:
        optimizer.zero_grad()
        loss = model(data).square().mean()
        loss.backward()
        optimizer.step()
        schedule.step()
        return loss.item()

    train()
    held = saved(store, {"model": model, "nested": [{"optimizer": optimizer}], "schedule": schedule})
    expected = [train() for _ in range(3)]
    model.load_state_dict(held["model"])
    optimizer.load_state_dict(held["nested"][0]["optimizer"])
    schedule.load_state_dict(held["schedule"])
    assert [train() for _ in range(3)] == expected


def test_a_module_may_be_the_whole_model(store):
    model = torch.nn.Linear(2, 1)
    assert saved(store, model).keys() == model.state_dict().keys()


def test_a_state_dict_keeps_its_metadata(store):
    state = torch.nn.BatchNorm1d(2).state_dict()
    assert saved(store, state)._metadata == state._metadata


def test_any_program_reads_the_file_with_weights_only(store):
    model = torch.nn.Linear(2, 1)
    path = store.save(3, {"net": model}, {"env": argparse.Namespace(a=deque([np.float32(1)]))})
    content = torch.load(path, weights_only=True)
    assert torch.equal(content["model"]["net"]["weight"], model.weight)
    assert content["step"] == 3
    assert torch.serialization.get_unsafe_globals_in_checkpoint(path) == []
    assert zipfile.ZipFile(path).testzip() is None


@pytest.mark.parametrize(
    "tensor",
    [
        torch.arange(6).reshape(2, 3).T,
        torch.tensor(1.5, dtype=torch.bfloat16),
        torch.zeros(0, 3),
        torch.randn(3, dtype=torch.complex64).conj(),
        torch.sparse_coo_tensor([[0, 2]], [1.0, 2.0], (4,), check_invariants=True).coalesce(),
        torch.nn.Parameter(torch.ones(2), requires_grad=False),
        torch.nn.Parameter(torch.ones(2)),
        torch.ones(2, requires_grad=True),
        torch.ones(3).expand(1_000_000, 3),
        torch.ones(2, dtype=torch.float8_e5m2),
        torch.empty(5, device="meta"),
    ],
    ids=lambda tensor: f"{type(tensor).__name__}-{tensor.dtype}-{tensor.layout}-{tuple(tensor.shape)}",
)
def test_a_tensor_comes_back_as_it_was(store, tensor):
    held = saved(store, tensor)
    assert (type(held), held.dtype, held.shape, held.layout) == (
        type(tensor),
        tensor.dtype,
        tensor.shape,
        tensor.layout,
    )
    assert held.requires_grad == tensor.requires_grad
    if held.layout == torch.strided:
        assert held.stride() == tensor.stride()
    if tensor.device.type != "meta":
        assert torch.equal(held.to_dense(), tensor.to_dense())


def test_torch_s_own_small_types_are_kept(store):
    value = {"size": torch.Size([1, 2]), "dtype": torch.float16, "device": torch.device("cpu")}
    assert saved(store, value) == value


def test_subclasses_attributes_and_hooks_are_left_out(store):
    class Mine(torch.Tensor):
        pass

    tensor = torch.ones(2).as_subclass(Mine)
    tensor.note = lambda: 0
    hooked = torch.ones(2, requires_grad=True)
    hooked.register_hook(lambda gradient: gradient)
    held = saved(store, [tensor, hooked])
    assert [type(each) for each in held] == [torch.Tensor, torch.Tensor]
    assert not hasattr(held[0], "note")


def test_the_caller_s_tensors_are_not_changed(store):
    whole = torch.zeros(10_000)
    parts = [whole[:5], whole[5:9].requires_grad_()]
    saved(store, parts)
    assert parts[0].untyped_storage().nbytes() == 40_000
    assert (parts[0].requires_grad, parts[1].requires_grad) == (False, True)


def test_a_parameter_without_shape_is_refused_with_advice(store):
    with pytest.raises(CheckpointError, match=r"model\['net'\]\['weight'\].*run the model once"):
        store.save(1, {"net": torch.nn.LazyLinear(2)})


# --- shared memory


def test_a_slice_does_not_save_the_whole(store):
    whole = torch.randn(1_000_000)
    path = store.save(1, {"slice": whole[10:20], "also": whole[15:25]})
    assert path.stat().st_size < 10_000
    assert torch.equal(store.load().model["slice"], whole[10:20])


def test_a_slice_of_an_array_does_not_save_the_whole(store):
    whole = np.random.default_rng(0).normal(size=(1000, 1000))
    path = store.save(1, whole[:, 3])
    assert path.stat().st_size < 50_000
    assert np.array_equal(store.load().model, whole[:, 3])


def test_views_of_one_memory_are_saved_once_and_stay_shared(store):
    whole = torch.zeros(100_000)
    parts = list(whole.split(1000))
    path = store.save(1, {"flat": whole, "parts": parts})
    assert path.stat().st_size < 500_000
    held = store.load().model
    held["flat"][0] = 5
    assert held["parts"][0][0] == 5


def test_one_memory_may_be_seen_as_two_types(store):
    tensor, array = torch.arange(4.0), np.arange(4, dtype=np.float32)
    held = saved(store, [tensor, tensor.view(torch.int32), array, array.view(np.int32)])
    assert torch.equal(held[1], tensor.view(torch.int32))
    assert held[3].tolist() == array.view(np.int32).tolist()


def test_two_references_stay_one_tensor(store):
    tensor = torch.ones(2)
    held = saved(store, {"a": tensor, "b": tensor})
    assert held["a"] is held["b"]


# --- devices


def test_tensors_come_back_where_they_are_told_to(store):
    store.save(1, torch.ones(2))
    assert store.load().model.device.type == "cpu"
    assert store.load(map_location="meta").model.device.type == "meta"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
def test_tensors_of_a_gpu_come_back_on_the_cpu(store):
    assert saved(store, torch.ones(2, device="cuda")).device.type == "cpu"


# --- safety


@pytest.fixture(params=["zip", "legacy zip flag", "bare pickle"])
def canary(request, tmp_path) -> Path:
    """A file that makes a directory when it is unpickled; returns that directory's path."""
    egg = tmp_path / "egg"
    path = tmp_path / "checkpoint_9.pt"
    if request.param == "bare pickle":
        path.write_bytes(pickle.dumps(Canary(egg)))
    else:
        torch.save({"model": Canary(egg)}, path, _use_new_zipfile_serialization=request.param == "zip")
    return egg


def test_a_file_that_runs_code_is_never_run_without_trust(store, canary):
    for _ in range(2):
        with pytest.raises(CheckpointError, match=r"checkpoint_9\.pt.*trust=True"):
            store.load(9)
    with pytest.raises(CheckpointError):
        store.load()
    store.save(8)
    assert store.load().step == 8
    assert not canary.exists()


def test_a_file_that_runs_code_is_never_run_with_a_forged_record_and_trust(store, canary, tmp_path):
    """A record says the file is ours, and ours run nothing."""
    from rla.artifacts.checkpoints.file import fingerprint_of
    from rla.artifacts.checkpoints.record import Record

    record = Record(name="checkpoint", step=9, saved=1, contents=[fingerprint_of(tmp_path / "checkpoint_9.pt")])
    (tmp_path / "checkpoint_9.pt.json").write_bytes(record.encode())
    with pytest.raises(CheckpointError):
        store.load(9, trust=True)
    assert not canary.exists()


@pytest.mark.filterwarnings("ignore::rla.errors.RlaWarning")
def test_the_refusal_names_what_would_run(store, tmp_path):
    torch.save(Canary(tmp_path / "egg"), tmp_path / "checkpoint_9.pt")
    with pytest.raises(CheckpointError, match=r"it would run posix\.mkdir"):
        store.load(9)


def test_a_pickled_module_of_another_program_is_loaded_when_it_is_trusted(store, tmp_path):
    torch.save({"net": torch.nn.Linear(2, 1)}, tmp_path / "checkpoint_9.pt")
    with pytest.raises(CheckpointError, match=r"torch\.nn\.modules\.linear\.Linear"):
        store.load(9)
    with pytest.warns(RlaWarning, match="nobody knows"):
        loaded = store.load(9, trust=True)
    assert isinstance(loaded.model["net"], torch.nn.Linear)
    assert (loaded.step, loaded.related) == (9, {})


def test_a_state_dict_of_another_program_needs_no_trust(store, tmp_path):
    state = torch.nn.Linear(2, 1).state_dict()
    torch.save(state, tmp_path / "checkpoint_9.pt")
    with pytest.warns(RlaWarning, match="nobody knows"):
        assert isinstance(store.load(9).model, OrderedDict)


def test_a_name_that_is_not_ascii_is_written_too(tmp_path):
    store = CheckpointStore(tmp_path / "дир", adapter_for("torch"))
    store.save(1, torch.ones(2), name="ünï")
    assert torch.equal(store.load(name="ünï").model, torch.ones(2))


# --- memory


MEMORY = """
import sys, torch
from pathlib import Path
from rla.artifacts.checkpoints.store import CheckpointStore, adapter_for
store = CheckpointStore(Path(sys.argv[1]), adapter_for("torch"))
store.save(0, torch.ones(1000))
size = int(sys.argv[2]) << 20
half = torch.zeros(size // 8).fill_(1)
state = {"one": half, "array": half.clone().numpy(), "views": list(half.split(1000))[:50]}

def peak():
    # not ru_maxrss, which begins with that of the process that started this one
    return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])

before = peak()
store.save(1, state)
print((peak() - before) * 1024 / size)
"""


@pytest.mark.faults
def test_saving_takes_no_second_copy_in_memory(tmp_path):
    mebibytes = 2048 if os.environ.get("RLA_TEST_FAULTS") == "full" else 256
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, str(tmp_path), str(mebibytes)],
        capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 0.2, done.stdout
