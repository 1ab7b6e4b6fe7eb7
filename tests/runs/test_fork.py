"""What a run takes over from another, whole or not at all, and without touching it."""

from __future__ import annotations

import errno
import os

import numpy as np
import pytest

import rla
from rla import exp_manager, logger, time_step_holder
from rla.core.layout import CHECKPOINT, KINDS, LOG, RESULTS, TMP_DATA, RootPaths
from rla.errors import RunStartError
from rla.runs import spool
from rla.runs.create import RunRequest, create_run
from rla.runs.database import open_database
from rla.runs.fork import Fork
from tests.conftest import csv_rows
from tests.faults.conftest import mount

__all__ = ["mount"]

CONFIG = {"DL_FRAMEWORK": "numpy", "LOG_USED": ["csv", "json", "tensorboard", "log"]}


@pytest.fixture
def source(data_root):
    """A run of 10 steps with checkpoints at 2, 4, 6 and 8, and files of its own."""
    with rla.init("task", {"seed": 1}, data_root=data_root, config=CONFIG) as run:
        exp_manager.new_saver(None)
        for step in range(10):
            time_step_holder.set_time(step)
            logger.record_tabular("value", step)
            logger.dump_tabular()
            if step and step % 2 == 0:
                exp_manager.save_checkpoint({"w": np.full(3, step)})
                (run.results_dir / f"{step}-figure.png").write_bytes(b"png")
        (run.checkpoint_dir / "mine.pt").write_bytes(b"mine")
        (run.results_dir / "table.txt").write_text("text")
        (run.tmp_data_dir / "deep").mkdir()
        (run.tmp_data_dir / "deep" / "buffer.npy").write_bytes(b"transitions")
        (run.checkpoint_dir / ".dead.checkpoint.rla-tmp").mkdir()
    return run


def snapshot(top):
    """Every file's content and times."""
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in top.rglob("*") if path.is_file()}


def fork(source, step=4):
    part = Fork(source.uid, source.paths, step)
    new = create_run(RootPaths(source.paths.root), RunRequest("task", parent_uid=source.uid), fill=part.fill)
    return new, part


def names(paths, kind):
    top = paths.directory(kind)
    return sorted(str(path.relative_to(top)) for path in top.rglob("*"))


def test_values_up_to_the_step_come_along_in_every_format(source):
    new, part = fork(source)
    assert [row["time-step"] for row in csv_rows(new.paths.csv)] == ["0", "1", "2", "3", "4"]
    assert part.last_dump == float(csv_rows(source.paths.csv)[4]["timestamp"])
    assert len(new.paths.json.read_text().splitlines()) == 5
    assert [file.name for file in new.paths.events.iterdir()] == ["events.out.tfevents.0000000000.fork.0.0"]
    assert new.manifest.parent_uid == source.uid


def test_checkpoints_up_to_the_step_are_linked_and_files_of_others_are_copied(source):
    new, _ = fork(source)
    assert names(new.paths, CHECKPOINT) == [
        *(".rla-run", "checkpoint_2.npz", "checkpoint_2.npz.json", "checkpoint_4.npz", "checkpoint_4.npz.json"),
        "mine.pt",
    ]
    old, copied = source.paths.directory(CHECKPOINT), new.paths.directory(CHECKPOINT)
    assert (copied / "checkpoint_4.npz").samefile(old / "checkpoint_4.npz")
    assert not (copied / "mine.pt").samefile(old / "mine.pt")
    assert (copied / ".rla-run").read_text() == f"{new.manifest.uid}\n"


def test_results_of_later_steps_stay_behind_and_temporary_data_are_copied(source):
    new, _ = fork(source)
    assert names(new.paths, RESULTS) == [".rla-run", "2-figure.png", "4-figure.png", "table.txt"]
    assert names(new.paths, TMP_DATA) == [".rla-run", "deep", "deep/buffer.npy"]
    buffer = "deep/buffer.npy"
    assert not (new.paths.directory(TMP_DATA) / buffer).samefile(source.paths.directory(TMP_DATA) / buffer)


def test_the_source_is_not_touched(source):
    root = source.paths.root
    before = {kind: snapshot(root / kind / source.paths.place) for kind in KINDS}
    fork(source)
    assert {kind: snapshot(root / kind / source.paths.place) for kind in KINDS} == before


def test_saving_and_rotating_in_the_new_run_leaves_the_checkpoints_of_the_old_one(source):
    before = snapshot(source.paths.directory(CHECKPOINT))
    new, _ = fork(source)
    from rla.artifacts.checkpoints.store import CheckpointStore, adapter_for

    store = CheckpointStore(new.paths.directory(CHECKPOINT), adapter_for("numpy"), 1)
    store.save(4, np.zeros(3))
    store.save(5, np.zeros(3))
    assert store.steps() == [5]
    assert snapshot(source.paths.directory(CHECKPOINT)) == before


def test_a_full_disk_in_the_middle_leaves_nothing_of_the_new_run(source, mount, data_root):
    disk = mount("tmpfs", "size=300k")
    (source.paths.directory(TMP_DATA) / "large").write_bytes(os.urandom(400_000))
    part = Fork(source.uid, source.paths, 4)
    with pytest.raises(RunStartError, match="No space left on device") as caught:
        create_run(RootPaths(disk / "root"), RunRequest("task"), fill=part.fill)
    assert caught.value.errno == errno.ENOSPC
    assert [path for kind in KINDS for path in (disk / "root" / kind).rglob("*")] == []


def test_a_fork_to_another_disk_copies_the_checkpoints(source, mount):
    disk = mount("tmpfs")
    new = create_run(RootPaths(disk / "root"), RunRequest("task"), fill=Fork(source.uid, source.paths, 4).fill)
    copied = new.paths.directory(CHECKPOINT) / "checkpoint_4.npz"
    assert copied.read_bytes() == (source.paths.directory(CHECKPOINT) / "checkpoint_4.npz").read_bytes()
    assert copied.stat().st_nlink == 1


def test_what_a_killed_fork_had_copied_is_cleared_away_by_the_next_reader(source, data_root):
    if (pid := os.fork()) == 0:

        def fill(paths, uid):
            Fork(source.uid, source.paths, 4).fill(paths, uid)
            os._exit(9)  # as SIGKILL: no handler runs

        create_run(RootPaths(data_root), RunRequest("task"), fill=fill)
    os.waitpid(pid, 0)
    assert len(list(data_root.glob(f"{CHECKPOINT}/*/*/*/*/*"))) == 2
    assert [run.uid for run in open_database(data_root).runs()] == [source.uid]
    for kind in (LOG, CHECKPOINT, RESULTS, TMP_DATA):
        assert [path.name for path in data_root.glob(f"{kind}/*/*/*/*/*")] == [source.paths.log.name]
    assert spool.waiting_entries(RootPaths(data_root)) == []


def test_a_fork_that_is_under_way_is_left_alone_by_readers(source, data_root):
    def fill(paths, uid):
        Fork(source.uid, source.paths, 4).fill(paths, uid)
        assert len(open_database(data_root).runs()) == 1
        open_database(data_root).reindex()
        assert paths.csv.exists()

    new = create_run(RootPaths(data_root), RunRequest("task"), fill=fill)
    assert {run.uid for run in open_database(data_root).runs()} == {source.uid, new.manifest.uid}
