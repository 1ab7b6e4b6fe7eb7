"""Save checkpoints again and again, each time with a fault at a later system call, and check what is left.

Run as tests.faults.striking tells:  checkpoint_sweep.py FRAMEWORK DIRECTORY ERROR LASTING STRIDE
"""

from __future__ import annotations

import os
import shutil
import sys
import warnings
from pathlib import Path

import numpy as np

from rla.artifacts.checkpoints.store import CheckpointStore, adapter_for
from tests.faults.striking import Fault, Struck, in_child, strike, sweep

KEEP = 2
SAVES = [("net", 1), ("net", 2), ("best", 2), ("net", 3), ("net", 4), ("net", 3), ("best", 4)]
"""Names and steps; the run goes back once and saves a step again. The number of a save is its content."""

OTHERS = ("best.pt", "notes.txt", "net_final.npz")


def content(number: int) -> dict:
    return {"number": number, "w": np.full(500, float(number))}


def saving(store: CheckpointStore, tell: int) -> None:
    for number, (name, step) in enumerate(SAVES):
        try:
            store.save(step, content(number), name=name)
        except OSError as error:
            assert error.errno
            assert error.filename == str(store.path_of(step, name))
            os.write(tell, b"r")
        else:
            os.write(tell, b"s")


def number_of(store: CheckpointStore, name: str, step: int | None = None) -> int:
    """The save that a checkpoint comes from; its content must be whole."""
    model = store.load(step, name=name).model
    assert model["w"].tolist() == [float(model["number"])] * 500
    return model["number"]


def violations(store: CheckpointStore, told: str) -> list[str]:
    """What is wrong with what was left; nothing that was acknowledged may be missing or old."""
    saved = told.rstrip(".")
    under_way = len(saved)  # the save that was struck when the process was killed
    found = []
    for name in ("net", "best"):
        mine = [number for number, (of, _) in enumerate(SAVES) if of == name]
        acknowledged = [number for number in mine if saved[number : number + 1] == "s"]
        possible = {*acknowledged, *(n for n in mine if saved[n : n + 1] == "r" or n == under_way)}
        there = [number_of(store, name, step) for step in store.steps(name)]
        if not set(there) <= possible:
            found.append(f"{name}: {there} are not from {possible}")
        newest_first = sorted({SAVES[n][1]: n for n in acknowledged}.values(), reverse=True)
        later = [n for n in there if n not in acknowledged]
        kept = {SAVES[n][1] for n in newest_first[: KEEP - len(later)]}
        missing = sorted(kept - set(store.steps(name)))
        if missing:
            found.append(f"{name}: {missing} were acknowledged and are gone; {there} are there")
        if acknowledged and number_of(store, name) < acknowledged[-1]:
            found.append(f"{name}: {number_of(store, name)} is loaded after {acknowledged[-1]}")
    return found


def leftovers(store: CheckpointStore, root: Path) -> list[str]:
    """What the next save of each name leaves but for the checkpoints to keep and the files of others."""
    for name in ("net", "best"):
        store.save(50, content(50), name=name)
    expected = {*OTHERS}
    for name in ("net", "best"):
        if number_of(store, name) != 50:
            return [f"{name}: what was saved last is not the newest"]
        expected |= {store.path_of(step, name).name for step in store.steps(name)}
        if len(store.steps(name)) > KEEP:
            return [f"{name}: {store.steps(name)} are kept"]
    files = {entry.name for entry in root.iterdir()}
    records = {file for file in files if file.endswith(".json")}
    found = sorted(files - expected - records) + [f"missing {file}" for file in sorted(expected - files)]
    return found + [file for file in OTHERS if (root / file).read_text() != file]


def main() -> None:
    framework, directory = sys.argv[1], Path(sys.argv[2])
    adapter_for(framework)  # imported before the forks

    def point(nth: int, fault: Fault) -> tuple[Struck, list[str]]:
        root = directory / f"root-{nth}"
        root.mkdir(parents=True)
        for name in OTHERS:
            (root / name).write_text(name)
        store = CheckpointStore(root, adapter_for(framework), KEEP)
        struck = strike(lambda tell: saving(store, tell), root, nth, fault)
        found = in_child(wrong, CheckpointStore(root, adapter_for(framework), KEEP), root, struck.told)
        shutil.rmtree(root)
        return struck, found

    sweep(point)


def wrong(store: CheckpointStore, root: Path, told: str) -> list[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # nothing that counts is damaged
        return violations(store, told) + leftovers(store, root)


if __name__ == "__main__":
    main()
