"""What is found of processors, memory and GPUs."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from rla.artifacts.environment import hardware
from rla.artifacts.environment.hardware import GpuQuery, driver_gpus
from tests.timing import HANGS

INFORMATION = """Model: \t\t NVIDIA A100-SXM4-80GB
IRQ:   \t\t 312
GPU UUID: \t GPU-5fd4f087-86f3-7a43-b711-4771313afc50
Video BIOS: \t 92.00.45.00.03
Bus Type: \t PCIe
Bus Location: \t 0000:07:00.0
"""
VERSION = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19 01:15:15 UTC 2023\n"


@pytest.fixture
def driver(tmp_path: Path) -> Path:
    """The files of a driver with one GPU."""
    directory = tmp_path / "nvidia"
    (directory / "gpus" / "0000:07:00.0").mkdir(parents=True)
    (directory / "gpus" / "0000:07:00.0" / "information").write_text(INFORMATION)
    (directory / "version").write_text(VERSION)
    return directory


@pytest.fixture
def smi(tmp_path: Path):
    """An environment whose nvidia-smi is a script."""

    def make(text: str) -> dict[str, str]:
        program = tmp_path / "bin" / "nvidia-smi"
        program.parent.mkdir()
        program.write_text(f"#!{sys.executable}\n{text}")
        program.chmod(0o755)
        return {**os.environ, "PATH": str(program.parent)}

    return make


def asked(environ, driver: Path, timeout: float = HANGS) -> list[dict]:
    return GpuQuery(environ, driver).finish(time.monotonic() + timeout)


def test_the_drivers_files_name_each_gpu(driver):
    assert driver_gpus(driver) == [
        {
            "name": "NVIDIA A100-SXM4-80GB",
            "uuid": "GPU-5fd4f087-86f3-7a43-b711-4771313afc50",
            "bus": "0000:07:00.0",
            "driver": "535.104.05",
        }
    ]


def test_nvidia_smi_is_not_asked_where_the_driver_tells(driver, smi, tmp_path):
    environ = smi(f"open({str(tmp_path / 'asked')!r}, 'w')\n")
    assert len(asked(environ, driver)) == 1
    assert not (tmp_path / "asked").exists()


def test_nvidia_smi_names_each_gpu_where_the_driver_does_not(smi, tmp_path):
    environ = smi("print('NVIDIA T4, GPU-1, 15360, 535.1')\nprint('NVIDIA T4, GPU-2, [N/A], 535.1')\n")
    assert asked(environ, tmp_path / "none") == [
        {"name": "NVIDIA T4", "uuid": "GPU-1", "driver": "535.1", "memory": 15360 << 20},
        {"name": "NVIDIA T4", "uuid": "GPU-2", "driver": "535.1"},
    ]


@pytest.mark.parametrize("text", ["import time; time.sleep(600)", "raise SystemExit(9)", "print('No devices found')"])
def test_an_nvidia_smi_that_is_slow_or_fails_means_no_gpus(smi, tmp_path, text):
    began = time.monotonic()
    assert asked(smi(text), tmp_path / "none", timeout=0.3) == []
    assert time.monotonic() - began < HANGS


def test_without_driver_and_program_there_are_no_gpus(tmp_path):
    assert asked({"PATH": str(tmp_path)}, tmp_path / "none") == []


def test_torch_is_never_loaded_and_never_made_to_use_a_gpu(script):
    script("""
        import sys
        from pathlib import Path
        from rla.artifacts.environment.capture import EnvironmentCapture
        EnvironmentCapture(Path(".")).finish()
        assert "torch" not in sys.modules
    """)


def test_the_limits_of_a_container_are_told(tmp_path, monkeypatch):
    (tmp_path / "cpu.max").write_text("150000 100000\n")
    (tmp_path / "memory.max").write_text("1073741824\n")
    monkeypatch.setattr(hardware, "_CGROUP", tmp_path)
    assert hardware.processors()["quota"] == 1.5
    assert hardware.memory()["limit"] == 1 << 30


def test_a_container_without_limits_has_none(tmp_path, monkeypatch):
    (tmp_path / "cpu.max").write_text("max 100000\n")
    (tmp_path / "memory.max").write_text("max\n")
    monkeypatch.setattr(hardware, "_CGROUP", tmp_path)
    assert "quota" not in hardware.processors()
    assert "limit" not in hardware.memory()
