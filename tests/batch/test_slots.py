"""Places for jobs."""

from __future__ import annotations

from rla.batch.slots import gpu_slots, plain_slots


def test_places_are_given_in_order_and_given_back():
    slots = plain_slots(2)
    first, second = slots.take(), slots.take()
    assert (first.number, second.number, slots.take()) == (0, 1, None)
    slots.give_back(second)
    slots.give_back(first)
    assert slots.take() is first
    assert slots.count == 2


def test_a_gpu_place_shows_its_gpu_only():
    slots = gpu_slots(["0", "0", "GPU-x"])
    assert [slots.take().environment["CUDA_VISIBLE_DEVICES"] for _ in range(3)] == ["0", "0", "GPU-x"]
