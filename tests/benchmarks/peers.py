"""Other trackers doing the same work, each imported only when it is measured.

A peer that is not installed is named as such in the table, never left out silently.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from pathlib import Path

KEYS = [f"group/key{number}" for number in range(10)]
HYPERPARAMETERS = {f"p{number}": number * 0.1 for number in range(20)}

Logging = tuple[Callable[[int], object], Callable[[], object]]
"""Logs one row of ten scalars at a step; ends."""


def missing(package: str) -> bool:
    """Whether a peer is not installed."""
    return importlib.util.find_spec(package) is None


def values(step: int) -> dict[str, float]:
    """The ten scalars of a step."""
    return {key: step * 0.1 + number for number, key in enumerate(KEYS)}


def sb3(directory: Path) -> Logging:
    """Stable-Baselines3's logger with csv, tensorboard and log."""
    from stable_baselines3.common.logger import configure

    logger = configure(str(directory), ["csv", "tensorboard", "log"])

    def log(step: int) -> None:
        for key, value in values(step).items():
            logger.record(key, value)
        logger.dump(step)

    return log, logger.close


def tensorboardx(directory: Path) -> Logging:
    """tensorboardX, flushed."""
    from tensorboardX import SummaryWriter

    writer = SummaryWriter(str(directory))

    def log(step: int) -> None:
        for key, value in values(step).items():
            writer.add_scalar(key, value, step)
        writer.flush()

    return log, writer.close


def trackio(directory: Path) -> Logging:
    """trackio, which writes from a thread."""
    os.environ["TRACKIO_DIR"] = str(directory)
    import trackio as peer

    peer.init(project="bench", name=directory.name, config=HYPERPARAMETERS, embed=False)
    return lambda step: peer.log(values(step), step=step), peer.finish


def wandb(directory: Path) -> Logging:
    """W&B, offline; it writes from another process."""
    os.environ.update(WANDB_MODE="offline", WANDB_SILENT="true", WANDB_DIR=str(directory))
    import wandb as peer

    run = peer.init(project="bench", config=HYPERPARAMETERS, dir=str(directory), reinit="finish_previous")
    return lambda step: run.log(values(step), step=step), run.finish


def mlflow(directory: Path) -> Logging:
    """MLflow over SQLite."""
    import mlflow as peer

    peer.set_tracking_uri(f"sqlite:///{directory.parent}/mlflow.db")
    peer.start_run()
    peer.log_params(HYPERPARAMETERS)
    return lambda step: peer.log_metrics(values(step), step=step), peer.end_run


PEERS: dict[str, tuple[str, Callable[[Path], Logging]]] = {
    "SB3 csv + tensorboard + log": ("stable_baselines3", sb3),
    "tensorboardX": ("tensorboardX", tensorboardx),
    "trackio": ("trackio", trackio),
    "W&B offline": ("wandb", wandb),
    "MLflow SQLite": ("mlflow", mlflow),
}
"""Name -> the package that must be installed, and how to begin logging."""
