"""Go on from one stored run again and again, each time with a fault at a later system call, and check what is left.

Run as tests.faults.striking tells:  fork_sweep.py SCENE DIRECTORY ERROR LASTING STRIDE
SCENE is resume, auto or loader.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from pathlib import Path

import numpy as np

import rla
import rla.easy_log.continuing
from rla import exp_manager, logger, time_step_holder
from rla.core.layout import KINDS
from rla.easy_log.exp_loader import fork_log_file_fn
from rla.runs.database import open_database
from tests.faults.striking import Fault, Struck, in_child, strike, sweep

CONFIG = {"DL_FRAMEWORK": "numpy", "LOG_USED": ["csv", "tensorboard"]}
REFUSALS = (OSError, rla.errors.RlaError)
STEP = 4
NO_PARENT = "a run without a parent"
"""Of a run that has started already, the parent is the last thing that is written; a lasting fault keeps it out."""


def record(step: int) -> None:
    time_step_holder.set_time(step)
    logger.record_tabular("value", step * 1.5)
    logger.dump_tabular()


def make_source(root: Path) -> None:
    """A run that broke off at step 6, with a checkpoint at 2 and 4, a figure and a replay buffer."""
    with contextlib.suppress(KeyboardInterrupt), rla.init("task", {"seed": 1}, data_root=root, config=CONFIG) as run:
        for step in range(7):
            record(step)
            if step in {2, STEP}:
                exp_manager.save_checkpoint({"w": np.full(50, float(step))})
        (run.results_dir / "2-figure.png").write_bytes(b"png")
        (run.tmp_data_dir / "buffer").mkdir()
        (run.tmp_data_dir / "buffer" / "0.npy").write_bytes(b"transitions" * 1000)
        raise KeyboardInterrupt


def go_on(scene: str, root: Path, tell: int) -> None:
    """Go on from the source, two rows and a checkpoint; each finished step is told."""
    if scene == "resume":
        rla.resume("seed == 1 and state == 'interrupted'", data_root=root, config=CONFIG)
    elif scene == "auto":
        run = rla.init("task", {"seed": 1}, data_root=root, config=CONFIG, resume="auto")
        assert run.resumed is not None
    else:
        rla.init("task", {"seed": 2}, data_root=root, config=CONFIG)
        os.write(tell, b"i")
        fork_log_file_fn(root, "task", source_of(root).row["created"], sync_timestep=True)
    os.write(tell, b"s")
    for step in (STEP + 1, STEP + 2):
        record(step)
        os.write(tell, b"d")
    exp_manager.close()
    os.write(tell, b"e")


def source_of(root: Path):
    """The run that is gone on from."""
    return next(run for run in open_database(root).runs() if run.state == "interrupted")


def go_on_or_close(scene: str, root: Path, tell: int) -> None:
    """A refused one ends the run that has begun, if any."""
    try:
        go_on(scene, root, tell)
    except REFUSALS:
        exp_manager.close()
        raise


def fingerprint(root: Path, place: str) -> dict[str, tuple[int, bytes]]:
    """Every file of the run at a place."""
    return {
        str(file.relative_to(root)): (file.stat().st_mtime_ns, file.read_bytes())
        for kind in KINDS
        for file in (root / kind / place).rglob("*")
        if file.is_file()
    }


def violations(
    scene: str, root: Path, before: dict, told: str, killed: bool, lasting: bool, beyond_help: bool
) -> list[str]:
    """What is wrong with what was left, after the next reader."""
    found = []
    runs = open_database(root).runs()
    source = next(run for run in runs if run.state == "interrupted" and run.row["parent_uid"] is None)
    if fingerprint(root, source.paths.place) != before:
        found.append("the source was touched")
    places = {run.paths.place for run in runs}
    for kind in KINDS:
        leaves = [str(leaf.relative_to(root / kind)) for leaf in root.glob(f"{kind}/*/*/*/*/*")]
        found += [f"orphan {kind}/{leaf}" for leaf in leaves if leaf not in places]
    found += [f"left in the spool: {entry.name}" for entry in root.glob(".rla/spool/*")]
    if beyond_help:
        found = [text for text in found if not text.startswith(("orphan", "left"))]
    children = [run for run in runs if run.uid != source.uid]
    if "r" in told and scene != "loader" and children and not beyond_help:
        found.append("a refused start left a run behind")
    if "s" in told and len(children) != 1:
        found.append(f"{len(children)} runs go on")
    for child in children:
        wrong = wrong_child(child, source, scene, told, killed)
        found += [text for text in wrong if text != NO_PARENT or not lasting]
    if scene == "auto" and not children and "s" not in told:
        found += not_continued(root, source)
    return found


def wrong_child(child, source, scene: str, told: str, killed: bool) -> list[str]:
    """A child is whole, or (made before it took anything over) has no parent."""
    if child.row["parent_uid"] is None:
        return [] if scene == "loader" and "s" not in told else [NO_PARENT]
    found = []
    steps = [int(step) for step in child.curve("value")[0]]
    told_steps = [STEP + 1, STEP + 2][: told.count("d")]
    whole = list(range(STEP + 1))
    if steps[: len(whole)] != whole or (killed and steps[len(whole) :][: len(told_steps)] != told_steps):
        found.append(f"steps {steps} after {told!r}")
    for step in (2, STEP):
        twin = f"checkpoint_{step}.npz"
        if (child.checkpoint_dir / twin).read_bytes() != (source.checkpoint_dir / twin).read_bytes():
            found.append(f"{twin} is another one")
    if (child.paths.directory("tmp_data") / "buffer" / "0.npy").read_bytes() != b"transitions" * 1000:
        found.append("the buffer is another one")
    return found


def not_continued(root: Path, source) -> list[str]:
    """The job is started once more, without a fault: now it goes on."""
    run = rla.init("task", {"seed": 1}, data_root=root, config=CONFIG, resume="auto")
    exp_manager.close()
    return [] if run.parent_uid == source.uid else ["the next start does not go on"]


def main() -> None:
    scene, directory = sys.argv[1], Path(sys.argv[2])
    directory.mkdir(parents=True, exist_ok=True)
    problems = in_child(lambda: make_source(directory / "source") or [])
    assert not problems, problems

    def point(nth: int, fault: Fault) -> tuple[Struck, list[str]]:
        root = directory / f"root-{nth}"
        shutil.copytree(directory / "source", root)
        (leaf,) = root.glob("log/*/*/*/*/*")
        before = fingerprint(root, str(leaf.relative_to(root / "log")))
        struck = strike(lambda tell: go_on_or_close(scene, root, tell), root, nth, fault, REFUSALS)
        lasting = fault.lasting and fault.error != 0
        found = in_child(violations, scene, root, before, struck.told, struck.killed, lasting, fault.beyond_help)
        shutil.rmtree(root, ignore_errors=True)
        return struck, found

    sweep(point)


if __name__ == "__main__":
    main()
