"""Run one training again and again, each time with a fault at a later system call, and check what is left.

Run as a process with crashpoint.so preloaded:  sweep.py DIRECTORY ERROR STICKY STRIDE
ERROR 0 kills with SIGKILL, another number is the errno that the call returns. Prints one JSON object.
"""

from __future__ import annotations

import csv
import ctypes
import errno
import json
import os
import shutil
import sys
import traceback
import warnings
from pathlib import Path

import rla
from rla import logger, time_step_holder
from rla.core.layout import KINDS
from rla.errors import RunStartError
from rla.runs.database import open_database

injector = ctypes.CDLL(None)
START_REFUSED = 7


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


def run_child(root: Path, nth: int, error: int, sticky: int) -> tuple[int, str]:
    """Train in a forked child with a fault at its nth call; returns its status and what it told."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read)
        injector.crashpoint_arm(os.fsencode(root), nth, error, sticky)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                training(root, write)
        except RunStartError:
            os.write(write, b"r" if injector.crashpoint_count() >= nth else b"?")
            os._exit(START_REFUSED)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os.write(write, b"." if injector.crashpoint_count() < nth else b"")
        os._exit(0)
    os.close(write)
    told = b""
    while piece := os.read(read, 100):
        told += piece
    os.close(read)
    return os.waitpid(pid, 0)[1], told.decode()


def in_child(check, *arguments) -> list[str]:
    """Check in a fork, so that this process keeps no database open."""
    read, write = os.pipe()
    if (pid := os.fork()) == 0:
        try:
            found = check(*arguments)
        except BaseException:
            found = [traceback.format_exc()]
        os.write(write, json.dumps(found).encode()[:60_000])
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as file:
        found = json.loads(file.read())
    os.waitpid(pid, 0)
    return found


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
    directory, error, sticky, stride = Path(sys.argv[1]), *map(int, sys.argv[2:5])
    report = {"points": 0, "violations": [], "refused": 0}
    nth = 1
    while True:
        root = directory / f"root-{nth}"
        status, told = run_child(root, nth, error, sticky)
        report["points"] += 1
        report["refused"] += "r" in told
        killed = error == 0 and os.WIFSIGNALED(status)
        if error and os.waitstatus_to_exitcode(status) not in {0, START_REFUSED}:
            report["violations"].append([nth, "the fault reached the training"])
        beyond_help = bool(sticky) and error != errno.ENOSPC
        found = in_child(violations, root, told, killed, bool(sticky and error), beyond_help)
        report["violations"] += [[nth, text] for text in found]
        shutil.rmtree(root, ignore_errors=True)
        if "." in told:
            break
        nth += stride
    print(json.dumps(report))


if __name__ == "__main__":
    main()
