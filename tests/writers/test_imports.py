from __future__ import annotations

import subprocess
import sys

HEAVY = {"numpy", "torch", "tensorboardX", "crc32c", "pandas", "tensorboard"}
MODULES = "base csv_writer json_writer multi_writer summary tensorboard_writer text_writer"


def test_importing_the_writers_imports_nothing_heavy():
    script = f"import sys, {', '.join('rla.writers.' + name for name in MODULES.split())}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert not HEAVY & {name.split(".")[0] for name in loaded.split()}


def test_an_event_file_needs_neither_numpy_nor_tensorboardx(tmp_path):
    script = (
        "import sys, pathlib; from rla.writers.tensorboard_writer import TensorBoardWriter;"
        f"TensorBoardWriter(pathlib.Path({str(tmp_path)!r})); print(*sys.modules)"
    )
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert not {"numpy", "torch", "tensorboardX"} & {name.split(".")[0] for name in loaded.split()}
