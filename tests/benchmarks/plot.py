"""Measure reading and drawing curves, beside others that read the same values:  python tests/benchmarks/plot.py

rla and the others read one metric of 50 runs x 10,000 rows x 10 columns; then rla draws them, and 1,000 runs.
"""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import msgspec
import numpy as np
from measure import Figure, fresh, median_wall, report, silence
from peers import missing

import rla

MILLI = 1e-3
RUNS, ROWS, COLUMNS = 50, 10_000, 10
KEYS = [f"train/value{number}" for number in range(COLUMNS)]
METRIC = KEYS[3]
MOST_MEMORY = 1024
ENCODE = msgspec.json.Encoder().encode


def table(seed: int, keys: list[str]) -> bytes:
    """A progress.csv: random walks, a row every hundred steps."""
    walks = np.random.default_rng(seed).normal(size=(ROWS, len(keys))).cumsum(axis=0)
    head = ",".join([*keys, "time-step", "timestamp"]).encode()
    rows = (ENCODE([*row, number * 100, 1.7e9 + 0.3 * number])[1:-1] for number, row in enumerate(walks.tolist()))
    return b"\n".join([head, *rows, b""])


def fill(root: Path, runs: int, keys: list[str], groups: int = 5) -> None:
    """A database of finished runs; the time stamps of their tables lie well in the past."""
    text = [table(seed, keys) for seed in range(min(runs, RUNS))]
    for number in range(runs):
        hyperparameters = {"lr": number % groups, "seed": number // groups}
        with rla.init("bench", hyperparameters, data_root=root, log_used=["csv"]) as run:
            pass
        path = run.log_dir / "progress.csv"
        path.write_bytes(text[number % len(text)])


def read(root: Path) -> Callable[[], object]:
    """Read the metric of all runs."""
    from rla.runs.curves import read_curves

    runs = list(rla.query(root))

    def work() -> int:
        found = read_curves(runs, [METRIC])
        assert sum(len(each.curves[METRIC].x) for each in found) == len(runs) * ROWS
        return len(found)

    return work


def without_cache(root: Path, work: Callable[[], object]) -> Callable[[], object]:
    """The same with the cache moved away before each call: deleting would slow the next writing down."""
    away = iter(range(1000))

    def anew() -> object:
        place = root / ".rla/cache/curves"
        if place.exists():
            place.rename(root / f".rla/cache/curves-{next(away)}")
        return work()

    return anew


def pandas_alone(root: Path) -> Callable[[], object]:
    """pandas, told which columns to read."""
    import pandas as pd

    files = list((root / "log").rglob("progress.csv"))
    return lambda: [pd.read_csv(file, usecols=["time-step", METRIC]) for file in files]


def as_rla_read(root: Path) -> Callable[[], object]:
    """As RLA reads: pandas in pieces of 5,000 rows without quoting, all columns, joined and cut to two."""
    import pandas as pd

    files = list((root / "log").rglob("progress.csv"))
    options = {"chunksize": 5000, "quoting": csv.QUOTE_NONE, "comment": "#", "memory_map": True}
    return lambda: [pd.concat(pd.read_csv(file, **options))[["time-step", METRIC]] for file in files]


def event_accumulator(base: Path) -> Callable[[], object]:
    """TensorBoard's own reader, on event files of the same values; 5 runs, and times ten."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    from rla import logger, time_step_holder

    root = fresh(base)
    for seed in range(RUNS // 10):
        walks = np.random.default_rng(seed).normal(size=(ROWS, COLUMNS)).cumsum(axis=0).tolist()
        with rla.init("bench", {"seed": seed}, data_root=root, log_used=["tensorboard"]):
            for number, row in enumerate(walks):
                time_step_holder.set_time(number * 100)
                logger.logkvs(dict(zip(KEYS, row, strict=True)))
                logger.dump_tabular()
    places = list((root / "log").rglob("tb/events"))

    def work() -> None:
        for place in places:
            found = EventAccumulator(str(place), size_guidance={"scalars": 0}).Reload()
            assert len(found.Scalars(METRIC)) == ROWS

    return work


def trackio(base: Path) -> Callable[[], object]:
    """trackio's store, asked run by run as its interface does; 5 runs, and times ten."""
    os.environ["TRACKIO_DIR"] = str(fresh(base))
    from trackio.sqlite_storage import SQLiteStorage as Store

    for seed in range(RUNS // 10):
        walks = np.random.default_rng(seed).normal(size=(ROWS, COLUMNS)).cumsum(axis=0).tolist()
        rows = [dict(zip(KEYS, row, strict=True)) for row in walks]
        Store.bulk_log("bench", f"run{seed}", rows, steps=[number * 100 for number in range(ROWS)])
    return lambda: [[row[METRIC] for row in Store.get_logs("bench", f"run{seed}")] for seed in range(RUNS // 10)]


TENTHS = {"trackio": ("trackio", trackio), "EventAccumulator": ("tensorboard", event_accumulator)}


def tenths(base: Path) -> Iterator[Figure]:
    """The slow ones: measured on a tenth of the runs."""
    for name, (package, make) in TENTHS.items():
        if missing(package):
            print(f"  ({name}: not installed)")
            continue
        with silence():
            work = make(base)
            seconds = median_wall(work, 1) * 10
        yield Figure(f"{name} (a tenth, times ten)", seconds)


DRAW = """
import resource, sys, time
import matplotlib.figure, matplotlib.backends.backend_agg, pandas
import rla
from rla.easy_plot import figure, data_frame
runs = list(rla.query(sys.argv[1]))
before = time.perf_counter()
drawn, data = rla.plot(runs, sys.argv[2], group_by="lr")
drawn.savefig(sys.argv[3])
print(time.perf_counter() - before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
assert data["n"].min() == len(runs) // 5
"""


def drawn(root: Path, metric: str) -> tuple[float, float]:
    """Seconds to draw all runs of a database in a process of its own, libraries loaded; its peak of memory in MiB."""
    command = [sys.executable, "-c", DRAW, str(root), metric, str(root / "curves.png")]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    seconds, mebibytes = map(float, done.stdout.split())
    return seconds, mebibytes


def bench_plot(base: Path) -> bool:
    """Read curves cold and cached, beside others; draw 50 and 1,000 runs."""
    root = fresh(base)
    fill(root, RUNS, KEYS)
    time.sleep(2.5)  # a file that was just written is not believed without reading it
    work = read(root)
    work()
    cold = without_cache(root, work)
    figures = [
        Figure("rla, cold", median_wall(cold, 5), 160 * MILLI),
        Figure("pandas alone", median_wall(pandas_alone(root), 5)),
        Figure("as RLA reads", median_wall(as_rla_read(root), 3)),
        *tenths(base),
    ]
    met = report("one metric of 50 runs x 10,000 rows x 10 columns, wall", figures, MILLI, "ms")
    work()
    met &= report("the same, cached", [Figure("rla", median_wall(work, 9), 10 * MILLI)], MILLI, "ms")
    seconds = sorted(drawn(root, METRIC)[0] for _ in range(3))[1]
    met &= report("the same, 5 groups with a bootstrap interval, as PNG", [Figure("rla", seconds, 0.8)], MILLI, "ms")
    many = fresh(base)
    fill(many, 1000, KEYS[:1])
    seconds, mebibytes = drawn(many, KEYS[0])
    met &= report("1,000 runs x 10,000 rows, drawn, cold", [Figure("rla", seconds, 6.0)], MILLI, "ms")
    print(f"  peak of memory: {mebibytes:.0f} MiB   target {MOST_MEMORY} MiB")
    return met and mebibytes <= MOST_MEMORY


def main() -> None:
    """Measure."""
    base = Path(tempfile.mkdtemp(prefix="rla-bench-"))
    os.environ.update({"RLA_BACKUP_CODE": "0", "RLA_CAPTURE_ENVIRONMENT": "0"})
    try:
        met = bench_plot(base)
    finally:
        shutil.rmtree(base, ignore_errors=True)
    sys.exit(0 if met else "missed")


if __name__ == "__main__":
    main()
