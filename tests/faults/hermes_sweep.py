"""Run a batch again and again, each time with a fault at a later system call of hermes, and go on with it.

Run as tests.faults.striking tells:  hermes_sweep.py DIRECTORY ERROR LASTING STRIDE
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections import Counter
from pathlib import Path

from rla.batch import ahead
from rla.fsio.atomic_write import TEMP_MARK
from rla.fsio.file_lock import is_locked
from rla.runs import trees
from rla.runs.database import open_database
from rla_scripts.main import _run, group
from tests.faults.striking import Fault, Struck, in_child, strike, sweep

JOBS = 5
FILE = f"""PRE
identifier:off
threads:2
EXEC
PROD([[sh, count.sh, {{i}}],[-cb count.sh -ca kept.txt]], i=RANGE[0, {JOBS}])
"""
ENDS = {"0", "1", "4"}
"""Exit codes of hermes that may be told: all done, nothing was run, some failed."""


def prepare(root: Path) -> None:
    root.mkdir()
    (root / "a.hermes").write_text(FILE)
    (root / "count.sh").write_text("echo $1 >>ran\n")
    (root / "kept.txt").write_text("kept")
    (root / "ran").touch()


def hermes(root: Path, *options: str) -> int:
    """Carry the file out, in silence; jobs that take no time are the rule."""
    ahead._NO_TIME = 60.0
    os.chdir(root)
    silence = os.open(root.parent / "silence", os.O_WRONLY | os.O_CREAT)
    os.dup2(silence, 2)
    return _run(group, ["hermes", "exec", "-f", "a.hermes", *options])


def run_once(root: Path, tell: int) -> None:
    code = hermes(root)
    os.write(tell, str(code).encode())


def ran(root: Path) -> Counter[str]:
    return Counter((root / "ran").read_text().split())


def run_directories(tree: Path) -> set[Path]:
    return {path for path in tree.glob("count.sh/*") if not path.name.startswith(".")}


def wait_for_jobs(tree: Path) -> None:
    """Those that hermes has left behind."""
    deadline = time.monotonic() + 90
    while any(is_locked(file) for file in tree.rglob("run.json")):
        assert time.monotonic() < deadline
        time.sleep(0.005)


def violations(root: Path, struck: Struck, fault: Fault) -> list[str]:
    """What is wrong with what was left, for the next reader and for whoever goes on."""
    tree, found = root / "experiments", []
    trees._MOMENT = 0.0  # nobody makes anything at the same time
    wait_for_jobs(tree)
    before = ran(root)
    if not struck.killed and struck.told[:1] not in ENDS:
        found.append(f"hermes ended with {struck.told!r}")
    if struck.told.startswith("0") and before != expected():
        found.append(f"hermes said that all is done, and there ran {dict(before)}")
    if tree.joinpath(".rla", "root.json").exists():
        found += wrong_rows(tree)
    code = hermes(root, "--resume")
    if code:
        found.append(f"going on ended with {code}")
    if ran(root) != expected():
        found.append(f"there ran {dict(ran(root))} after {dict(before)}")
    return found + wrong_rows(tree) + wrong_ends(tree, fault)


def expected() -> Counter[str]:
    return Counter(str(number) for number in range(JOBS))


def wrong_rows(tree: Path) -> list[str]:
    """Rows and directories tell of the same runs, and nothing else is left."""
    rows = {run.log_dir for run in open_database(tree).runs()}
    places = run_directories(tree)
    found = [f"no row: {path.name} {sorted(os.listdir(path))}" for path in places - rows]
    found += [f"no directory: {path}" for path in rows - places]
    found += [f"left: {path}" for path in tree.glob(f"count.sh/**/.*{TEMP_MARK}")]
    return found


def wrong_ends(tree: Path, fault: Fault) -> list[str]:
    """Each job has one run that finished, and what it was to keep is kept once."""
    runs = open_database(tree).runs()
    finished = [run for run in runs if run.state == "finished"]
    found = [f"{run.row['name']} is {run.state}" for run in runs if run.is_open]
    if sorted(run.hyperparameters["args"][0] for run in finished) != list(range(JOBS)):
        found.append(f"{len(finished)} runs finished")
    if not fault.error:
        kept = [sorted(path.name for path in run.log_dir.glob("*.*t*")) for run in finished]
        found += [f"kept {names}" for names in kept if "kept.txt" not in names]
    return found


def main() -> None:
    directory = Path(sys.argv[1])

    def point(nth: int, fault: Fault) -> tuple[Struck, list[str]]:
        root = directory / f"root-{nth}"
        prepare(root)
        struck = strike(lambda tell: run_once(root, tell), root, nth, fault)
        found = in_child(violations, root, struck, fault)
        shutil.rmtree(root, ignore_errors=True)
        return struck, found

    sweep(point)


if __name__ == "__main__":
    main()
