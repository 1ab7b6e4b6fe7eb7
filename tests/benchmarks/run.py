"""Measure rla beside its peers in one run, and print the ratios:  make bench

With names, only those. Exits 1 when a target is missed. ``memory`` takes minutes and runs only when it
is named. Runs keep neither code nor environment here, as their peers do not; ``default`` measures both.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import peers
from bootstrap import bench_bootstrap
from checkpoints import bench_checkpoint
from code_backup import bench_code
from grid import bench_grid
from hermes import bench_hermes
from manage import bench_manage
from measure import Figure, best_cpu, fresh, median_wall, process_wall, report, silence
from plot import bench_plot
from query import bench_query
from resume import bench_resume, bench_sb3

import rla
from rla import logger, time_step_holder

NOTHING_KEPT = {"RLA_BACKUP_CODE": "0", "RLA_CAPTURE_ENVIRONMENT": "0"}
MICRO, MILLI = 1e-6, 1e-3
MINIMAL = """
import rla
with rla.init("t", {"lr": 0.1}, data_root=%r):
    rla.logger.record_tabular("k", 1.0)
    rla.logger.dump_tabular()
"""


def log_with_rla(base: Path):
    """One row of ten scalars in csv, tensorboard and text."""
    rla.init("bench", peers.HYPERPARAMETERS, data_root=base)
    keys, step = peers.KEYS, iter(range(10**9))

    def log() -> None:
        now = next(step)
        time_step_holder.set_time(now)
        for number, key in enumerate(keys):
            logger.record_tabular(key, now * 0.1 + number)
        logger.dump_tabular()

    return log


def bench_dump(base: Path) -> bool:
    """One dump of ten scalars: rla in three formats, every row in the files when the call returns."""
    figures = [Figure("rla csv + tensorboard + log", best_cpu(log_with_rla(base), 2000, 9), 20 * MICRO)]
    rla.exp_manager.close()
    for name, (package, begin) in peers.PEERS.items():
        if peers.missing(package):
            print(f"  ({name}: not installed)")
            continue
        with silence():
            log, end = begin(fresh(base))
            step = iter(range(10**9))
            repeats = 100 if package == "mlflow" else 1000
            seconds = best_cpu(lambda log=log, step=step: log(next(step)), repeats, 3)
            end()
        figures.append(Figure(name, seconds))
    return report("one dump of 10 scalars, CPU of the calling thread", figures, MICRO, "us")


def bench_start(base: Path) -> bool:
    """Start and finish a run with 20 hyperparameters."""
    root = fresh(base)
    once = lambda: rla.init("bench", peers.HYPERPARAMETERS, track=["p1"], data_root=root).close()
    once()
    figures = [Figure("rla, manifest fsynced", median_wall(once, 50), 4 * MILLI)]
    for name in ("trackio", "MLflow SQLite", "W&B offline"):
        package, begin = peers.PEERS[name]
        if peers.missing(package):
            print(f"  ({name}: not installed)")
            continue
        with silence():
            directory = fresh(base)
            work = lambda begin=begin, directory=directory: begin(directory)[1]()
            work()
            seconds = median_wall(work, 5)
        figures.append(Figure(name, seconds))
    return report("start and finish a run, 20 hyperparameters, wall", figures, MILLI, "ms")


def bench_import(base: Path) -> bool:
    """Whole processes."""
    python = sys.executable
    bare = Figure("bare python", process_wall([python, "-c", "pass"]))
    imports = [Figure("import rla", process_wall([python, "-c", "import rla"]), 50 * MILLI), bare]
    imports += [
        Figure(f"import {package}", process_wall([python, "-c", f"import {package}"], 3))
        for package in ("wandb", "trackio", "mlflow")
        if not peers.missing(package)
    ]
    met = report("import, whole process, wall", imports, MILLI, "ms")
    command = str(Path(python).with_name("rla"))
    met &= report(
        "rla --help, whole process", [Figure("rla --help", process_wall([command, "--help"]), 150 * MILLI)], MILLI, "ms"
    )
    script = MINIMAL % str(fresh(base))
    figure = Figure("a minimal script with one run", process_wall([python, "-c", script]), 300 * MILLI)
    return report("a whole script", [figure], MILLI, "ms") and met


WORKER = """
import sys, rla
from rla import logger
for run in range(50):
    with rla.init("bench", {"seed": run, "worker": int(sys.argv[2])}, track=["seed"], data_root=sys.argv[1]):
        for step in range(100):
            logger.record_tabular("value", step * 0.5)
            logger.dump_tabular()
"""
TENSORBOARDX_WORKER = """
import sys
from tensorboardX import SummaryWriter
for run in range(50):
    writer = SummaryWriter(f"{sys.argv[1]}/{sys.argv[2]}-{run}")
    for step in range(100):
        writer.add_scalar("value", step * 0.5, step)
    writer.close()
"""


def in_processes(text: str, directory: Path, count: int = 8) -> float:
    """Seconds until so many processes of a script have ended well."""
    before = time.perf_counter()
    running = [subprocess.Popen([sys.executable, "-c", text, str(directory), str(n)]) for n in range(count)]
    codes = [process.wait() for process in running]
    assert codes == [0] * count, codes
    return time.perf_counter() - before


def bench_processes(base: Path) -> bool:
    """8 processes x 50 runs x 100 dumps into one database; nothing may be lost."""
    from rla.runs.database import open_database

    root = fresh(base)
    ours = in_processes(WORKER, root)
    runs = open_database(root).runs()
    rows = sum(run.paths.csv.read_bytes().count(b"\n") - 1 for run in runs if run.paths)
    assert (len(runs), rows) == (400, 40_000), (len(runs), rows)
    assert {run.state for run in runs} == {"finished"}
    figures = [Figure("rla", ours, 2.5), Figure("tensorboardX", in_processes(TENSORBOARDX_WORKER, fresh(base)))]
    return report("8 processes x 50 runs x 100 dumps, 400 runs and 40,000 rows found", figures, 1.0, "s")


def bench_default(base: Path) -> bool:
    """Start a run as it is by default: 1,000 unchanged files, packages and git."""
    project = fresh(base)
    for number in range(1000):
        file = project / f"package{number % 20}" / f"module{number}.py"
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"VALUE = {number}\n" + "# a line of code\n" * 900)
    git = ["git", "-C", str(project), "-c", "user.name=b", "-c", "user.email=b@b"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "all"]):
        subprocess.run([*git, *command], check=True)
    root = fresh(base)
    for name in NOTHING_KEPT:
        os.environ.pop(name)

    def start() -> None:
        config = {"BACKUP_CONFIG": {"backup_code_dir": ["."]}}
        rla.exp_manager.set_hyper_param(seed=1)
        rla.exp_manager.configure("bench", config, root, code_root=project, log_used=["csv", "log", "tensorboard"])
        rla.exp_manager.log_files_gen()

    start()
    seconds = median_wall(start, 15)
    rla.exp_manager.close()
    os.environ.update(NOTHING_KEPT)
    return report(
        "start of a default run", [Figure("1,000 unchanged files, git, packages", seconds, 80 * MILLI)], MILLI, "ms"
    )


def resident() -> float:
    """Memory that this process holds now, in MiB (not its peak: the peers' imports would hide a growth)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def bench_memory(base: Path) -> bool:
    """10,000,000 dumps: resident memory must not grow."""
    rla.init("bench", data_root=base, log_used=["csv"])
    held = []
    for step in range(10_000_000):
        logger.record_tabular("value", step * 0.5)
        logger.dump_tabular()
        if step % 1_000_000 == 100_000:
            held.append(resident())
    rla.exp_manager.close()
    print(f"\nmemory each 1,000,000 of 10,000,000 dumps, MiB: {', '.join(f'{each:.1f}' for each in held)}")
    return held[-1] - held[0] < 1.0


BENCHMARKS = {
    "dump": bench_dump,
    "start": bench_start,
    "import": bench_import,
    "processes": bench_processes,
    "default": bench_default,
    "code": bench_code,
    "checkpoint": bench_checkpoint,
    "query": bench_query,
    "plot": bench_plot,
    "manage": bench_manage,
    "grid": bench_grid,
    "hermes": bench_hermes,
    "resume": bench_resume,
    "sb3": bench_sb3,
    "bootstrap": bench_bootstrap,
    "memory": bench_memory,
}


def main() -> None:
    """Run what was named, or all but ``memory``."""
    os.environ.update(NOTHING_KEPT)
    chosen = sys.argv[1:] or [name for name in BENCHMARKS if name != "memory"]
    base = Path(tempfile.mkdtemp(prefix="rla-bench-"))
    try:
        missed = [name for name in chosen if not BENCHMARKS[name](fresh(base))]
    finally:
        shutil.rmtree(base, ignore_errors=True)
    sys.exit(f"missed: {', '.join(missed)}" if missed else 0)


if __name__ == "__main__":
    main()
