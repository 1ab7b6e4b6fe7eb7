"""Real disks: full ones, unwritable ones, and one whose locks cannot be trusted."""

from __future__ import annotations

import errno
import json
import os
import warnings
from pathlib import Path

import pytest

import rla
from rla import logger, time_step_holder
from rla.errors import RlaWarning, RunStartError
from rla.fsio.filesystem import filesystem_type, is_local
from rla.runs.database import open_database
from tests.conftest import csv_rows

pytestmark = pytest.mark.faults


def fill(disk: Path) -> Path:
    """Take all the space that is left."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"\0" * 4096)
        except OSError as error:
            assert error.errno == errno.ENOSPC
    return filler


def test_a_start_on_a_full_disk_is_one_error_with_path_and_errno_and_leaves_nothing(mount):
    disk = mount("tmpfs", "size=256k")
    fill(disk)
    with pytest.raises(RunStartError, match="No space left on device") as caught:
        rla.init("t", {"seed": 1}, data_root=disk / "root")
    assert caught.value.errno == errno.ENOSPC
    assert str(disk) in caught.value.filename
    assert not list(disk.glob("root/log/**/run.json"))


@pytest.mark.parametrize("free", [4096 * count for count in (2, 5, 8, 10, 12)])
def test_a_start_that_runs_out_of_space_half_way_leaves_no_half_run(mount, free):
    disk = mount("tmpfs", "size=512k")
    open_database_once(disk / "root")
    filler = fill(disk)
    os.truncate(filler, filler.stat().st_size - free)
    try:
        rla.init("t", {"seed": 1}, data_root=disk / "root", log_used=["csv", "log"]).close()
    except RunStartError as error:
        assert error.errno == errno.ENOSPC
        assert not list(disk.glob("root/log/*"))
        assert not list(disk.glob("root/code/*"))


def open_database_once(root: Path) -> None:
    with warnings.catch_warnings():
        (root / ".rla").mkdir(parents=True)
        open_database(root)


def test_training_goes_on_over_a_full_disk_and_recording_resumes_when_there_is_room(mount):
    disk = mount("tmpfs", "size=1m")
    run = rla.init("t", {"seed": 1}, data_root=disk / "root", log_used=["csv", "log", "tensorboard"])
    dump(0)
    filler = fill(disk)
    with pytest.warns(RlaWarning) as told:
        for step in range(1, 400):
            dump(step)
    assert 1 <= len({str(warning.message) for warning in told}) <= 3
    filler.unlink()
    dump(400)
    run.close()

    steps = [int(row["time-step"]) for row in csv_rows(run.paths.csv)]
    assert steps[0] == 0
    assert steps[-1] == 400
    assert steps == sorted(set(steps))
    (stored,) = open_database(disk / "root").runs()
    assert stored.state == "finished"
    assert stored.row["lost"]["csv:ENOSPC"] > 0


def dump(step: int) -> None:
    time_step_holder.set_time(step)
    logger.logkvs({f"key{number}": step * 1.5 for number in range(20)})
    logger.dump_tabular()


def test_a_late_key_on_a_full_disk_keeps_the_row(mount):
    disk = mount("tmpfs", "size=1m")
    run = rla.init("t", data_root=disk / "root", log_used=["csv"])
    for step in range(300):
        dump(step)
    filler = fill(disk)
    os.truncate(filler, filler.stat().st_size - 4096)
    with pytest.warns(RlaWarning, match="could not be widened"):
        logger.record_tabular("late", 1.0)
        dump(300)
    filler.unlink()
    import time

    time.sleep(0.05)
    logger.record_tabular("late", 2.0)
    dump(301)
    run.close()
    rows = csv_rows(run.paths.csv)
    assert [row["time-step"] for row in rows] == [str(step) for step in range(302)]
    assert rows[-1]["late"] == "2.0"


def test_a_data_root_that_may_not_be_written_is_one_error_with_its_path(tmp_path, script):
    root = tmp_path / "theirs"
    root.mkdir(mode=0o555)
    os.chmod(tmp_path, 0o755)
    pid = os.fork()
    if pid == 0:
        try:
            for parent in (tmp_path, *tmp_path.parents):
                if parent.stat().st_uid == 0 and not parent.stat().st_mode & 1 and str(parent).startswith("/tmp/"):
                    os.chmod(parent, parent.stat().st_mode | 0o111)
            os.seteuid(65534)
            rla.init("t", data_root=root)
        except RunStartError as error:
            os._exit(0 if error.errno == errno.EACCES and str(root) in str(error) else 2)
        except BaseException:
            os._exit(3)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert not list(root.iterdir())


def test_sqlite_is_never_opened_in_place_on_a_file_system_that_is_not_known_to_be_local(mount, tmp_path):
    disk = mount("ramfs")
    assert filesystem_type(disk) == "ramfs"
    assert not is_local(disk)
    root = disk / "root"
    with rla.init("t", {"seed": 1}, data_root=root) as run:
        dump(5)
        assert [stored.state for stored in open_database(root).runs()] == ["running"]
    (stored,) = open_database(root).runs()
    assert (stored.uid, stored.state, stored.time_step) == (run.uid, "finished", 5)
    assert not list(root.rglob("*.db"))
    assert list(tmp_path.glob("cache/rla/index/*.db"))
    assert json.loads((root / ".rla" / "spool" / run.uid).read_text())["uid"] == run.uid


def test_another_machine_s_index_of_such_a_root_sees_the_same_runs(mount, tmp_path, monkeypatch):
    root = mount("ramfs") / "root"
    with rla.init("t", data_root=root):
        open_database(root)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "other machine"))
    assert [run.state for run in open_database(root).runs()] == ["finished"]
