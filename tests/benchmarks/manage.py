"""Measure deleting and archiving:  python tests/benchmarks/manage.py"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[2]))

from measure import Figure, fresh, report

from rla.core.layout import KINDS
from rla.manage.plan import execute, plan_archive, plan_delete
from rla.runs.database import open_database
from tests.manage.stored_runs import make_runs, place_of

RUNS, FILES = 100, 10
BIG = 2**28
TIMES = 1 / 0.7
"""Archiving may take so many times as long as ``cp -r``, and verifies, which that does not."""


def timed(work: Callable[[], object]) -> float:
    before = time.perf_counter()
    work()
    return time.perf_counter() - before


def settled(work: Callable[[], object]) -> float:
    """Seconds until the disk has it, beginning with a disk that has nothing to do."""
    os.sync()
    return timed(lambda: (work(), os.sync()))


def bench_delete(base: Path) -> bool:
    """Delete 100 runs with ten files in each of the seven kinds."""
    root = fresh(base)
    uids = make_runs(root, RUNS, kinds=KINDS, files=FILES)
    database = open_database(root)
    plan = plan_delete(database, uids)
    ours = timed(lambda: execute(database, plan))
    assert open_database(root).runs() == []
    again = fresh(base)
    make_runs(again, RUNS, kinds=KINDS, files=FILES)
    removing = timed(lambda: shutil.rmtree(again / "log"))
    figures = [Figure("rla delete", ours, 0.5), Figure("shutil.rmtree, of one kind of seven", removing)]
    return report(f"delete {RUNS} runs, {FILES} files in each of 7 kinds", figures, 1e-3, "ms")


def bench_archive(base: Path) -> bool:
    """Archive runs beside ``cp -r`` of the same trees, with many small files and with few large ones."""
    met = True
    for title, count, files, size in (("small files", 30, FILES, 0), ("256 MiB checkpoints", 4, 2, BIG)):
        seconds: dict[str, list[float]] = {"rla archive": [], "cp -r": [], "cp -r, then sync": []}
        for _ in range(3):
            root, uids = stored(base, count, files, size)
            database = open_database(root)
            trees = [kind for kind in KINDS if (root / kind).is_dir()]
            copy = lambda root=root, trees=trees: subprocess.run(
                ["cp", "-r", *trees, fresh(base)], cwd=root, check=True
            )
            seconds["cp -r"].append(timed(copy))
            seconds["cp -r, then sync"].append(settled(copy))
            plan = plan_archive(database, uids)
            os.sync()
            seconds["rla archive"].append(timed(lambda database=database, plan=plan: execute(database, plan)))
            assert all(place_of(database, uid, archived=True) for uid in uids)
        best = {name: sorted(each)[1] for name, each in seconds.items()}
        figures = [Figure("rla archive", best.pop("rla archive"), best["cp -r, then sync"] * TIMES)]
        figures += [Figure(name, value) for name, value in best.items()]
        met &= report(f"archive {count} runs, {title}, compared and on disk", figures, 1e-3, "ms")
    return met


def stored(base: Path, count: int, files: int, size: int) -> tuple[Path, list[str]]:
    root = fresh(base)
    uids = make_runs(root, count, kinds=KINDS, files=files)
    database = open_database(root)
    for uid in uids if size else ():
        paths = database.root.run(place_of(database, uid) or "")
        (paths.directory("checkpoint") / "model.pt").write_bytes(os.urandom(size))
    return root, uids


def bench_manage(base: Path) -> bool:
    """Deleting and archiving."""
    return bench_delete(fresh(base)) & bench_archive(fresh(base))


if __name__ == "__main__":
    directory = Path(tempfile.mkdtemp(prefix="rla-bench-"))
    try:
        sys.exit(0 if bench_manage(directory) else "missed")
    finally:
        shutil.rmtree(directory, ignore_errors=True)
