"""How every benchmark measures: fresh directories, nothing deleted between rounds, medians and ratios."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Figure:
    """One measured thing: a name, its time, and the target it has, if it is ours."""

    name: str
    seconds: float
    target: float | None = None


@contextmanager
def silence() -> Iterator[None]:
    """Keep what the peers print away from the table."""
    sys.stdout.flush()
    kept = [os.dup(1), os.dup(2)]
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    try:
        yield
    finally:
        sys.stdout.flush()
        for target, descriptor in zip((1, 2), kept, strict=True):
            os.dup2(descriptor, target)
            os.close(descriptor)
        os.close(null)


def fresh(base: Path) -> Path:
    """A directory that nobody has used."""
    return Path(tempfile.mkdtemp(dir=base))


def best_cpu(work: Callable[[], object], repeats: int, rounds: int) -> float:
    """Seconds of this thread's CPU per call, in the best of some rounds."""
    rounds_taken = []
    for _ in range(rounds):
        before = time.thread_time()
        for _ in range(repeats):
            work()
        rounds_taken.append((time.thread_time() - before) / repeats)
    return min(rounds_taken)


def median_wall(work: Callable[[], object], rounds: int) -> float:
    """Seconds of wall clock per call, the median."""
    taken = []
    for _ in range(rounds):
        before = time.perf_counter()
        work()
        taken.append(time.perf_counter() - before)
    return statistics.median(taken)


def process_wall(command: list[str], rounds: int = 7) -> float:
    """Seconds of a whole process, the median; the first one warms the caches and does not count."""
    run = lambda: subprocess.run(command, check=True, capture_output=True)
    run()
    return median_wall(run, rounds)


def report(title: str, figures: list[Figure], unit: float, unit_name: str) -> bool:
    """Print a table with ratios to ours, which is first; whether ours meets its target."""
    ours = figures[0]
    print(f"\n{title}")
    for figure in figures:
        ratio = f"{figure.seconds / ours.seconds:8.1f}x" if figure is not ours else "        "
        goal = f"   target {figure.target / unit:g} {unit_name}" if figure.target else ""
        print(f"  {figure.name:<42}{figure.seconds / unit:10.2f} {unit_name} {ratio}{goal}", flush=True)
    met = all(figure.target is None or figure.seconds <= figure.target for figure in figures)
    if not met:
        print("  TARGET MISSED")
    return met
