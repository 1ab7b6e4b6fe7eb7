"""What a checkpoint costs beside ``torch.save`` with fsync:  python tests/benchmarks/checkpoints.py"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import torch
from measure import Figure, fresh, report

from rla.artifacts.checkpoints.store import CheckpointStore, adapter_for

MILLI = 1e-3
LIMIT = 1.15
ROUNDS = 9

STATES = {
    "100 MB in 10 tensors": lambda: {f"layer{number}.weight": torch.randn(2_500_000) for number in range(10)},
    "1 MB in 20 tensors": lambda: {f"layer{number}.weight": torch.randn(12_500) for number in range(20)},
}


def bare_save(state: dict, path: Path) -> None:
    """What a script would do that wants its file to be there after a power cut."""
    torch.save(state, path)
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


def alternating(works: list[Callable[[int], object]]) -> list[float]:
    """The median seconds of each, measured in turns: a disk has moods."""
    taken: list[list[float]] = [[] for _ in works]
    pairs = list(zip(works, taken, strict=True))
    for number in range(ROUNDS):
        for work, seconds in pairs[:: 1 if number % 2 else -1]:  # who goes first finds the disk rested
            before = time.perf_counter()
            work(number)
            seconds.append(time.perf_counter() - before)
    return [statistics.median(seconds) for seconds in taken]


def bench_checkpoint(base: Path) -> bool:
    """Saving, all of it kept; then loading."""
    met = [measure(base, title, make()) for title, make in STATES.items()]  # each, also after one that missed
    return all(met)


def measure(base: Path, title: str, state: dict) -> bool:
    """One state; the target is for large ones, where the bytes and not the calls take the time."""
    bare = fresh(base)
    store = CheckpointStore(fresh(base), adapter_for("torch"), max_to_keep=None)
    ours, floor = alternating(
        [lambda number: store.save(number, state), lambda number: bare_save(state, bare / f"{number}.pt")]
    )
    target = floor * LIMIT if title.startswith("100 MB") else None
    figures = [Figure("rla", ours, target), Figure("torch.save + fsync", floor)]
    met = report(f"save a checkpoint, {title}", figures, MILLI, "ms")
    loads = alternating([lambda _: store.load(), lambda _: torch.load(bare / "0.pt", weights_only=True)])
    return (
        report(f"load a checkpoint, {title}", list(map(Figure, ("rla, verified", "torch.load"), loads)), MILLI, "ms")
        and met
    )


def main() -> None:
    """Measure, and exit with 1 when a target is missed."""
    base = Path(tempfile.mkdtemp(prefix="rla-bench-"))
    try:
        met = bench_checkpoint(base)
    finally:
        shutil.rmtree(base, ignore_errors=True)
    sys.exit(0 if met else 1)


if __name__ == "__main__":
    main()
