"""Measure grids:  python tests/benchmarks/run.py grid"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from measure import Figure, fresh, median_wall, report

from rla.sweep import ExperimentGrid
from rla.sweep.launch import How, plan_variants

VARIANTS, ROUNDS = 50, 3
MILLI = 1e-3
OVERHEAD = 1.5
"""What a variant may cost beside the start of its Python, as a multiple of that start."""


def do_nothing(n: int) -> None:
    """A function of the main program, as it stands in a script: it is sent by value."""


do_nothing.__module__ = "__main__"


def per_variant(function: Callable[..., object], base: Path) -> float:
    """Seconds for each variant of a grid that runs one at a time; its runs are counted."""
    root = fresh(base)
    grid = ExperimentGrid("noop")
    grid.add("n", list(range(VARIANTS)))
    before = time.perf_counter()
    finished = grid.run(function, quiet=True, data_root=root).counts
    seconds = time.perf_counter() - before
    assert finished == {"finished": VARIANTS}, finished
    return seconds / VARIANTS


def bare() -> float:
    """Seconds for a Python that does nothing, started one after the other."""
    before = time.perf_counter()
    for _ in range(VARIANTS):
        subprocess.run([sys.executable, "-c", "pass"], check=True)
    return (time.perf_counter() - before) / VARIANTS


def bench_grid(base: Path) -> bool:
    """Variants that do nothing beside a bare Python, in turns; then the planning of 10,000."""
    (module := fresh(base) / "module_that_does_nothing.py").write_text("def do_nothing(n): pass\n")
    sys.path.insert(0, str(module.parent))
    import module_that_does_nothing

    os.chdir(base)
    by_name = [(per_variant(module_that_does_nothing.do_nothing, base), bare()) for _ in range(ROUNDS)]
    by_value = [per_variant(do_nothing, base) for _ in range(ROUNDS)]
    python = min(each for _, each in by_name)
    figures = [
        Figure("a variant, function of a module", min(each for each, _ in by_name), python * (1 + OVERHEAD)),
        Figure("a variant, function of a script (loads cloudpickle)", min(by_value)),
        Figure("python -c pass", python),
    ]
    met = report(f"{VARIANTS} variants that do nothing, one at a time, each a run", figures, MILLI, "ms")
    return bench_plan(base) and met


def bench_plan(base: Path) -> bool:
    """10,000 variants: checked, named, with their keys."""

    def train(lr: float, net: dict[str, int], width: tuple[int, int], seed: int) -> None:
        """Never called."""

    grid = ExperimentGrid("many")
    grid.add("lr", [number / 100 for number in range(20)])
    grid.add("net:layers", list(range(10)))
    grid.add("width", [(number, number) for number in range(10)])
    grid.add("seed", list(range(5)))
    how = How(data_root=fresh(base))

    def plan() -> None:
        batch = plan_variants("many", train, grid.points, how)
        assert sum(1 for _ in batch.workload.items()) == 10_000

    return report("plan 10,000 variants", [Figure("rla", median_wall(plan, ROUNDS), 1.0)], MILLI, "ms")
