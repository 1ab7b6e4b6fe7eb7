"""The store: names, steps, keeping, replacing, and falling back from damage."""

from __future__ import annotations

import errno
import json
import os
import random
import shutil
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

import numpy as np
import pytest

from rla.artifacts.checkpoints import directory as checkpoint_directory
from rla.artifacts.checkpoints.file import CheckedFile
from rla.artifacts.checkpoints.record import file_stem
from rla.artifacts.checkpoints.store import BARE_SAVE, CheckpointStore, adapter_for
from rla.errors import CheckpointError, CheckpointNotFoundError, ConfigError, MissingDependencyError, RlaWarning


@pytest.fixture
def folder(tmp_path) -> Path:
    return tmp_path / "checkpoint"


@pytest.fixture
def store(folder) -> CheckpointStore:
    return CheckpointStore(folder, adapter_for("numpy"), max_to_keep=3)


def another(store: CheckpointStore, keep: int | None = 3) -> CheckpointStore:
    """As a process has it that resumes the run."""
    return CheckpointStore(store.path_of(0).parent, adapter_for("numpy"), keep)


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def flip(path: Path, offset: int) -> None:
    data = bytearray(path.read_bytes())
    data[offset] ^= 1 << (offset % 8)
    path.write_bytes(data)


# --- saving and loading


def test_what_was_saved_comes_back(store):
    path = store.save(100, {"w": np.arange(3)}, {"epoch": 2}, {"returns": [1.0]})
    loaded = store.load()
    assert (loaded.step, loaded.path) == (100, path)
    assert loaded.model["w"].tolist() == [0, 1, 2]
    assert (loaded.related, loaded.custom, loaded.random_states) == ({"epoch": 2}, {"returns": [1.0]}, None)


def test_a_bare_save_keeps_the_step_and_the_variables(store):
    store.save(7, related={"seen": 5})
    loaded = store.load()
    assert (loaded.step, loaded.model, loaded.related, loaded.custom) == (7, None, {"seen": 5}, {})
    assert "model_dict" in BARE_SAVE


def test_files_are_called_after_name_and_step(store, folder):
    store.save(5, name="net")
    store.save(np.int64(6))
    assert names(folder) == ["checkpoint_6.npz", "checkpoint_6.npz.json", "net_5.npz", "net_5.npz.json"]


def test_a_step_may_be_chosen(store):
    for step in (1, 2, 3):
        store.save(step, step)
    assert store.load(2).model == 2


def test_random_states_are_kept_on_request(store):
    np.random.get_state()  # noqa: NPY002 - NumPy loads its generators when they are first used
    store.save(1, random_states=True)
    states = store.load().random_states
    assert {"python", "numpy"} <= states.keys()
    assert states["python"] == random.getstate()


def test_a_checkpoint_has_the_modes_and_the_group_of_other_files(store, folder):
    path = store.save(1)
    (folder / "own").touch()
    for file in (path, path.with_name(path.name + ".json")):
        assert file.stat().st_mode == (folder / "own").stat().st_mode


# --- keeping


def test_the_newest_are_kept(store):
    for step in range(6):
        store.save(step)
    assert store.steps() == [3, 4, 5]


def test_each_name_keeps_its_own_number(store):
    store.save(0, name="best")
    for step in range(10):
        store.save(step, name="net")
        if step % 4 == 0:
            store.save(step, name="best")
    assert store.steps("best") == [0, 4, 8]
    assert store.steps("net") == [7, 8, 9]
    assert store.names() == ["best", "net"]


def test_a_name_that_begins_like_another_is_another(store):
    for step in range(5):
        store.save(step, name="net")
        store.save(step, name="net_1")
    store.save(99, name="net")
    assert (store.steps("net"), store.steps("net_1")) == ([3, 4, 99], [2, 3, 4])


def test_a_resumed_run_goes_on_with_the_list_of_the_directory(store):
    for step in (1, 2, 3):
        store.save(step)
    another(store).save(4)
    assert store.steps() == [2, 3, 4]


@pytest.mark.parametrize("keep", [None, 0])
def test_all_can_be_kept(store, keep):
    for step in range(8):
        another(store, keep).save(step)
    assert len(store.steps()) == 8


def test_a_run_that_goes_back_keeps_and_loads_its_new_checkpoints(store):
    for step in (800, 900, 1000):
        store.save(step)
    for step in (510, 520):
        another(store).save(step)
    assert store.load().step == 520
    assert store.steps() == [510, 520, 1000]


def test_a_clock_that_goes_back_changes_nothing(store, monkeypatch):
    store.save(1)
    monkeypatch.setattr(time, "time_ns", lambda: 10**15)
    another(store).save(2)
    monkeypatch.undo()
    another(store).save(3)
    assert store.load().step == 3
    store.save(4)
    assert store.steps() == [2, 3, 4]


def test_a_negative_number_to_keep_is_refused(folder):
    with pytest.raises(ConfigError, match="-1"):
        CheckpointStore(folder, adapter_for("numpy"), -1)


def test_an_old_checkpoint_that_cannot_be_removed_is_told_and_does_not_hinder(store, monkeypatch):
    for step in (1, 2, 3):
        store.save(step)
    monkeypatch.setattr(Path, "unlink", lambda *_, **__: (_ for _ in ()).throw(PermissionError(13, "not permitted")))
    with pytest.warns(RlaWarning, match="could not be removed: not permitted"):
        store.save(4)
    monkeypatch.undo()
    store.save(5)
    assert store.steps() == [3, 4, 5]


# --- other files


OTHERS = ("best.pt", "notes.txt", "checkpoint_final.npz", "checkpoint_12.npz.bak", "checkpoint_007.npz", "x.json")


def test_other_files_disturb_nothing_and_stay(store, folder):
    folder.mkdir()
    for name in OTHERS:
        (folder / name).write_text(name)
    (folder / "checkpoint_99.npz").mkdir()
    for step in range(6):
        store.save(step)
    assert store.load().step == 5
    assert {*OTHERS, "checkpoint_99.npz"} <= set(names(folder))
    assert all((folder / name).read_text() == name for name in OTHERS)
    assert store.steps() == [3, 4, 5]


def test_a_copy_of_a_checkpoint_under_another_name_counts_for_nothing(store, folder):
    path = store.save(1)
    for suffix in ("", ".json"):
        shutil.copy(f"{path}{suffix}", folder / f"copy_50.npz{suffix}")
        shutil.copy(f"{path}{suffix}", folder / f"checkpoint_51.npz{suffix}")
    assert (store.steps(), store.steps("copy"), store.names()) == ([1], [], ["checkpoint"])
    assert store.load().step == 1


def test_a_file_of_another_program_is_not_overwritten(store, folder):
    folder.mkdir()
    (folder / "checkpoint_3.npz").write_text("theirs")
    with pytest.raises(CheckpointError, match="is not overwritten") as caught:
        store.save(3)
    assert caught.value.path == folder / "checkpoint_3.npz"
    assert names(folder) == ["checkpoint_3.npz"]
    assert (folder / "checkpoint_3.npz").read_text() == "theirs"


def test_a_file_of_another_program_is_loaded_by_its_step_and_told_to_be_unverified(store, folder):
    folder.mkdir()
    np.savez(folder / "checkpoint_3.npz", w=np.ones(2))
    with pytest.warns(RlaWarning, match="nobody knows whether it is whole"):
        loaded = store.load(3)
    assert (loaded.step, loaded.model["w"].tolist()) == (3, [1.0, 1.0])


def test_files_of_other_programs_are_the_newest_only_where_ours_are_not_and_they_are_trusted(store, folder):
    folder.mkdir()
    np.savez(folder / "checkpoint_30.npz", w=np.ones(2))
    with pytest.raises(CheckpointNotFoundError, match=r"Files of other programs.*'checkpoint': 30"):
        store.load()
    with pytest.warns(RlaWarning, match="whole"):
        assert store.load(trust=True).step == 30
    store.save(4)
    assert store.load(trust=True).step == 4


# --- names


@pytest.mark.parametrize(
    "name", ["a/b", "../up", "..", "with spaces", "ünïcode", "x" * 300, "con", "a\0b", ".hidden", "a\n", "%", "~"]
)
def test_any_name_is_safe(store, folder, name):
    path = store.save(1, {"w": 1}, name=name)
    assert path.parent == folder
    assert store.load(name=name).model == {"w": 1}
    assert store.names() == [name]
    assert len(names(folder)) == 2


def test_two_names_never_share_files(store):
    similar = ["a/b", "a_b", "a:b", "a\\b", "A/b", "a/b ", " a/b", file_stem("a/b"), "x" * 300, "x" * 301, "a.", "a_"]
    for number, name in enumerate(similar):
        store.save(1, number, name=name)
    assert [store.load(name=name).model for name in similar] == list(range(len(similar)))


@pytest.mark.parametrize("name", ["", None, 3])
def test_a_name_must_be_text(store, name):
    with pytest.raises(CheckpointError, match="name"):
        store.save(1, name=name)


@pytest.mark.parametrize("step", ["5", 1.5, None])
def test_a_step_must_be_an_integer(store, step):
    with pytest.raises(CheckpointError, match="integer"):
        store.save(step)


# --- nothing to load


def test_an_unknown_step_is_an_error_that_lists_what_there_is(store):
    for step in range(3):
        store.save(step)
    store.save(9, name="best")
    with pytest.raises(CheckpointNotFoundError, match=r"step 50.*'best': 9; 'checkpoint': 0, 1, 2") as caught:
        store.load(50)
    assert isinstance(caught.value, FileNotFoundError)


def test_an_unknown_name_is_an_error_that_lists_what_there_is(store):
    store.save(1)
    with pytest.raises(CheckpointNotFoundError, match=r"'net'.*'checkpoint': 1"):
        store.load(name="net")


def test_a_directory_that_is_not_there_holds_nothing(store):
    assert (store.steps(), store.names()) == ([], [])
    with pytest.raises(CheckpointNotFoundError, match="none"):
        store.load()


# --- damage


def test_every_flipped_bit_is_found_and_the_checkpoint_before_is_taken(store):
    store.save(1, {"w": np.arange(100)})
    path = store.save(2, {"w": np.arange(100)})
    whole = path.read_bytes()
    for offset in range(0, len(whole), 37):
        flip(path, offset)
        with pytest.warns(RlaWarning, match="is damaged: it is changed"):
            assert store.load().step == 1
        with pytest.raises(CheckpointError, match="damaged"):
            store.load(2)
        path.write_bytes(whole)
    assert store.load().step == 2


def test_every_flipped_bit_of_a_record_is_found(store):
    store.save(1, 1)
    path = store.save(2, 2)
    record = path.with_name(path.name + ".json")
    whole = record.read_bytes()
    for offset in range(len(whole) - 1):  # but for the line's end
        flip(record, offset)
        with pytest.warns(RlaWarning, match="damaged"):
            assert store.load().model == 1
        record.write_bytes(whole)
    assert store.load().model == 2


@pytest.mark.parametrize("left", [0, 1, 100, -1])
def test_a_truncated_checkpoint_is_found_and_does_not_count(store, left):
    store.save(1)
    path = store.save(2)
    os.truncate(path, left if left >= 0 else path.stat().st_size + left)
    assert store.steps() == [1]
    with pytest.warns(RlaWarning, match="bytes long instead of"):
        assert store.load().step == 1


def test_damaged_checkpoints_do_not_push_whole_ones_out(store):
    for step in (1, 2, 3):
        path = store.save(step)
    os.truncate(path, 10)
    store.save(4)
    assert store.steps() == [1, 2, 4]
    store.save(5)
    assert store.steps() == [2, 4, 5]


def test_when_all_are_damaged_the_error_says_so(store):
    path = store.save(1)
    flip(path, 50)
    with pytest.warns(RlaWarning, match="damaged"), pytest.raises(CheckpointNotFoundError, match="whole"):
        store.load()


def test_a_record_without_its_file_counts_for_nothing_and_goes_when_it_is_old(store):
    for step in (1, 2):
        path = store.save(step)
    path.unlink()
    record = path.with_name(path.name + ".json")
    assert (store.steps(), store.load().step) == ([1], 1)
    store.save(3)
    assert record.exists()
    os.utime(record, (0, 0))
    store.save(4)
    assert not record.exists()


def test_a_file_without_its_record_is_not_the_newest(store):
    store.save(1)
    path = store.save(2)
    path.with_name(path.name + ".json").unlink()
    assert store.load().step == 1


# --- saving again


def test_saving_a_step_again_replaces_it(store, folder):
    store.save(1, "old")
    store.save(1, "new")
    assert (store.load().model, store.steps()) == ("new", [1])
    record = json.loads((folder / "checkpoint_1.npz.json").read_text())
    assert len(record["contents"]) == 1


@pytest.mark.parametrize("broken", ["os.replace", "sync_directory"])
def test_a_failed_replacement_leaves_the_old_one_whole(store, folder, monkeypatch, broken):
    store.save(1, "old")
    real, calls = os.replace, []

    def fails_second(source, target):
        calls.append(target)
        if len(calls) == 2:
            raise OSError(errno.EIO, "broken disk")
        real(source, target)

    def fails(directory):
        raise OSError(errno.EIO, "broken disk")

    if broken == "os.replace":
        monkeypatch.setattr(os, "replace", fails_second)
    else:
        monkeypatch.setattr(checkpoint_directory, "sync_directory", fails)
    with pytest.raises(OSError, match="broken disk") as caught:
        store.save(1, "new")
    monkeypatch.undo()
    assert caught.value.errno == errno.EIO
    assert caught.value.filename == str(folder / "checkpoint_1.npz")
    assert store.load().model == "old"
    store.save(1, "newest")
    assert store.load().model == "newest"


def test_what_cannot_be_saved_leaves_the_old_ones_and_no_temporary_file(store, folder):
    store.save(1)
    before = names(folder)
    with pytest.raises(CheckpointError, match=r"model\['f'\]"):
        store.save(2, {"f": print})
    assert names(folder) == before


def test_an_interrupt_while_writing_leaves_the_old_ones_and_no_temporary_file(store, folder, monkeypatch):
    store.save(1)
    before = names(folder)

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(CheckedFile, "_write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        store.save(2, np.zeros(10))
    assert names(folder) == before


# --- others at work


def test_a_reader_never_fails_while_checkpoints_are_rotated(store):
    one = another(store, 1)
    one.save(0)
    done = threading.Event()

    def train():
        for step in range(1, 60):
            one.save(step % 7, step)
        done.set()

    thread = threading.Thread(target=train)
    thread.start()
    newest = 0
    try:
        while not done.is_set():
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                loaded = another(store).load()
            assert (loaded.model or 0) >= newest
            newest = loaded.model or 0
    finally:
        thread.join()
    assert another(store).load().model == 59


def test_two_processes_may_save_two_names_at_once(folder):
    script = """
import sys
from pathlib import Path
from rla.artifacts.checkpoints.store import CheckpointStore, adapter_for
store = CheckpointStore(Path(sys.argv[1]), adapter_for("numpy"), 2)
for step in range(30):
    store.save(step, step, name=sys.argv[2])
"""
    running = [subprocess.Popen([sys.executable, "-c", script, str(folder), name]) for name in ("actor", "critic")]
    assert [process.wait(120) for process in running] == [0, 0]
    store = CheckpointStore(folder, adapter_for("numpy"))
    assert (store.steps("actor"), store.steps("critic")) == ([28, 29], [28, 29])
    assert len(names(folder)) == 8


# --- adapters


def test_an_unknown_framework_is_refused_with_the_choice():
    with pytest.raises(ConfigError, match="torch, tensorflow, numpy"):
        adapter_for("jax")


@pytest.mark.parametrize("framework", ["torch", "tensorflow"])
def test_a_missing_library_names_the_extra(monkeypatch, framework):
    monkeypatch.setitem(sys.modules, framework, None)
    monkeypatch.delitem(sys.modules, f"rla.artifacts.checkpoints.{framework}_adapter", raising=False)
    with pytest.raises(MissingDependencyError, match=rf"rla\[{framework}\]"):
        adapter_for(framework)


def test_no_library_is_imported_before_it_is_used(script):
    script("""
        import sys
        from pathlib import Path
        from rla.artifacts.checkpoints.store import CheckpointStore, adapter_for
        CheckpointStore(Path("c"), adapter_for("numpy")).save(1, {"a": 1}, random_states=True)
        assert not {"torch", "tensorflow", "pandas"} & sys.modules.keys(), sys.modules.keys()
    """)
