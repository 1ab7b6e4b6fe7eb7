"""The crash injector, and small disks."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def crashpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The preloadable library, compiled; a C compiler is a tool of development, like make."""
    library = tmp_path_factory.mktemp("crashpoint") / "crashpoint.so"
    source = Path(__file__).with_name("crashpoint.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
    return library


@pytest.fixture
def sweep(crashpoint: Path) -> Callable[..., dict]:
    """Run a script of this directory with the injector preloaded; its arguments, then the fault."""

    def run(script: str, *arguments: object) -> dict:
        done = subprocess.run(
            [sys.executable, Path(__file__).with_name(script), *map(str, arguments)],
            env={
                **os.environ,
                "LD_PRELOAD": str(crashpoint),
                "OMP_NUM_THREADS": "1",
                "PYTHONPATH": str(Path(__file__).parents[2]),
            },
            capture_output=True,
            text=True,
            timeout=560,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A directory in memory where there is one: a sweep waits for the disk thousands of times."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK) or shutil.disk_usage(memory).free < 2**27:
        yield tmp_path
        return
    directory = Path(tempfile.mkdtemp(prefix="rla-sweep-", dir=memory))
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """Mount a file system made of memory; the test is skipped where that is not allowed."""
    mounted: list[Path] = []

    def make(kind: str, options: str = "") -> Path:
        place = tmp_path / f"mounted-{len(mounted)}"
        place.mkdir()
        command = ["mount", "-t", kind, *(["-o", options] if options else []), kind, str(place)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"this test needs to mount a {kind}: {done.stderr.strip()}")
        mounted.append(place)
        return place

    yield make
    for place in mounted:
        subprocess.run(["umount", "-l", str(place)], check=True)
