"""What going on from a run costs, and what recording costs a training of Stable-Baselines3.

python tests/benchmarks/resume.py
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import numpy as np
from measure import Figure, fresh, median_wall, report

import rla
from rla import exp_manager
from rla.core.layout import CHECKPOINT, RootPaths
from rla.runs.create import RunRequest, create_run
from rla.runs.fork import Fork

MILLI = 1e-3
CONFIG = {"DL_FRAMEWORK": "numpy", "LOG_USED": ["csv"]}
CHECKPOINTS, SIZE = 10, 100_000_000
COPY_LIMIT = 1.2
OVERHEAD_LIMIT = 1.03
TIMESTEPS, ROUNDS = 20_000, 5


def bench_resume(base: Path) -> bool:
    """Fork a run with 1 GB of checkpoints: by links, and to another disk, beside ``cp``."""
    root = fresh(base)
    with rla.init("bench", data_root=root, config=CONFIG) as run:
        exp_manager.new_saver(None)
        for step in range(CHECKPOINTS):
            rla.time_step_holder.set_time(step)
            exp_manager.save_checkpoint({"w": np.full(SIZE // 8, step)})
    source = run.paths.directory(CHECKPOINT)
    copied = median_wall(lambda: subprocess.run(["cp", "-r", source, fresh(base) / "cp"], check=True), 3)
    linked = median_wall(lambda: fork(run, root), 5)
    met = report("fork 1 GB of checkpoints", [Figure("rla, links", linked), Figure("cp -r", copied)], MILLI, "ms")
    shared = Path("/dev/shm")
    if shared.is_dir() and shared.stat().st_dev != base.stat().st_dev and shutil.disk_usage(shared).free > 3 * 10**9:
        with tempfile.TemporaryDirectory(dir=shared) as other:
            ours, floor = to_another_disk(run, source, Path(other))
        figures = [Figure("rla", ours, floor * COPY_LIMIT), Figure("cp -r", floor)]
        met &= report("fork 1 GB of checkpoints to another file system", figures, MILLI, "ms")
    return met


def fork(run, root: Path) -> None:
    """A new run that begins with what another one has."""
    part = Fork(run.uid, run.paths, CHECKPOINTS)
    create_run(RootPaths(root), RunRequest("bench"), fill=part.fill).lock.release()


def to_another_disk(run, source: Path, other: Path) -> tuple[float, float]:
    """Seconds of a fork and of ``cp``, in turns; the space of each is given back before the next."""
    taken: list[list[float]] = [[], []]
    for number in range(3):
        for place, work in enumerate(
            (
                lambda target: fork(run, target),
                lambda target: subprocess.run(["cp", "-r", source, target], check=True),
            )
        ):
            target = other / f"{number}-{place}"
            before = time.perf_counter()
            work(target)
            taken[place].append(time.perf_counter() - before)
            shutil.rmtree(target)
    return statistics.median(taken[0]), statistics.median(taken[1])


def bench_sb3(base: Path) -> bool:
    """CPU of a PPO training on CartPole: recorded by rla, beside the csv and tensorboard loggers of SB3."""
    try:
        from stable_baselines3 import PPO
        from stable_baselines3.common.logger import configure
    except ModuleNotFoundError:
        print("  (Stable-Baselines3: not installed)")
        return True
    import torch

    from rla.integrations.sb3 import RLACallback, sb3_logger

    torch.set_num_threads(1)

    def learn(logger, callback=None) -> float:
        model = PPO("MlpPolicy", "CartPole-v1", n_steps=512, batch_size=128, seed=1, device="cpu")
        model.set_logger(logger)
        before = time.process_time()
        model.learn(TIMESTEPS, callback=callback)
        return time.process_time() - before

    ours, theirs = [], []
    for _ in range(ROUNDS):
        with rla.init("bench", data_root=fresh(base), log_used=["csv", "tensorboard"]):
            ours.append(learn(sb3_logger(), RLACallback()))
        theirs.append(learn(configure(str(fresh(base)), ["csv", "tensorboard"])))
    floor = min(theirs)
    figures = [
        Figure("rla csv + tensorboard", min(ours), floor * OVERHEAD_LIMIT),
        Figure("SB3 csv + tensorboard", floor),
    ]
    return report(f"PPO on CartPole, {TIMESTEPS} steps, CPU, the best of {ROUNDS}", figures, 1.0, "s")


def main() -> None:
    """Measure, and exit with 1 when a target is missed."""
    base = Path(tempfile.mkdtemp(prefix="rla-bench-"))
    try:
        met = bench_resume(base) & bench_sb3(base)
    finally:
        shutil.rmtree(base, ignore_errors=True)
    sys.exit(0 if met else 1)


if __name__ == "__main__":
    main()
