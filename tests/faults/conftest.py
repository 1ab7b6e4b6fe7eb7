"""The crash injector, and small disks."""

from __future__ import annotations

import subprocess
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
