"""Checkpoints of TensorFlow 2; run where it is installed."""

from __future__ import annotations

import os

import numpy as np
import pytest

from rla.artifacts.checkpoints.store import CheckpointStore, adapter_for
from rla.errors import CheckpointError

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
tf = pytest.importorskip("tensorflow", reason="TensorFlow is not installed")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


class Net(tf.Module):
    def __init__(self, size: int = 2) -> None:
        super().__init__()
        self.w = tf.Variable(np.arange(size, dtype=np.float32))
        self.layers = [tf.Variable(1), tf.Variable(2)]


def keras_model():
    return tf.keras.Sequential([tf.keras.layers.Input((3,)), tf.keras.layers.Dense(2)])


@pytest.fixture
def store(tmp_path) -> CheckpointStore:
    return CheckpointStore(tmp_path, adapter_for("tensorflow"), 2)


def test_a_module_is_restored(store):
    store.save(1, {"net": Net()})
    other = Net()
    other.w.assign([7, 7])
    store.load().model["net"].restore(other)
    assert other.w.numpy().tolist() == [0.0, 1.0]


def test_the_variables_of_a_module_are_arrays_by_their_paths(store):
    store.save(1, Net())
    held = store.load().model
    assert {name: value.tolist() for name, value in held.items()} == {"w": [0.0, 1.0], "layers/0": 1, "layers/1": 2}


def test_a_keras_model_and_its_optimizer_go_on_where_they_were(store):
    tf.keras.utils.set_random_seed(0)
    data = np.ones((4, 3), np.float32)
    model, optimizer = keras_model(), tf.keras.optimizers.Adam(0.1)

    def train(model, optimizer) -> float:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(model(data) ** 2)
        variables = model.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return float(loss)

    train(model, optimizer)
    store.save(1, {"model": model, "optimizer": optimizer})
    expected = [train(model, optimizer) for _ in range(3)]
    again, its_optimizer = keras_model(), tf.keras.optimizers.Adam(0.5)
    its_optimizer.build(again.trainable_variables)
    held = store.load().model
    held["model"].restore(again)
    held["optimizer"].restore(its_optimizer)
    assert [train(again, its_optimizer) for _ in range(3)] == pytest.approx(expected)


def test_an_object_in_two_places_is_saved_once(store):
    big = Net(100_000)
    path = store.save(1, {"a": big, "b": [big]})
    assert path.stat().st_size < 600_000
    held = store.load().model
    assert np.array_equal(held["a"]["w"], held["b"][0]["w"])


def test_variables_and_tensors_are_arrays(store):
    store.save(1, {"v": tf.Variable([1.0]), "t": tf.constant([1, 2]), "plain": {"deep": (1, "x")}})
    held = store.load().model
    assert (held["v"].tolist(), held["t"].dtype, held["plain"]) == ([1.0], np.int32, {"deep": (1, "x")})


def test_an_object_of_another_structure_is_an_error(store):
    store.save(1, Net())
    with pytest.raises(CheckpointError, match="does not fit this Sequential"):
        store.load().model.restore(keras_model())


def test_a_checkpoint_that_is_rotated_away_says_so(store):
    store.save(1, Net())
    held = store.load().model
    for step in (2, 3):
        store.save(step, Net())
    with pytest.raises(FileNotFoundError):
        held.restore(Net())


def test_the_newest_are_kept_and_nothing_else_is_left(store, tmp_path):
    for step in range(4):
        store.save(step, Net())
    assert store.steps() == [2, 3]
    assert len(list(tmp_path.iterdir())) == 4


def test_damage_is_found_and_the_one_before_is_taken(store):
    from rla.errors import RlaWarning

    store.save(1, Net())
    path = store.save(2, Net())
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.warns(RlaWarning, match="damaged"):
        assert store.load().step == 1
