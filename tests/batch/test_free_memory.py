"""Memory that is free, and jobs that wait for it."""

from __future__ import annotations

import pytest

from rla.batch import free_memory as module
from rla.batch.free_memory import MemoryGate, free_memory
from rla.errors import ConfigError


def test_free_memory_is_told_in_bytes():
    assert 1 << 20 < free_memory() < 1 << 50


def test_a_system_that_does_not_tell_is_an_error(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "_MEMORY", tmp_path / "meminfo")
    with pytest.raises(ConfigError, match="--memory-free"):
        free_memory()


def test_without_a_need_everything_passes(monkeypatch):
    monkeypatch.setattr(module, "free_memory", lambda: 0)
    assert MemoryGate(None, pytest.fail).opens()


def test_the_gate_is_shut_while_too_little_is_free_and_says_so_once(monkeypatch):
    free, now, told = [0], [100.0], []
    monkeypatch.setattr(module, "free_memory", lambda: free[0])
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    gate = MemoryGate(10, told.append)
    assert not gate.opens()
    free[0] = 10
    assert not gate.opens(), "it looks once a second at most"
    now[0] += 1
    assert gate.opens()
    free[0] = 9
    now[0] += 1
    assert not gate.opens()
    assert len(told) == 2
