"""Run one training again and again, each time with a fault at a later system call, and check what is left.

Run as tests.faults.striking tells:  sweep.py DIRECTORY ERROR LASTING STRIDE
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import sys
from pathlib import Path

import rla
from rla import logger, time_step_holder
from rla.core.layout import KINDS
from rla.errors import RunStartError
from rla.runs.database import open_database
from tests.faults.striking import Fault, Struck, in_child, strike, sweep


def training(root: Path, tell: int) -> None:
    """Start, three dumps of which the second has a late key, end; each finished step is told."""
    with rla.init("task", {"lr": 0.1, "seed": 3}, track=["seed"], data_root=root):
        os.write(tell, b"s")
        for step in range(3):
            time_step_holder.set_time(step)
            logger.record_tabular("value", step * 1.5)
            if step == 1:
                logger.record_tabular("late, key", 1.0)
            logger.dump_tabular()
            os.write(tell, b"d")
    os.write(tell, b"e")


def violations(root: Path, told: str, killed: bool, lasting: bool, beyond_help: bool) -> list[str]:
    """What is wrong with what was left, after the next reader.

    ``lasting``: the fault did not pass; ``beyond_help``: nothing could be removed any more either.
    """
    if not (root / ".rla").exists():
        return ["a training that started left nothing"] if "s" in told else []
    database = open_database(root)
    runs = database.runs()
    found = []
    rows = {run.uid for run in runs}
    leaves = list(root.glob("log/*/*/*/*/*"))
    on_disk = {json.loads((leaf / "run.json").read_text())["uid"] for leaf in leaves if (leaf / "run.json").exists()}
    if rows != on_disk:
        found.append(f"rows {rows} are not the runs on disk {on_disk}")
    found += [f"orphan directory {leaf}" for leaf in leaves if not (leaf / "run.json").exists()]
    places = {leaf.relative_to(root / "log") for leaf in leaves}
    for kind in KINDS:
        kept = root.glob(f"{kind}/*/*/*/*/*")
        found += [f"orphan {leaf}" for leaf in kept if leaf.relative_to(root / kind) not in places]
    if "s" in told and len(runs) != 1:
        found.append(f"{len(runs)} runs after one that started")
    if "r" in told and not beyond_help and (runs or list(root.glob("log/*"))):
        found.append("a start that was refused left something behind")
    found += [f"left in the spool: {entry.name}" for entry in root.glob(".rla/spool/*")]
    for run in runs:
        found += wrong_values(run, told, killed, lasting)
    again = [(run.uid, run.state, run.time_step, run.summary) for run in open_database(root).runs()]
    if again != [(run.uid, run.state, run.time_step, run.summary) for run in runs]:
        found.append("a second reader sees something else")
    return found


def wrong_values(run, told: str, killed: bool, lasting: bool) -> list[str]:
    """Every acknowledged row must be readable, and the time step true to the file."""
    found = []
    text = run.paths.csv.read_text() if run.paths.csv.exists() else ""
    whole = text[: text.rfind("\n") + 1]
    table = list(csv.DictReader(whole.splitlines()))
    values = [(row["value"], row["time-step"]) for row in table]
    expected = [(str(step * 1.5), str(step)) for step in range(3)]
    if killed and (values != expected[: len(values)] or len(values) < told.count("d")):
        found.append(f"rows {values} after {told!r}")
    if any(None in row or None in row.values() for row in table):
        found.append(f"not rectangular: {text!r}")
    step = int(table[-1]["time-step"]) if table else None
    if run.time_step != step and not (run.state != "lost" and not killed):
        found.append(f"time_step {run.time_step} is not the file's {step}")
    if "e" in told and run.state != "finished" and not (lasting and run.state == "lost"):
        found.append(f"state {run.state} after its end")
    if killed and "e" not in told and run.state not in {"lost", "finished"}:
        found.append(f"state {run.state} after a kill")
    return found


def main() -> None:
    directory = Path(sys.argv[1])

    def point(nth: int, fault: Fault) -> tuple[Struck, list[str]]:
        root = directory / f"root-{nth}"
        struck = strike(lambda tell: training(root, tell), root, nth, fault, (RunStartError,))
        lasting = fault.lasting and fault.error != 0
        found = in_child(violations, root, struck.told, struck.killed, lasting, fault.beyond_help)
        shutil.rmtree(root, ignore_errors=True)
        return struck, found

    sweep(point)


if __name__ == "__main__":
    main()
