"""Where memory goes, measured and recorded."""

from __future__ import annotations

import gc
import sys

import numpy as np
import pytest

import rla
from rla import logger
from rla.easy_log import memory_used_recorder
from rla.easy_log.current import current
from rla.easy_log.large_objects import find_large_objects
from rla.easy_log.memory_used_recorder import memory_used, print_large_memory_variable, record_memory
from tests.timing import HANGS, least_seconds

MIB = 1 << 20


@pytest.fixture
def run(data_root):
    with rla.init("t", {"seed": 1}, data_root=data_root, log_used=["csv", "log"]) as run:
        yield run


@pytest.fixture(autouse=True)
def _only_new_objects():
    """The search finds what a test makes, and need not go through all that is there before it."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture
def no_run(monkeypatch):
    """As before the first run."""
    monkeypatch.setattr(current, "_run", None)


def test_resident_memory_rises_with_what_is_allocated():
    before = memory_used().resident
    array = np.ones(200 * MIB // 8)
    risen = memory_used().resident - before
    assert 150 * MIB < risen < 250 * MIB  # the system may take back or lend some other page meanwhile
    del array


def test_the_peak_is_at_least_what_is_resident():
    used = memory_used()
    assert used.peak >= used.resident > 10 * MIB


def test_memory_is_recorded_in_mib(run):
    record_memory()
    values = logger.getkvs()
    assert values["memory_used/resident"] == pytest.approx(memory_used().resident / MIB, rel=0.2)
    assert values["memory_used/peak"] >= values["memory_used/resident"]


def test_a_local_array_is_found_and_named_by_type_shape_and_size():
    array = np.zeros((200, MIB // 8))
    found = [one for one in find_large_objects(100 * MIB, 5, HANGS) if one.shape == (200, MIB // 8)]
    assert [(one.size, one.kind, one.dtype, one.device) for one in found] == [(200 * MIB, "ndarray", "float64", "cpu")]
    assert found[0].name.endswith("test_a_local_array_is_found_and_named_by_type_shape_and_size.array")
    del array


class Holder:
    """Something that keeps an array, as an agent keeps its buffer."""


def test_an_array_in_an_attribute_a_dictionary_and_a_closure_is_found():
    holder = Holder()
    holder.buffer = np.zeros(11 * MIB, dtype=np.uint8)
    holder.nested = {"a": ({"b": np.zeros(12 * MIB, dtype=np.uint8)},)}
    kept = np.zeros(13 * MIB, dtype=np.uint8)
    function = lambda: kept
    sizes = {one.size for one in find_large_objects(10 * MIB, 50, HANGS)}
    assert {11 * MIB, 12 * MIB, 13 * MIB} <= sizes
    del function


def test_views_of_one_array_count_once_and_whole():
    array = np.zeros(21 * MIB, dtype=np.uint8)
    views = [array[10:], array.reshape(21, MIB), np.broadcast_to(array, (50, 21 * MIB))]
    assert [one.size for one in find_large_objects(20 * MIB, 50, HANGS)].count(21 * MIB) == 1
    del views


def test_tensors_that_share_a_storage_count_once():
    torch = pytest.importorskip("torch")
    tensor = torch.zeros(23 * MIB, dtype=torch.uint8)
    sharing = [tensor[5:], tensor.numpy(), torch.nn.Parameter(tensor.view(23, MIB), requires_grad=False)]
    found = [one for one in find_large_objects(22 * MIB, 50, HANGS) if one.size == 23 * MIB]
    assert len(found) == 1
    assert (found[0].device, found[0].dtype in ("torch.uint8", "uint8")) == ("cpu", True)
    del sharing


def test_a_tensor_without_memory_stops_nothing():
    torch = pytest.importorskip("torch")
    odd = [torch.empty(1 << 42, device="meta"), torch.sparse_coo_tensor(size=(3, 3), check_invariants=True)]
    assert find_large_objects(1 << 40, 5, HANGS) == []
    del odd


def test_a_deleted_variable_is_not_kept_alive_by_the_search():
    array = np.zeros(200 * MIB // 8)
    array += 1
    find_large_objects(100 * MIB, 5, HANGS)
    before = memory_used().resident
    del array
    assert before - memory_used().resident > 150 * MIB


def test_the_search_leaves_local_variables_as_they_are():
    first, second = 1, [2]
    find_large_objects(1, 5, 0.5)
    assert (first, second) == (1, [2])


def test_the_search_ends_in_time():
    crowd = [[number] for number in range(300_000)]
    assert least_seconds(lambda: find_large_objects(1, 5, 0.05), enough=2.0) < 2.0
    del crowd


def test_only_the_largest_are_given_the_largest_first():
    sizes = [one.size for one in find_large_objects(0, 3, 0.5)]
    assert len(sizes) == 3
    assert sizes == sorted(sizes, reverse=True)


def test_large_variables_are_written_into_the_log(run):
    array = np.zeros(200 * MIB, dtype=np.uint8)
    found = print_large_memory_variable(min_bytes=150 * MIB)
    logger.dump_tabular()
    text = (run.log_dir / "log.txt").read_text()
    assert "MiB resident" in text
    assert any(one.size == 200 * MIB for one in found)
    assert "200.0 MiB  ndarray" in text
    del array


def test_large_variables_are_given_without_a_run_too(no_run):
    assert isinstance(print_large_memory_variable(min_bytes=1 << 50), list)


def test_the_memory_of_gpus_comes_from_nvidia_smi_where_torch_uses_none(run, tmp_path, monkeypatch):
    program = tmp_path / "bin" / "nvidia-smi"
    program.parent.mkdir()
    program.write_text(f"#!{sys.executable}\nprint('0, 100, 15360')\nprint('1, [N/A], 15360')\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    used = record_memory()
    assert used.gpus == (memory_used_recorder.GpuMemory(0, 100 * MIB, None, 15360 * MIB),)
    assert logger.getkvs()["memory_used/gpu 0"] == 100.0


def test_where_the_kernel_does_not_tell_the_peak_is_what_is_known(monkeypatch, tmp_path):
    monkeypatch.setattr(memory_used_recorder, "_STATM", tmp_path / "none")
    monkeypatch.setattr(memory_used_recorder, "_STATUS", tmp_path / "none")
    used = memory_used()
    assert used.resident == used.peak > 10 * MIB
