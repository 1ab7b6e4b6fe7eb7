"""Random generators go on where they were."""

from __future__ import annotations

import random
import warnings

import numpy as np
import pytest
import torch

from rla.artifacts.checkpoints import random_states
from rla.artifacts.checkpoints.store import CheckpointStore, adapter_for
from rla.errors import RlaWarning


def draw() -> list:
    return [
        random.random(), random.gauss(0, 1), np.random.random(), np.random.normal(),  # noqa: NPY002 - the global ones
        torch.rand(1).item(), torch.randn(1).item(),
    ]  # fmt: skip


def test_all_generators_go_on_where_they_were():
    draw()
    states = random_states.capture()
    expected = draw()
    draw()
    random_states.restore(states)
    assert draw() == expected


@pytest.mark.parametrize("framework", ["torch", "numpy"])
def test_also_through_a_checkpoint(tmp_path, framework):
    draw()
    store = CheckpointStore(tmp_path, adapter_for(framework))
    store.save(1, random_states=True)
    expected = draw()
    random_states.restore(store.load().random_states)
    assert draw() == expected


@pytest.mark.parametrize("bits", [np.random.PCG64, np.random.MT19937, np.random.Philox, np.random.SFC64])
@pytest.mark.parametrize("framework", ["torch", "numpy"])
def test_generators_that_are_passed_are_kept_too(tmp_path, bits, framework):
    generator = np.random.Generator(bits(0))
    store = CheckpointStore(tmp_path, adapter_for(framework))
    store.save(1, related={"states": random_states.capture({"noise": generator})})
    expected = generator.random(5).tolist()
    random_states.restore(store.load().related["states"], {"noise": generator})
    assert generator.random(5).tolist() == expected


def test_a_generator_that_is_missing_is_told():
    states = random_states.capture({"noise": np.random.default_rng(0)})
    with pytest.warns(RlaWarning, match=r"\['noise'\] were saved, and \[\] are to be set"):
        random_states.restore(states)


def test_states_of_more_devices_than_there_are_are_told(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    states = random_states.capture() | {"torch_cuda": [torch.get_rng_state()]}
    with pytest.warns(RlaWarning, match="1 CUDA devices were saved, and there are 0"):
        random_states.restore(states)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
def test_cuda_devices_go_on_where_they_were():
    torch.rand(1, device="cuda")
    states = random_states.capture()
    expected = torch.rand(1, device="cuda").item()
    random_states.restore(states)
    assert torch.rand(1, device="cuda").item() == expected


def test_only_libraries_that_are_loaded_are_asked(script):
    script("""
        import sys
        from rla.artifacts.checkpoints import random_states
        assert list(random_states.capture()) == ["python"], random_states.capture().keys()
        assert not {"torch", "numpy.random", "tensorflow"} & sys.modules.keys()
    """)


def test_a_library_that_is_not_loaded_is_told(script):
    done = script("""
        import warnings
        from rla.artifacts.checkpoints import random_states
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            random_states.restore({"torch": None, "numpy": None})
        print([str(warning.message).split(" was")[0] for warning in told])
    """)
    assert done.stdout.strip() == "['the random state of numpy.random', 'the random state of torch']"


def test_restoring_nothing_changes_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        random_states.restore({})
